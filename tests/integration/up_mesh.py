"""`metalmesh up` as a person starts it, with simulated servers for its sites. Tests and the demo type commands and
read what is printed; nothing here knows how the mesh is made."""
import json
import random
import re
import subprocess

from mesh import BIN, ENV, ROOT, TEMPLATE, Process, free_port, wait_until


class UpMesh:
    def __init__(self, folder, started_in=None):
        self.folder = folder
        self.started_in = started_in or folder  # file: images lie below it
        self.data = folder / "mesh"
        self.env = {**ENV, "METALMESH_CONFIG": str(self.data / "client.yaml")}
        self.up, self.bmcs = None, {}

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind, value, trace):
        for process in [*self.bmcs.values(), self.up]:
            if process:
                process.kill()
        if kind is not None and issubclass(kind, Exception):
            for log in [*sorted(self.folder.glob("*.log")), *sorted(self.data.glob("log/*.log"))]:
                lines = log.read_text(errors="replace").splitlines()
                print(f"--- {log} (last 25 of {len(lines)} lines)")
                print("\n".join(line[:400] for line in lines[-25:]))

    # ---- the mesh
    def start(self, *options):
        self.up = Process("up", [BIN / "metalmesh", "up", "--data", self.data, *options], self.folder)
        self.up.log.unlink(missing_ok=True)
        self.up.start(process_group=0, cwd=self.started_in)  # ctrl-C is for whoever drives it

        def ready():
            assert self.up.alive(), f"metalmesh up ended:\n{self.up.text()}"
            return "The mesh is up" in self.up.text()
        wait_until("the mesh is up", ready, 120)
        return self

    def children(self):
        """Name -> pid, as last announced."""
        return {name: int(pid) for name, pid in re.findall(r"^\S+ (.+?) is ready(?: again)? \(pid (\d+),", self.up.text(),
                                                           re.MULTILINE)}

    def command(self, *args):
        return [str(a) for a in (BIN / "metalmesh", *args)]

    def cli(self, *args, check=True, timeout=180):
        result = subprocess.run(self.command(*args), capture_output=True, text=True, timeout=timeout, env=self.env)
        if check and result.returncode != 0:
            raise AssertionError(f"metalmesh {' '.join(map(str, args))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def get(self, *what):
        return json.loads(self.cli("get", *what, "-o", "json").stdout)

    # ---- the servers
    def simulate(self, site, count, install_ms=1000, labels="role=web", qemu=(), password="password"):
        """Starts `count` simulated servers, those named in `qemu` with a real machine; gives their password to the agent;
        answers with their objects."""
        where = ["--site", site, "--count", count, "--first-address", f"127.{random.randrange(10, 250)}.{random.randrange(250)}.1",
                 "--port", free_port(), "--labels", labels, *[word for name in qemu for word in ("--qemu", name)]]
        self.bmcs[site] = Process(f"bmcsim-{site}", [BIN / "metalmesh-bmcsim", "serve", *where, "--control-port", 0, "--media-ca",
                                                     self.data / "pki/ca.crt", "--install-ms", install_ms, "--qemu-dir",
                                                     self.folder / "machines", "--password", password], self.folder).start()
        wait_until(f"the servers of {site} answer", lambda: "ready " in self.bmcs[site].text(), 20)
        subprocess.run([str(a) for a in (BIN / "metalmesh-agent", "--config", self.data / f"sites/{site}/agent.yaml", "credential",
                                         "set", f"{site}-bmc", "--username", "admin")],
                       input=password + "\n", text=True, check=True, env=ENV, stdout=subprocess.DEVNULL)
        return subprocess.run([str(a) for a in (BIN / "metalmesh-bmcsim", "inventory", *where)], check=True, capture_output=True,
                              text=True).stdout

    def make_image(self):
        """An installer-shaped medium for the simulated servers; answers with its Image and Profile objects."""
        iso = self.folder / "mm.iso"
        subprocess.run([str(ROOT / "tests/tools/make_iso.sh"), str(iso), "4"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        digest = subprocess.run(["sha256sum", str(iso)], check=True, capture_output=True, text=True).stdout.split()[0]
        return [{"kind": "Image", "metadata": {"name": "mm"},
                 "spec": {"family": "placeholder", "iso": {"urls": [f"file://{iso}"], "sha256": digest}}},
                {"kind": "Profile", "metadata": {"name": "base"},
                 "spec": {"family": "placeholder", "template": {"inline": TEMPLATE}, "maxRun": "10m",
                          "proof": {"minimum": "callback", "within": "2m"}}}]

    def apply(self, name, objects):
        """Applies a list of objects, or the text of a manifest."""
        if not isinstance(objects, str):
            objects = "\n---\n".join(json.dumps({"apiVersion": "metalmesh/v1", **each}, indent=1) for each in objects)
        path = self.folder / f"{name}.yaml"
        path.write_text(objects)
        self.cli("apply", "-f", path)

    def phases(self):
        return {s["metadata"]["name"]: s.get("status", {}).get("phase") for s in self.get("servers")["items"]}

    def inspect(self):
        """Asks every server's BMC who it is, until all of them are ready. The first inspection may have come before the
        password."""
        def ready():
            waiting = [name for name, phase in self.phases().items() if phase != "ready"]
            return not waiting or self.cli("inspect", *waiting, "--wait", check=False).returncode == 0
        wait_until("every server is inspected", ready, 60)
        assert set(self.phases().values()) == {"ready"}, self.phases()
