"""A whole mesh on loopback: mosquitto, controller, agents, simulated BMCs, all real processes over TLS.

Everything lives in one temporary folder and on free ports; every process is stopped by its pid. Tests use
the CLI and REST like a person would, and read the ground truth from metalmesh-bmcsim.
"""
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("METALMESH_BIN", ROOT / "build/ci/bin"))
TEMPLATE = "install\ndeployment={{deployment}} hostname={{hostname}} address={{address}} callback={{callback_url}}\n"
# The environment's CA settings must not leak into programs under test.
ENV = {k: v for k, v in os.environ.items() if k not in
       ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "METALMESH_CONFIG")}


_given_ports = set()


def free_port() -> int:
    """Below the ports that the kernel hands to clients, and once only: nobody takes it before it is listened on."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given_ports:
            _given_ports.add(port)
            return port


def wait_until(what, check, timeout=60.0, pause=0.1):
    """Returns check()'s first true value; fails with `what` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out after {timeout:.0f} s: {what}")
        time.sleep(pause)


class Process:
    """One program under test; restarts with the same arguments, output appended to one log."""

    def __init__(self, name, argv, folder, env=None):
        self.name, self.argv, self.env = name, [str(a) for a in argv], {**ENV, **(env or {})}
        self.log = folder / f"{name}.log"
        self.pidfile = folder / f"{name}.pid"
        self.process = None
        self.popen = {}  # how it is started, beyond that

    def start(self, env=None, **popen):
        with open(self.log, "ab") as log:
            how = {"stdout": log, "stderr": log, **self.popen, **popen}
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, env={**self.env, **(env or {})}, **how)
        self.pidfile.write_text(str(self.process.pid))
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def stop(self, timeout=10):
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not stop within {timeout} s of SIGTERM")
        return self.process.returncode if self.process else None

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Mesh:
    def __init__(self, sites, install_ms=1000, keep=False, agent_config=None, controller_config=None, bmcsim_args=(),
                 qemu=(), media_config=None, media_hosts=(), worn=None, tools=()):
        self.sites = dict(sites)  # name -> number of servers
        self.install_ms = install_ms
        self.agent_config = agent_config or {}
        self.controller_config = controller_config or {}
        self.media_config = media_config or {}
        self.media_hosts = list(media_hosts)  # names of the media server beside 127.0.0.1
        self.bmcsim_args = list(bmcsim_args)
        self.qemu = list(qemu)  # values for metalmesh-bmcsim --qemu: "<server>[,option=...]"
        self.worn = worn or {}  # server -> file of its BMC's personality
        self.tools = list(tools)  # names of users that ask over the broker
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="metalmesh-"))
        self.keep = keep or bool(os.environ.get("KEEP"))
        self.pki = self.folder / "pki"
        self.agents, self.media, self.bmcs, self.control = {}, {}, {}, {}
        self.base = random.Random(os.getpid()).randrange(1, 200)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        for process in [*self.agents.values(), *self.media.values(), getattr(self, "controller", None), *self.bmcs.values(),
                        getattr(self, "broker", None)]:
            if process:
                process.kill()
        if kind is not None:
            print(f"--- failed; logs in {self.folder}")
            for log in sorted(self.folder.glob("*.log")):
                lines = log.read_text(errors="replace").splitlines()
                print(f"--- {log.name} (last 25 of {len(lines)} lines)")
                print("\n".join(line[:400] for line in lines[-25:]))
        elif not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- processes
    def start(self):
        args = [BIN / "metalmesh", "pki", "init", "--dir", self.pki, "--host", "localhost", "--host", "127.0.0.1"]
        for site in self.sites:
            args += ["--site", f"{site}={','.join(['127.0.0.1', *self.media_hosts])}" if self.media_hosts else site]
        args += [a for tool in self.tools for a in ("--tool", tool)]
        subprocess.run([str(a) for a in args], check=True, env=ENV, stdout=subprocess.DEVNULL)
        self.broker_port, self.api_port = free_port(), free_port()
        self.broker = self.start_broker()
        self.make_image()
        self.write_controller()
        self.controller = Process("controller", [BIN / "metalmesh-controller", "--config",
                                                 self.folder / "controller.yaml", "--log-format", "json"], self.folder).start()
        for index, (site, count) in enumerate(self.sites.items()):
            self.start_site(index, site, count)
        self.wait_api()

    def start_broker(self):
        subprocess.run([str(ROOT / "broker-config/render.sh"), str(self.pki), str(self.broker_port),
                        str(self.folder / "mosquitto.conf"), "127.0.0.1"], check=True, stdout=subprocess.DEVNULL)
        if os.geteuid() == 0:  # mosquitto would change to a user that may not read our keys
            with open(self.folder / "mosquitto.conf", "a") as conf:
                conf.write("user root\n")
        return Process("mosquitto", ["mosquitto", "-c", self.folder / "mosquitto.conf"], self.folder).start()

    def write_controller(self):
        config = {
            "dataDir": str(self.folder / "controller"),
            "broker": {"url": f"mqtts://localhost:{self.broker_port}"},
            "tls": {"ca": str(self.pki / "ca.crt"), "certificate": str(self.pki / "controller.crt"),
                    "key": str(self.pki / "controller.key")},
            "api": {"listen": f"127.0.0.1:{self.api_port}", "certificate": str(self.pki / "api.crt"),
                    "key": str(self.pki / "api.key"), "tokensFile": str(self.pki / "tokens")},
            "signingKey": str(self.pki / "controller-sign.key"),
            "siteKeysDir": str(self.pki / "site-keys"),
            "revocations": str(self.pki / "crl.pem"),
            "tools": {"certificate": str(self.pki / "controller-tools.crt"), "key": str(self.pki / "controller-tools.key")},
            **self.controller_config,
        }
        (self.folder / "controller.yaml").write_text(json.dumps(config, indent=1))

    def start_site(self, index, site, count):
        address, port, control = f"127.{self.base + index}.{random.randrange(200)}.1", free_port(), free_port()
        common = ["--site", site, "--count", count, "--first-address", address, "--port", port]
        for machine in self.qemu:
            common += ["--qemu", machine] if machine.startswith(f"{site}-n") else []
        common += [a for server, file in self.worn.items() for a in ("--personality", f"{server}={file}")]
        self.bmcs[site] = Process(f"bmcsim-{site}", [
            BIN / "metalmesh-bmcsim", "serve", *common, "--control-port", control, "--media-ca", self.pki / "ca.crt",
            "--install-ms", self.install_ms, "--qemu-dir", self.folder / "qemu", *self.bmcsim_args], self.folder).start()
        self.control[site] = f"http://127.0.0.1:{control}"
        inventory = subprocess.run([str(a) for a in [BIN / "metalmesh-bmcsim", "inventory", *common]], check=True,
                                   capture_output=True, text=True).stdout
        (self.folder / f"{site}-servers.yaml").write_text(inventory)
        self.set_password(site, "password")
        config = {
            "site": site, "dataDir": str(self.folder / f"agent-{site}"),
            "broker": {"url": f"mqtts://localhost:{self.broker_port}"},
            "tls": {"ca": str(self.pki / "ca.crt"), "certificate": str(self.pki / f"{site}.crt"),
                    "key": str(self.pki / f"{site}.key")},
            "controllerKey": str(self.pki / "controller-sign.pub"),
            "signingKey": str(self.pki / f"site-keys/{site}.key"),
            "credentialsFile": str(self.folder / f"{site}-credentials.yaml"),
            "media": {"listen": "127.0.0.1:" + str(free_port()), **self.media_config},
            "pollInterval": "200ms", "helloInterval": "2s",
            "imageSources": {"folders": ["/"], "networks": ["127.0.0.0/8", "::1"]},
            "bmcNetworks": [{"cidr": cidr, "firstContact": True, "mediaFrom": ["127.0.0.0/8", "::1/128"]}
                            for cidr in ("127.0.0.0/8", "::1/128")],
            "timeouts": {"unreachable": "4s", "confirm": "5s", "firstRead": "6s", "power": "10s", "stall": "8s"},
            **self.agent_config,
        }
        (self.folder / f"agent-{site}.yaml").write_text(json.dumps(config, indent=1))
        options = ["--config", self.folder / f"agent-{site}.yaml", "--log-format", "json"]
        self.media[site] = Process(f"media-{site}", [BIN / "metalmesh-agent", "media", *options], self.folder).start()
        self.agents[site] = Process(f"agent-{site}", [BIN / "metalmesh-agent", *options], self.folder).start()

    def set_password(self, site, password):
        path = self.folder / f"{site}-credentials.yaml"
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(f"{site}-bmc:\n  username: admin\n  password: {password}\n")
        fresh.rename(path)

    def make_image(self, size_mb=4):
        self.image = self.folder / "mm.iso"
        subprocess.run([str(ROOT / "tests/tools/make_iso.sh"), str(self.image), str(size_mb)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.image_sha256 = subprocess.run(["sha256sum", str(self.image)], check=True, capture_output=True,
                                           text=True).stdout.split()[0]

    # ---- REST
    def rest(self, method, path, body=None, headers=None, raw=None, token=True, timeout=20):
        """(status, headers, parsed body or text). Never raises for an HTTP status."""
        context = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        request = urllib.request.Request(f"https://localhost:{self.api_port}{path}", data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", "Bearer " + (self.pki / "admin.token").read_text().strip())
        for key, value in (headers or {}).items():
            request.add_header(key, value)
        try:
            reply = urllib.request.urlopen(request, context=context, timeout=timeout)
        except urllib.error.HTTPError as error:
            reply = error
        text = reply.read()
        with contextlib.suppress(ValueError):
            text = json.loads(text)
        return reply.status, reply.headers, text

    def wait_api(self):
        def up():
            assert self.controller.alive(), "the controller ended"
            with contextlib.suppress(OSError):
                return self.rest("GET", "/healthz", token=False)[0] in (200, 503)  # well, or it says what is not
        wait_until("the controller answers", up, 30)

    def get(self, path):
        status, _, body = self.rest("GET", "/api/v1" + path)
        assert status == 200, (path, status, body)
        return body

    def every(self, path):
        """All pages of a list."""
        items, after = [], ""
        while after is not None:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=1000&after={after}")
            items += page.get("items", [])
            after = page.get("next")
        return items

    # ---- CLI
    def cli_argv(self, *args):
        return [str(BIN / "metalmesh"), "--server", f"https://localhost:{self.api_port}", "--ca", str(self.pki / "ca.crt"),
                "--token-file", str(self.pki / "admin.token"), *[str(a) for a in args]]

    def cli(self, *args, check=True, timeout=180, stdin=None):
        result = subprocess.run(self.cli_argv(*args), capture_output=True, text=True, timeout=timeout, env=ENV, input=stdin)
        if check and result.returncode != 0:
            raise AssertionError(f"metalmesh {' '.join(map(str, args))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    # ---- objects
    def apply_basics(self, family="placeholder", **profile):
        spec = {"family": family, **({"template": {"inline": TEMPLATE}} if family == "placeholder" else {}),
                "proof": {"minimum": "callback", "within": "60s"}, "maxRun": "120s",
                "stallAfter": "8s", **profile}
        documents = []
        for site in self.sites:
            documents.append({"kind": "Site", "metadata": {"name": site}, "spec": {"limits": {"parallel": 20}}})
            documents.append({"kind": "Credential", "metadata": {"name": f"{site}-bmc"}, "spec": {"site": site}})
        documents.append({"kind": "Image", "metadata": {"name": "mm"}, "spec": {
            "family": family, "iso": {"urls": [f"file://{self.image}"], "sha256": self.image_sha256}}})
        documents.append({"kind": "Profile", "metadata": {"name": "base"}, "spec": spec})
        self.apply("basics", *documents)
        for site in self.sites:
            self.cli("apply", "-f", self.folder / f"{site}-servers.yaml")

    def apply(self, name, *documents):
        path = self.folder / f"{name}.yaml"
        path.write_text("\n---\n".join(json.dumps({"apiVersion": "metalmesh/v1", **d}, indent=1) for d in documents))
        self.cli("apply", "-f", path)

    def wait_ready(self, count=None, timeout=60):
        total = count if count is not None else sum(self.sites.values())
        def ready():
            return sum(s.get("status", {}).get("phase") == "ready" for s in self.every("/servers")) >= total
        wait_until(f"{total} servers are ready", ready, timeout)

    def rollout(self, name, **spec):
        body = {"action": "install", "image": "mm", "profile": "base", "startWithin": "600s", "launchWithin": "600s", **spec}
        path = self.folder / f"rollout-{name}.yaml"
        path.write_text(json.dumps({"apiVersion": "metalmesh/v1", "kind": "Rollout", "metadata": {"name": name},
                                    "spec": body}, indent=1))
        self.cli("apply", "-f", path)
        self.cli("rollout", "plan", name)
        return self.get(f"/rollouts/{name}")["status"]["plan"]

    def start_rollout(self, name, **spec):
        plan = self.rollout(name, **spec)
        self.cli("rollout", "start", name, "--plan", plan["digest"], "--confirm", len(plan["servers"]))
        return plan

    def deployments(self, rollout):
        return {d["server"]: d for d in self.every(f"/deployments?rollout={rollout}")}

    def wait_done(self, rollout, timeout=120, supervise=()):
        """Until every deployment ended; restarts the processes in `supervise` whenever they died."""
        ends = {"SUCCEEDED", "UNPROVEN", "FAILED", "CANCELLED", "INDETERMINATE"}
        def done():
            for process in supervise:
                if not process.alive():
                    process.start()
            with contextlib.suppress(OSError):
                found = self.deployments(rollout)
                return found if found and all(d["state"] in ends for d in found.values()) else None
        return wait_until(f"rollout {rollout} ends", done, timeout)

    def events(self):
        out, after = [], 0
        while True:
            page = self.get(f"/events?after={after}&limit=500").get("items", [])
            if not page:
                return out
            out += page
            after = page[-1]["id"]

    # ---- ground truth
    def sim(self, site, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(self.control[site] + path, data=data,
                                                           method="POST" if data else "GET"), timeout=10) as reply:
            return json.loads(reply.read())

    def truth(self):
        return {s["name"]: s for site in self.sites for s in self.sim(site, "/state")["servers"]}

    def acts(self, site):
        return self.sim(site, "/acts")["acts"]

    def set_bmc(self, server, **change):
        return self.sim(server.rsplit("-n", 1)[0], f"/servers/{server}", change)

    def check_truth(self, installed, untouched=(), lost_logins=0):
        """Each of `installed` was installed exactly once; nothing is owed anywhere. A login whose answer an agent did not
        live to see leaves a session, which its next life finds by account and address if it logs in there once more: at most
        `lost_logins` of them per server."""
        truth = self.truth()
        for name, server in truth.items():
            assert not server["violations"], (name, server["violations"])
        for name in installed:
            server = truth[name]
            assert len(server["installs"]) == 1 and server["installs"][0]["completed"], (name, server)
            assert server["media"] == "", (name, "media left", server)
        for name in untouched:
            assert truth[name]["installs"] == [], (name, truth[name])
        def left():
            return {n: s["sessions"] for n, s in self.truth().items() if s["sessions"] > lost_logins}
        try:
            wait_until("", lambda: not left(), 20)
        except AssertionError:
            raise AssertionError(f"more than {lost_logins} sessions of ours are left: {left()}") from None

    def check_events(self):
        """Numbers rise by one; per site and journal the sequence is exactly 1..n."""
        events = self.events()
        assert [int(e["number"]) for e in events] == list(range(1, len(events) + 1)), "event numbers have a gap"
        per = {}
        for event in events:
            if event.get("seq"):
                per.setdefault((event["site"], event["journalId"]), []).append(int(event["seq"]))
        for key, seqs in per.items():
            assert seqs == list(range(1, len(seqs) + 1)), (key, seqs[:20])
        return events


def succeeded(deployments, names=None):
    for name, deployment in deployments.items():
        if names is None or name in names:
            assert deployment["state"] == "SUCCEEDED", (name, deployment)


class Skipped(Exception):
    """What a test needs is not there; says what."""


def main(tests):
    """Runs the functions named on the command line, or all; prints a line each. Of a script that tested nothing, because all of it
    was skipped, the code is 77: it has not passed."""
    chosen = sys.argv[1:] or [t.__name__ for t in tests]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    ran, skipped = 0, 0
    for test in tests:
        if test.__name__ in chosen:
            begin = time.monotonic()
            try:
                test()
            except Skipped as why:
                print(f"skipped: {test.__name__}: {why}", flush=True)
                skipped += 1
                continue
            print(f"ok {test.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)
            ran += 1
    if skipped and not ran:
        sys.exit(77)
