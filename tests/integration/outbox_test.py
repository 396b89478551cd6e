#!/usr/bin/env python3
"""A site whose link was cut for days: 50,000 events in its outbox arrive once and in order when the link comes back, and
what they cost its disk stays under a bound."""
import subprocess
import time

from chaos.checker import check_journals
from chaos.links import Links
from mesh import BIN, Mesh, wait_until

EVENTS = 50_000
BYTES_PER_EVENT = 1024     # of the queue on disk: entry, hash, key, page overhead and the WAL
FIXED_BYTES = 32 << 20     # ballast, image, empty store


class CutMesh(Mesh):
    def __init__(self, sites):
        super().__init__(sites)
        self.links = Links()

    def __exit__(self, *how):
        try:
            super().__exit__(*how)
        finally:
            self.links.close()

    def start_site(self, index, site, count):
        port = self.links.to(site, self.broker_port).port
        self.agent_config = {"broker": {"url": f"mqtts://localhost:{port}"}}
        super().start_site(index, site, count)

    def agent_folder(self, site):
        return self.folder / f"agent-{site}"


def disk_use(folder):
    """Without the flight recorder, which has a bound of its own."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and "recording" not in path.parts)


def last_of(mesh, site):
    """The newest sequence that the controller's log holds of this site."""
    after = mesh.known
    while page := mesh.get(f"/events?after={after}&limit=500").get("items", []):
        after = page[-1]["id"]
        mesh.newest = max([mesh.newest, *(int(e["seq"]) for e in page if e.get("seq") and e["site"] == site)])
    mesh.known = after
    return mesh.newest


def everything_that_queued_arrives():
    with CutMesh({"par1": 1}) as mesh:
        mesh.known = mesh.newest = 0
        mesh.apply_basics()
        mesh.wait_ready()
        agent, link = mesh.agents["par1"], mesh.links.by_name["par1"]
        link.set("refusing")
        assert agent.stop() == 0
        told = subprocess.run([str(BIN / "metalmesh-fill-outbox"), str(mesh.agent_folder("par1")), str(EVENTS)], check=True,
                              capture_output=True, text=True).stdout
        queued = int(told.split()[0])
        assert queued >= EVENTS, told
        bytes_used, bound = disk_use(mesh.agent_folder("par1")), FIXED_BYTES + queued * BYTES_PER_EVENT
        assert bytes_used < bound, (bytes_used, bound)
        agent.start()
        before = last_of(mesh, "par1")
        begin = time.monotonic()
        link.set("open")
        wait_until(f"{EVENTS} events arrive", lambda: last_of(mesh, "par1") >= before + EVENTS, 300, 1)
        took = time.monotonic() - begin
        assert disk_use(mesh.agent_folder("par1")) < bound
        assert agent.stop() == 0
        kept = check_journals(mesh)
        print(f"{EVENTS} events in {took:.0f} s ({EVENTS / took:.0f}/s); {bytes_used >> 20} MiB of disk for {queued} queued, "
              f"bound {bound >> 20} MiB; {kept} kept at the site afterwards")


if __name__ == "__main__":
    everything_that_queued_arrives()
