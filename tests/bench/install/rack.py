"""A mesh whose rack the bench loads: one site, product defaults, BMCs that take 50 ms for each answer.

What differs from a fresh installation is what an operator would set for such a rollout: the site and the
rollout may run all servers at once, and no canary goes first.
"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))
from mesh import BIN, TEMPLATE, Mesh, wait_until  # noqa: E402

SITE = "lab1"
REPLY_MS = 50
POWER_MS = 1000
INSTALL_MS = 8000  # longer than the agent's poll interval, as any real installer is
# The harness hurries its agents; the bench measures them as they are shipped.
PRODUCT_DEFAULTS = {"pollInterval": "5s", "helloInterval": "15s", "timeouts": {}}
LOG_MARKS = {"inspected": '"type":"inspected"', "launched": '"type":"launched"', "done": "rollout rack is done"}


class Rack(Mesh):
    def __init__(self, servers: int, image_mb: int, recording: bool = True):
        config = {} if recording else {"recording": {"off": True}}
        super().__init__({SITE: servers}, install_ms=INSTALL_MS, agent_config={**PRODUCT_DEFAULTS, **config},
                         controller_config=config, bmcsim_args=["--reply-delay-ms", REPLY_MS])
        self.servers, self.image_mb = servers, image_mb
        self.log_read, self.log_counts = 0, dict.fromkeys(LOG_MARKS, 0)

    def make_image(self, size_mb=None):
        super().make_image(size_mb or self.image_mb)

    def pids(self) -> dict:
        """The product's processes, by name."""
        return {"controller": self.controller.process.pid, "agent": self.agents[SITE].process.pid,
                "broker": self.broker.process.pid, "media": self.media[SITE].process.pid}

    def load_pid(self) -> int:
        return self.bmcs[SITE].process.pid

    def wait_connected(self):
        wait_until("the agent said hello", lambda: self.get(f"/sites/{SITE}")["status"].get("connected"), 30)

    def apply_site(self):
        """All but the servers."""
        spec = {"family": "placeholder", "template": {"inline": TEMPLATE},
                "proof": {"minimum": "callback"}}
        documents = [
            {"kind": "Site", "metadata": {"name": SITE}, "spec": {"limits": {"parallel": self.servers}}},
            {"kind": "Credential", "metadata": {"name": f"{SITE}-bmc"}, "spec": {"site": SITE}},
            {"kind": "Image", "metadata": {"name": "mm"}, "spec": {
                "family": "placeholder", "iso": {"urls": [f"file://{self.image}"], "sha256": self.image_sha256}}},
            {"kind": "Profile", "metadata": {"name": "base"}, "spec": spec}]
        path = self.folder / "site.yaml"
        path.write_text("\n---\n".join(json.dumps({"apiVersion": "metalmesh/v1", **d}) for d in documents))
        self.cli("apply", "-f", path)
        self.set_bmc(f"{SITE}-n*", powerMs=POWER_MS, postMs=0)

    def apply_servers(self):
        self.cli("apply", "-f", self.folder / f"{SITE}-servers.yaml", timeout=600)

    def set_bmc(self, server, **change):
        name = "*" if server.endswith("*") else server
        return self.sim(SITE, f"/servers/{name}", change)

    def plan_rollout(self) -> dict:
        most = {"total": self.servers, "perSite": self.servers}
        return self.rollout("rack", select={"sites": [SITE]}, parallel=most, stopAfter={"noCanary": True})

    def start_planned(self, plan):
        status, _, body = self.rest("POST", "/api/v1/rollouts/rack/start",
                                    {"plan": plan["digest"], "confirm": len(plan["servers"])})
        assert status == 200, (status, body)

    def told(self, event: str) -> int:
        """How often the controller's log told of it so far: progress, without asking the controller."""
        with open(self.controller.log, errors="replace") as log:
            log.seek(self.log_read)
            lines = log.readlines()
            self.log_read = log.tell()
        for line in lines:
            for name, mark in LOG_MARKS.items():
                self.log_counts[name] += mark in line
        return self.log_counts[event]

    def requests(self) -> dict:
        """Per server, in order: (monotonic seconds, "METHOD path")."""
        servers = self.sim(SITE, "/requests")["servers"]
        return {name: [(r["at"], r["what"]) for r in asked] for name, asked in servers.items()}

    def launches(self) -> list:
        """When each installer came up: its answer file has been read, so the fence let it pass."""
        return [act["at"] for act in self.acts(SITE) if act["what"] == "launch"]
