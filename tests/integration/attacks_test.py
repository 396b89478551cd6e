#!/usr/bin/env python3
"""Who holds little and wants much: floods of connections while somebody has to stop something, words of one site and of one
token that would harm others. Real broker and processes. METALMESH_LONG_TESTS: as many connections as an attacker would take."""
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import re
import resource
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request

import attack_table
import next_steps_test
from mesh import BIN, ENV, TEMPLATE, Mesh, main, wait_until

LONG = os.environ.get("METALMESH_LONG_TESTS") == "1"
IDLE = 2000 if LONG else 700
STREAMS = 2000 if LONG else 300
MEDIA = 4500 if LONG else 600
SOON = 3.0  # seconds in which a stop acts, whatever else goes on


def many_descriptors():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))


def quiet(port, tls=True):
    """A connection that asks nothing; whom it reached is no matter to it."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=5)
    return ssl._create_unverified_context().wrap_socket(raw) if tls else raw


def stream(mesh, token):
    """One that follows the events."""
    sock = quiet(mesh.api_port)
    sock.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
                 f"Authorization: Bearer {token}\r\n\r\n".encode())
    return sock


def in_seconds(what):
    begin = time.monotonic()
    result = what()
    return time.monotonic() - begin, result


def rss(process):
    """MiB"""
    for line in (pathlib.Path("/proc") / str(process.process.pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024


def agent_command(mesh, site, *args):
    return subprocess.run([str(a) for a in (BIN / "metalmesh-agent", "--config", mesh.folder / f"agent-{site}.yaml", *args)],
                          capture_output=True, text=True, timeout=60, env=ENV)


def a_stop_is_heard_under_siege():
    many_descriptors()
    with Mesh({"par1": 6}, install_ms=8000) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.start_rollout("r", select={"sites": ["*"]}, stopAfter={"noCanary": True}, parallel={"perSite": 3})
        wait_until("some are launched", lambda: any(d.get("launched") for d in mesh.deployments("r").values()), 60)
        token = (mesh.pki / "admin.token").read_text().strip()
        held = []
        with contextlib.ExitStack() as stack:
            for i in range(IDLE + STREAMS):
                with contextlib.suppress(OSError):
                    held.append(stack.enter_context(stream(mesh, token) if i % 3 == 0 and i // 3 < STREAMS
                                                    else quiet(mesh.api_port, tls=i % 2 == 0)))
            assert len(held) > (IDLE + STREAMS) * 0.9, len(held)
            took, result = in_seconds(lambda: mesh.cli("rollout", "abort", "r", "--reason", "siege", timeout=30))
            assert took < SOON, f"abort took {took:.1f} s: {result.stdout}{result.stderr}"
            # And on the host, without a token and without the network.
            took, result = in_seconds(lambda: subprocess.run(
                [str(BIN / "metalmesh"), "--server", f"unix:{mesh.folder}/controller/admin.sock", "server", "protect", "par1-n006",
                 "--reason", "siege"], capture_output=True, text=True, timeout=30, env=ENV))
            assert result.returncode == 0 and took < SOON, (took, result.stdout, result.stderr)
        ends = mesh.wait_done("r")
        assert {d["state"] for d in ends.values()} <= {"SUCCEEDED", "CANCELLED"}, ends
        assert any(d["state"] == "CANCELLED" for d in ends.values()), ends
        mesh.check_truth([n for n, d in ends.items() if d["state"] == "SUCCEEDED"],
                         [n for n, d in ends.items() if d["state"] == "CANCELLED"])
        [line] = [e for e in mesh.events() if e.get("server") == "par1-n006" and "siege" in e.get("message", "")][-1:]
        assert "unix:" in json.dumps(line), line


def bodies_of_strangers_are_not_read():
    with Mesh({"par1": 1}) as mesh:
        before = rss(mesh.controller)
        body = b"x" * (1 << 20)
        open_ones = []
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    sock = stack.enter_context(quiet(mesh.api_port))
                    sock.settimeout(1)
                    open_ones.append(sock)
                    sock.sendall(b"POST /api/v1/servers/a/inspect HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nobodys\r\n"
                                 b"Content-Length: 1048576\r\n\r\n" + body[:-1])
            grown = rss(mesh.controller) - before
        assert grown < 40, f"{grown:.0f} MiB for {len(open_ones)} bodies of nobody"
        status, _, text = mesh.rest("POST", "/api/v1/servers/a/inspect", raw=body, token=False)
        assert status == 401, (status, text)


def guessing_gets_slower_and_stops_nobody():
    with Mesh({"par1": 1}) as mesh:
        assert mesh.rest("GET", "/api/v1/servers")[0] == 200
        said = [mesh.rest("GET", "/api/v1/servers", token=False, headers={"Authorization": f"Bearer guess{i}"})[0] for i in range(30)]
        assert said[:10] == [401] * 10 and said.count(429) > 10, said
        assert mesh.rest("GET", "/api/v1/servers")[0] == 200, "who was known goes on"
        status, _, text = mesh.rest("POST", "/api/v1/rollouts/none/abort", body={"reason": "x"})
        assert status == 404, (status, text)


def a_person_at_the_site_stops_it():
    with Mesh({"par1": 4}, install_ms=1500) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.broker.stop()  # neither controller nor broker is needed
        took, said = in_seconds(lambda: agent_command(mesh, "par1", "stop-all", "--reason", "smoke in the hall"))
        assert said.returncode == 0 and took < SOON and "0 orders cancelled" in said.stdout, (took, said)
        mesh.broker.start()
        agent = mesh.agents["par1"]
        agent.stop()
        agent.start()  # it holds over a restart
        mesh.start_rollout("r", select={"sites": ["*"]}, stopAfter={"noCanary": True})
        ends = mesh.wait_done("r", 60)
        assert {d["state"] for d in ends.values()} == {"FAILED"}, ends
        assert "smoke in the hall" in json.dumps(ends), ends
        mesh.check_truth([], list(ends))
        wait_until("the controller was told", lambda: any("smoke in the hall" in e.get("message", "") for e in mesh.events()), 20)
        said = agent_command(mesh, "par1", "resume")
        assert said.returncode == 0 and "orders are taken again" in said.stdout, said
        mesh.start_rollout("again", select={"sites": ["*"]}, stopAfter={"noCanary": True})
        ends = mesh.wait_done("again")
        assert {d["state"] for d in ends.values()} == {"SUCCEEDED"}, ends
        agent.stop()
        said = agent_command(mesh, "par1", "stop-all", "--reason", "nobody runs")
        assert said.returncode == 0 and "no agent runs here" in said.stdout, said
        assert (mesh.folder / "agent-par1/stopped").read_text() == "nobody runs"


def quiet_connections_keep_no_medium_from_a_bmc():
    many_descriptors()
    with Mesh({"par1": 2}) as mesh:
        media = mesh.media["par1"]
        if not LONG:
            media.stop()
            media.argv = ["prlimit", "--nofile=300:300", *media.argv]
            media.start()
        mesh.apply_basics()
        mesh.wait_ready()
        port = int(json.loads((mesh.folder / "agent-par1.yaml").read_text())["media"]["listen"].rsplit(":", 1)[1])
        stop, held = threading.Event(), []

        def besiege():
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    held.append(quiet(port, tls=len(held) % 2 == 0))
                if len(held) > MEDIA:
                    held.pop(0).close()
        siege = threading.Thread(target=besiege)
        siege.start()
        try:
            wait_until("the port is full", lambda: len(held) >= min(MEDIA, 300), 60)
            mesh.start_rollout("r", select={"sites": ["*"]}, stopAfter={"noCanary": True})
            ends = mesh.wait_done("r")
        finally:
            stop.set()
            siege.join()
            for sock in held:
                sock.close()
        assert {d["state"] for d in ends.values()} == {"SUCCEEDED"}, ends
        mesh.check_truth(list(ends))


class Seen(http.server.BaseHTTPRequestHandler):
    paths = []

    def do_GET(self):
        Seen.paths.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def an_image_names_nothing_that_its_site_did_not_open():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Seen)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as opened, Mesh({"par1": 1}, agent_config={"imageSources": {"folders": [opened]}}) as mesh:
        images = pathlib.Path(opened)
        mesh.apply_basics()
        secret = mesh.folder / "par1-credentials.yaml"
        (images / "link.iso").symlink_to(secret)
        (images / "zero.iso").symlink_to("/dev/zero")
        os.mkfifo(images / "fifo.iso")
        (images / "other.iso").write_text("not it")
        right = hashlib.sha256(secret.read_bytes()).hexdigest()  # as a dictionary would try it
        urls = {"secret": f"file://{secret}", "link": f"file://{images}/link.iso", "up": f"file://{images}/../x", "zero": "file:///dev/zero",
                "zero-link": f"file://{images}/zero.iso", "fifo": f"file://{images}/fifo.iso", "other": f"file://{images}/other.iso",
                "local": f"http://127.0.0.1:{server.server_port}/x", "metadata": "http://169.254.169.254/latest/meta-data"}
        said = {}
        for number, (name, url) in enumerate(urls.items()):
            digest = right if name == "secret" else hashlib.sha256(str(number).encode()).hexdigest()
            mesh.apply(f"image-{name}", {"kind": "Image", "metadata": {"name": name}, "spec": {
                "family": "placeholder", "iso": {"urls": [url], "sha256": digest}}})
            mesh.cli("image", "prefetch", name, "--site", "par1")

            def failed():
                for event in mesh.events():
                    if digest[:12] in event.get("message", "") and "not at the site" in event["message"]:
                        return event["message"]
            said[name] = wait_until(f"{name} is refused", failed, 60)
        nothing = "no file below the folders of this site's images"
        for name in ("secret", "link", "up", "zero", "zero-link"):
            assert nothing in said[name], said[name]
        assert "no regular file" in said["fifo"], said["fifo"]
        assert hashlib.sha256(b"not it").hexdigest() not in said["other"], said["other"]
        assert "this site's own machine" in said["local"] and "link-local" in said["metadata"], said
        assert Seen.paths == [], Seen.paths
    server.shutdown()


def as_user(mesh, token, method, path, body=None):
    status, _, text = mesh.rest(method, "/api/v1" + path, body=body, token=False, headers={"Authorization": "Bearer " + token})
    return status, text


def a_person_of_one_site_has_that_alone_as_long_as_the_token_is_good():
    with Mesh({"par1": 1, "lyo1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        kept = mesh.folder / "eve.token"
        mesh.cli("user", "create", "eve", "--role", "operator", "--site", "par1", "--keep-in", kept)
        assert kept.stat().st_mode & 0o077 == 0
        eve = kept.read_text().strip()
        said = as_user(mesh, eve, "GET", "/changes?after=0")[1]
        assert "par1-n001" in json.dumps(said) and "lyo1" not in json.dumps(said), said
        for method, path, body in (("POST", "/servers/lyo1-n001/inspect", None), ("GET", "/servers/lyo1-n001", None),
                                   ("PUT", "/rollouts/x", {"spec": {"action": "inspect", "select": {"sites": ["*"]}}})):
            status, text = as_user(mesh, eve, method, path, body)
            assert status in (403, 404), (method, path, status, text)
        assert as_user(mesh, eve, "POST", "/servers/par1-n001/inspect")[0] == 202
        found = subprocess.run(["grep", "-rlaF", eve, str(mesh.folder / "controller")], capture_output=True, text=True)
        assert found.returncode == 1, found
        with stream(mesh, eve) as sock:
            sock.settimeout(10)
            assert b"200" in sock.recv(4096)
            argv = [str(kept) if a == str(mesh.pki / "admin.token") else a for a in mesh.cli_argv("get", "servers", "--watch")]
            watch = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV)
            time.sleep(1)
            mesh.cli("user", "revoke", "eve", hashlib.sha256(eve.encode()).hexdigest()[:12])

            def until_it_ends():
                told = b""
                while not told.endswith(b"0\r\n\r\n"):
                    told += sock.recv(4096)
            took, _ = in_seconds(until_it_ends)
            assert took < 2, took
            said, _ = watch.communicate(timeout=20)
            assert watch.returncode != 0 and "token" in said, (watch.returncode, said)
        assert as_user(mesh, eve, "GET", "/servers")[0] == 401


def a_burst_with_a_bad_profile_is_one_rollout():
    """Of 200 rollouts of one server each, in METALMESH_LONG_TESTS."""
    count = 200 if LONG else 8
    with Mesh({"par1": count}, install_ms=1000) as mesh:
        mesh.apply_basics(proof={"minimum": "callback", "within": "2s"})
        mesh.wait_ready(timeout=300)
        servers = [f"par1-n{i + 1:03}" for i in range(count)]
        for server in servers:
            mesh.set_bmc(server, callsBack=False)
        kept = mesh.folder / "tool.token"
        mesh.cli("user", "create", "tool", "--role", "operator", "--keep-in", kept)
        tool = kept.read_text().strip()
        refused = []
        for server in servers:
            spec = {"action": "install", "image": "mm", "profile": "base", "select": {"servers": [server]}, "parallel": {"perSite": 3}}
            assert as_user(mesh, tool, "PUT", f"/rollouts/{server}", {"spec": spec})[0] == 201
            status, planned = as_user(mesh, tool, "POST", f"/rollouts/{server}/plan")
            assert status == 200, planned
            status, said = as_user(mesh, tool, "POST", f"/rollouts/{server}/start",
                                   {"plan": planned["status"]["plan"]["digest"], "confirm": 1})
            if status != 200:
                refused.append(said)
        ended = {"SUCCEEDED", "UNPROVEN", "FAILED", "CANCELLED", "INDETERMINATE"}
        wait_until("all ended", lambda: all(d["state"] in ended for d in mesh.every("/deployments")), 120)
        ends = mesh.every("/deployments")
        wiped = [d["server"] for d in ends if d.get("launched")]
        assert len(ends) + len(refused) == count and 3 <= len(wiped) <= 6, [(d["server"], d["state"]) for d in ends]
        told = json.dumps([d.get("note", "") for d in ends if d["state"] == "CANCELLED"] + refused)
        assert hashlib.sha256(tool.encode()).hexdigest()[:12] in told and "failed after the wipe" in told, told
        mesh.check_truth([], [server for server in servers if server not in wiped])


SECRET = "K10a1b2c3d4e5f60718293a4b5c6d7e8f9"


class Trap(http.server.BaseHTTPRequestHandler):
    """A BMC of the attacker's: it keeps what it is told."""
    protocol_version = "HTTP/1.1"
    told = []

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        Trap.told.append(f"GET {self.path} {self.headers.get('Authorization', '')}")
        self.answer(200, {"@odata.id": "/redfish/v1/", "RedfishVersion": "1.15.0", "UUID": "1", "Systems": {"@odata.id": "/redfish/v1/Systems"},
                          "Links": {"Sessions": {"@odata.id": "/redfish/v1/SessionService/Sessions"}}})

    def do_POST(self):
        Trap.told.append(f"POST {self.path} {self.rfile.read(int(self.headers['Content-Length'])).decode()}")
        self.answer(401, {})

    def log_message(self, *_):
        pass


def trap(mesh):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trap)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(mesh.pki / "api.crt", mesh.pki / "api.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def reachable(mesh, server):
    found = [c for c in mesh.get(f"/servers/{server}")["status"].get("conditions", []) if c["type"] == "Reachable"]
    return found[0]["reason"] if found else ""


def no_password_goes_to_whom_nobody_stands_for(mesh):
    """An operator's token names an address; whoever answers there at first contact gets the site's password."""
    server = trap(mesh)
    mesh.apply_basics(vars={"joinToken": SECRET}, template={"inline": TEMPLATE + "join={{joinToken}}\n"})
    spec = {"site": "par1", "bmc": {"address": f"127.0.0.1:{server.server_port}", "credential": "par1-bmc"}, "state": "new"}
    mesh.apply("trap", {"kind": "Server", "metadata": {"name": "trap"}, "spec": spec})
    wait_until("the trap was looked at", lambda: reachable(mesh, "trap") == "BMC_KEY_UNKNOWN", 30)
    assert Trap.told and all(t.startswith("GET /redfish/v1") and "Basic" not in t for t in Trap.told), Trap.told
    # With a key that the attacker says is right, it is in none of the networks of the site's own file.
    seen = len(Trap.told)
    key = mesh.get("/servers/trap")["status"]["bmcKeySha256"]
    outside = {**spec, "bmc": {**spec["bmc"], "address": f"127.250.0.1:{server.server_port}", "keySha256": key}}
    mesh.apply("trap", {"kind": "Server", "metadata": {"name": "trap"}, "spec": outside})
    wait_until("it is not to be asked", lambda: reachable(mesh, "trap") == "BMC_NOT_ALLOWED", 30)
    assert len(Trap.told) == seen and "password" not in json.dumps(Trap.told), Trap.told
    mesh.cli("delete", "server", "trap", "--confirm", "trap", check=False)
    server.shutdown()
    # And people get through: a key that somebody has looked at, a delivery that somebody lets in.
    first = "par1-n001"
    wait_until("its key is shown", lambda: reachable(mesh, first) == "BMC_KEY_UNKNOWN", 30)
    assert mesh.truth()[first]["sessions"] == 0
    said = mesh.cli("server", "accept", first).stdout
    assert "is approved" in said, said
    wait_until("it is ready", lambda: mesh.get(f"/servers/{first}")["status"]["phase"] == "ready", 30)
    network = mesh.get(f"/servers/{first}")["spec"]["bmc"]["address"].split(":")[0].rsplit(".", 1)[0] + ".0/24"
    mesh.cli("site", "first-contact", "par1", "--network", network, "--for", "1h", "--reason", "delivery")
    mesh.wait_ready()


def a_medium_and_a_callback_are_nobody_elses(mesh):
    """A viewer at a BMC knows the URL of its medium, and with it the answer file; whoever has that can call back."""
    mesh.set_bmc("par1-n001", postMs=4000)
    mesh.start_rollout("borrowed", select={"servers": ["par1-n001"]})

    def armed():
        return mesh.deployments("borrowed")["par1-n001"].get("stage") == "WATCH" and mesh.truth()["par1-n001"]["media"]
    url = wait_until("its medium is open", armed, 60, pause=0.05)
    host, port, path = re.match(r"https://([^/:]+):(\d+)(/.*)", url).groups()
    with socket.create_connection((host, int(port)), timeout=5, source_address=("127.0.0.66", 0)) as raw, \
            ssl._create_unverified_context().wrap_socket(raw) as thief:
        thief.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        said = thief.recv(100)
    assert b" 403 " in said, said
    ends = mesh.wait_done("borrowed")
    assert ends["par1-n001"]["state"] == "SUCCEEDED", ends
    assert any("127.0.0.66 wanted to read" in e.get("message", "") for e in mesh.events()), "told"
    # A system that is to have another address is not the one that calls from here.
    server = mesh.get("/servers/par1-n002")
    server["spec"]["host"] = {"network": {"links": [{"name": "eno1", "addresses": ["10.21.0.60/24"]}]}}
    mesh.apply("elsewhere", {"kind": "Server", "metadata": server["metadata"], "spec": server["spec"]},
               {"kind": "Profile", "metadata": {"name": "quick"}, "spec": {
                   **mesh.get("/profiles/base")["spec"], "vars": {"joinToken": SECRET}, "proof": {"minimum": "callback", "within": "4s"}, "template": {
                       "inline": TEMPLATE + "net={{host.network.primary.name}} {{host.network.primary.ipv4.cidr}}\n"}}})
    mesh.start_rollout("called", profile="quick", select={"servers": ["par1-n002"]})
    [end] = mesh.wait_done("called").values()
    assert end["state"] == "UNPROVEN" and end["fault"]["code"] == "PROOF_MISSING", end
    assert "127.0.0.1 called in its place" in end["fault"]["seen"] and "10.21.0.60/32" in end["fault"]["seen"], end


def secrets_are_written_and_not_read(mesh):
    secrets = {"hash": "$6$rounds=5000$saltsalt$0123456789abcdef0123456789abcdef", "token": "K10f3a9c2e4b6d8f0a1c3e5b7d9f1a3c"}
    spec = {**mesh.get("/profiles/base")["spec"], "vars": {"joinToken": secrets["token"]}, "host": {"root": {"passwordHash": secrets["hash"]}},
            "template": {"inline": f"rootpw --iscrypted {secrets['hash']}\n"}}
    mesh.apply("secretive", {"kind": "Profile", "metadata": {"name": "secretive"}, "spec": spec})
    shown = mesh.get("/profiles/secretive")
    everything = json.dumps([shown, mesh.get("/profiles"), mesh.get("/profiles/secretive/versions/1"), mesh.get("/changes?kind=Profile"),
                             mesh.cli("get", "profile", "secretive", "-o", "yaml").stdout, mesh.events()])
    assert "joinToken" in everything and "0123456789abcdef" not in everything and secrets["token"] not in everything, everything
    assert mesh.rest("PUT", "/api/v1/profiles/secretive", shown)[0] == 200
    assert mesh.get("/profiles/secretive")["metadata"]["version"] == shown["metadata"]["version"], "nothing was changed by that"


def what_was_installed_with_is_on_no_disk(mesh):
    """Two installs were given it. Whoever takes a disk home later finds it at neither end."""
    wait_until("its site has wiped it", lambda: found_on_disk(mesh) == [], 10)
    mesh.cli("backup", mesh.folder / "kept")
    assert found_on_disk(mesh, "kept") == [] and (mesh.folder / "kept/BACKUP").exists()


def found_on_disk(mesh, *folders):
    folders = [str(mesh.folder / folder) for folder in folders or ("controller", "agent-par1")]
    return subprocess.run(["grep", "-rlaF", SECRET, *folders], capture_output=True, text=True).stdout.splitlines()


def newcomer_is_let_in(mesh):
    """A site that the broker has not seen yet, as far as the broker's answer to it."""
    context = ssl._create_unverified_context()
    context.load_cert_chain(mesh.pki / "new1.crt", mesh.pki / "new1.key")
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", mesh.broker_port), timeout=5) as raw, \
            context.wrap_socket(raw) as sock:
        sock.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x1e\x00\x00")
        return sock.recv(4) == b"\x20\x02\x00\x00"
    return False


def a_stale_list_keeps_newcomers_out_and_is_told(mesh):
    """The list of revoked certificates has ended: nobody new, and who is there stays."""
    mesh.cli("pki", "init", "--dir", mesh.pki, "--site", "new1")
    assert newcomer_is_let_in(mesh)
    mesh.cli("pki", "renew-list", "--dir", mesh.pki, "--for", "1s")
    time.sleep(1.5)
    mesh.broker.process.send_signal(signal.SIGHUP)
    wait_until("newcomers are refused", lambda: not newcomer_is_let_in(mesh), 10)

    def alarm():
        said = mesh.cli("controller", "status").stdout
        return said if "ALARM" in said else None
    said = wait_until("people are told", alarm, 15)
    assert "refuses every newcomer" in said and "metalmesh pki renew-list" in said, said
    assert mesh.get("/sites/par1")["status"]["connected"]
    said = mesh.cli("doctor", "site", "par1", check=False).stdout
    assert "list of revoked certificates ended" in said, said
    mesh.cli("pki", "renew-list", "--dir", mesh.pki)
    mesh.broker.process.send_signal(signal.SIGHUP)
    wait_until("newcomers are let in again", lambda: newcomer_is_let_in(mesh), 10)
    wait_until("it is over", lambda: alarm() is None, 15)


def installers_words(mesh, server):
    """The hook, as its installer would run it on this machine, and where its system would call."""
    url = mesh.truth()[server]["media"]
    with urllib.request.urlopen(url, context=ssl._create_unverified_context(), timeout=10) as reply:
        medium = reply.read()
    begin = medium.index(b"mm_url=")
    end = medium.index(b"\nfi\n", medium.index(b"ip addr del", begin)) + 3
    return medium[begin:end].decode(), re.search(rb"callback=(https://\S+)", medium)[1].decode()


def hook_of(mesh, rollout, server):
    mesh.start_rollout(rollout, profile="checked", select={"servers": [server]}, reinstall=True)
    wait_until("it is launched", lambda: mesh.deployments(rollout)[server].get("launched"), 60, pause=0.05)
    return installers_words(mesh, server)


def run_hook(mesh, hook, identity, name):
    """On a machine that tells this of itself."""
    folder = mesh.folder / name
    (folder / "dmi").mkdir(parents=True)
    (folder / "net").mkdir()
    (folder / "dmi/product_uuid").write_text(identity["uuid"] + "\n")
    (folder / "dmi/product_serial").write_text(identity["serial"] + "\n")
    # The folder's own name may begin like a file of the hook's: those first.
    for there, here in (("/tmp/metalmesh-", f"{folder}/"), ("/sys/class/dmi/id", f"{folder}/dmi"), ("/sys/class/net", f"{folder}/net"),
                        ("/dev/console", "/dev/null"), ("mm_calls=no", "mm_calls=yes")):
        hook = hook.replace(there, here)
    return subprocess.run(["timeout", "20", "sh", "-c", hook], capture_output=True, text=True, env=ENV), folder / "key"


def an_installer_shows_its_machine_and_its_system_a_key(mesh):
    """Who knows the answer file has both URLs, and gets neither a go nor a success; another machine is told to stop."""
    name = "par1-n003"
    mesh.set_bmc(name, installMs=9000)
    mesh.apply("checked", {"kind": "Profile", "metadata": {"name": "checked"}, "spec": {
        **mesh.get("/profiles/base")["spec"], "vars": {"joinToken": SECRET}, "verifyInInstaller": "require",
        "proof": {"minimum": "callback", "within": "30s"}, "template": {"inline": TEMPLATE + "{{{check.script}}}\n"}}})
    identity = mesh.get(f"/servers/{name}")["status"]["seen"]
    hook, _ = hook_of(mesh, "other", name)
    said, _ = run_hook(mesh, hook.replace("sleep 3600", "exit 9"), {"uuid": "6b1c" + identity["uuid"][4:], "serial": "CZ2404040X"}, "other-machine")
    assert said.returncode == 9, said
    [end] = mesh.wait_done("other").values()
    assert end["state"] == "INDETERMINATE" and end["fault"]["code"] == "INSTALLER_REFUSED" and "CZ2404040X" in end["fault"]["seen"], end
    typist = next_steps_test.Typist(mesh)
    for command in next_steps_test.commands_in(end["fault"]["next"]):
        typist.type(command)
    mesh.set_bmc(name, power=False)
    wait_until("its medium is out", lambda: any("out of the custody" in e.get("message", "") for e in mesh.events()), 30)
    again = {"profile": "checked", "select": {"servers": [name]}, "reinstall": True}
    wait_until("it may be installed", lambda: mesh.rollout("again", **again).get("servers"), 30)
    hook, callback = hook_of(mesh, "checked", name)
    said, key = run_hook(mesh, hook, identity, "its-installer")
    assert said.returncode == 0 and key.stat().st_mode & 0o077 == 0, said
    hook = hook.replace("sleep 3600", "exit 9")
    said, stolen = run_hook(mesh, hook, identity, "thief")
    assert said.returncode == 9 and "got no go" in said.stdout + said.stderr, said
    wait_until("that is told", lambda: any("asked for the go of its installer" in e.get("message", "") for e in mesh.events()), 10)
    wait_until("its system runs", lambda: mesh.deployments("checked")[name].get("stage") == "VERIFY", 60)

    def call(body):
        return subprocess.run(["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--data", body, callback],
                              capture_output=True, text=True, env=ENV).stdout
    assert call("booted") == "403" and call("booted " + stolen.read_text().strip()) == "403"
    assert mesh.deployments("checked")[name]["state"] == "RUNNING"
    assert call("booted " + key.read_text().strip()) == "204"
    [end] = mesh.wait_done("checked").values()
    assert end["state"] == "SUCCEEDED" and "its installer showed the ordered machine, and got its go" in end["evidence"], end


def a_revoked_site_is_out_at_once(mesh):
    mesh.cli("site", "revoke", "par1", "--confirm", "par1", "--reason", "the box was stolen")
    mesh.cli("pki", "revoke", "--dir", mesh.pki, "--site", "par1")
    before = mesh.events()[-1]["id"]
    time.sleep(1.5)  # of its Hellos
    assert not [e for e in mesh.events() if e["id"] == before][1:], "nothing of it is heard"
    assert not mesh.get("/sites/par1")["status"].get("connected")
    mesh.broker.process.send_signal(signal.SIGHUP)
    agent = mesh.agents["par1"]
    agent.stop()
    (mesh.pki / "par1.crt").write_text((mesh.pki / "revoked/par1.crt").read_text())  # the thief has both
    (mesh.pki / "par1.key").write_text(mesh.stolen_key)
    (mesh.pki / "par1.key").chmod(0o600)
    (mesh.pki / "site-keys/par1.key").write_text(mesh.stolen_signing_key)
    (mesh.pki / "site-keys/par1.key").chmod(0o600)
    seen = len(mesh.broker.text())
    agent.start()
    wait_until("the broker refuses its certificate", lambda: "certificate" in mesh.broker.text()[seen:], 20)
    again = mesh.rest("POST", "/api/v1/sites/par1/revoke", {"confirm": "par1", "reason": "x"})
    assert again[0] == 409, again
    seen = len(mesh.broker.text())
    mesh.controller.stop()
    mesh.controller.start()  # its own certificate is still good
    wait_until("the controller is back on the broker", lambda: "as controller" in mesh.broker.text()[seen:], 20)
    assert "as par1" not in mesh.broker.text()[seen:], "and the site is not"


def what_one_thief_holds_is_not_enough():
    """One mesh for many attacks, the last of which ends it."""
    mesh = Mesh({"par1": 3}, install_ms=1500)
    mesh.agent_config = {"bmcNetworks": [{"cidr": f"127.{mesh.base}.0.0/16", "mediaFrom": ["127.0.0.1/32"]},
                                         {"cidr": "127.0.0.0/16", "mediaFrom": ["127.0.0.1/32"]}]}
    with mesh:
        mesh.stolen_key, mesh.stolen_signing_key = [(mesh.pki / f).read_text() for f in ("par1.key", "site-keys/par1.key")]
        no_password_goes_to_whom_nobody_stands_for(mesh)
        a_medium_and_a_callback_are_nobody_elses(mesh)
        an_installer_shows_its_machine_and_its_system_a_key(mesh)
        secrets_are_written_and_not_read(mesh)
        what_was_installed_with_is_on_no_disk(mesh)
        attack_table.all_of(mesh)
        a_stale_list_keeps_newcomers_out_and_is_told(mesh)
        a_revoked_site_is_out_at_once(mesh)


main([a_stop_is_heard_under_siege, bodies_of_strangers_are_not_read, guessing_gets_slower_and_stops_nobody,
      a_person_at_the_site_stops_it, quiet_connections_keep_no_medium_from_a_bmc, an_image_names_nothing_that_its_site_did_not_open,
      a_person_of_one_site_has_that_alone_as_long_as_the_token_is_good, a_burst_with_a_bad_profile_is_one_rollout,
      what_one_thief_holds_is_not_enough])
