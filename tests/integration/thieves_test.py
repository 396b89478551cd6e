#!/usr/bin/env python3
"""A stolen site's box and a hostile broker, with real processes, while servers are installed: what the BMCs know to have happened is
held against what was ordered. Seconds in each run; a minute in METALMESH_LONG_TESTS."""
import json
import os
import shutil
import subprocess
import time

from chaos.checker import check_journals
from hostile_broker import HostileBroker
from mesh import BIN, ENV, Mesh, Process, free_port, main, wait_until
from site_forger import Forger

LONG = os.environ.get("METALMESH_LONG_TESTS") == "1"
SECONDS = 60 if LONG else 8
SERVERS = 20 if LONG else 4
SOON = 3.0  # seconds in which a person at the site stops it
ENDS = {"SUCCEEDED", "UNPROVEN", "FAILED", "CANCELLED", "INDETERMINATE"}


class TroubledMesh(Mesh):
    def agent_folder(self, site):
        return self.folder / f"agent-{site}"

    def stop_all(self, site, *args):
        return subprocess.run([str(a) for a in (BIN / "metalmesh-agent", "--config", self.folder / f"agent-{site}.yaml", *args)], capture_output=True,
                              text=True, timeout=60, env=ENV)

    def ended(self, rollout, sites, timeout):
        """Every deployment of the rollout at those sites."""
        def over():
            found = {n: d for n, d in self.deployments(rollout).items() if d["site"] in sites}
            return found if all(d["state"] in ENDS for d in found.values()) else None
        return wait_until(f"{rollout} ends at {sites}", over, timeout)

    def is_told_all(self):
        """What the agents have written down is in the controller's log: each of it once, in order, to the end."""
        def told():
            before = len(self.events())
            time.sleep(1)
            return before == len(self.events())
        wait_until("nobody has anything to tell", told, 30)
        for agent in self.agents.values():
            agent.stop()
        check_journals(self)

    def ordered_alone(self, sites):
        """Each install that a BMC has seen was ordered, for that server, and happened once. Says how many."""
        ordered, seen = {d["id"]: d for d in self.every("/deployments")}, set()
        for name, server in self.truth().items():
            for install in server["installs"] if name.rsplit("-n", 1)[0] in sites else []:
                deployment = ordered.get(install["deployment"])
                assert deployment and deployment["server"] == name, (name, "nobody ordered", install)
                assert install["deployment"] not in seen, (name, "twice", install)
                seen.add(install["deployment"])
        return len(seen)

    def judge(self, sites):
        """And what is called untouched was not touched, what is called a success was one."""
        seen = {i["deployment"]: i for s in self.truth().values() for i in s["installs"]}
        for name, server in self.truth().items():
            assert not server["violations"] or name.rsplit("-n", 1)[0] not in sites, (name, server["violations"])
        for deployment in self.every("/deployments"):
            install = seen.get(deployment["id"])
            if deployment["site"] in sites and deployment["state"] in ("SUCCEEDED", "UNPROVEN", "CANCELLED"):
                assert bool(install and install["completed"]) == (deployment["state"] != "CANCELLED"), (deployment, install)
        return self.ordered_alone(sites)


class HostileMesh(TroubledMesh):
    def start_broker(self):
        return HostileBroker(self.pki, self.broker_port, seed=self.base).start()


def names(site, first, last):
    return [f"{site}-n{i:03}" for i in range(first, last + 1)]


def a_broker_that_is_hostile_wipes_nothing_and_silences_nobody():
    with HostileMesh({"par1": SERVERS, "lyo1": SERVERS}, install_ms=1500) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        broker, half, begin = mesh.broker, SERVERS // 2, time.monotonic()
        broker.turn(hostile=True)
        mesh.start_rollout("called-back", select={"servers": names("par1", 1, half) + names("lyo1", 1, half)}, stopAfter={"noCanary": True},
                           parallel={"perSite": 1})
        wait_until("one is launched", lambda: any(d.get("launched") for d in mesh.deployments("called-back").values()), 60)
        mesh.cli("rollout", "stop", "called-back", "--reason", "the broker is not ours")
        asked = time.monotonic()
        mesh.start_rollout("goes-on", select={"servers": names("par1", half + 1, SERVERS) + names("lyo1", half + 1, SERVERS)}, stopAfter={"noCanary": True},
                           parallel={"perSite": 2})
        ends = mesh.wait_done("called-back", 60)
        heard = time.monotonic() - asked
        states = sorted(d["state"] for d in ends.values())
        assert "CANCELLED" in states and set(states) <= {"CANCELLED", "SUCCEEDED", "UNPROVEN"}, ends
        # At the site it needs nobody.
        stopped = time.monotonic()
        said = mesh.stop_all("lyo1", "stop-all", "--reason", "nor is the bus")
        stopped = time.monotonic() - stopped
        assert said.returncode == 0 and stopped < SOON, (stopped, said)
        mesh.agents["par1"].kill()  # what comes again meets one that remembers by its disk alone
        mesh.agents["par1"].start()
        time.sleep(max(0.0, SECONDS - (time.monotonic() - begin)))
        broker.turn(hostile=False)
        took = time.monotonic()
        assert mesh.stop_all("lyo1", "resume").returncode == 0
        ends |= mesh.wait_done("goes-on", 180)
        assert {d["state"] for n, d in ends.items() if n.startswith("par1")} <= {"CANCELLED", "SUCCEEDED", "UNPROVEN"}, ends
        installs = mesh.judge(mesh.sites)
        assert not [s for s in mesh.every("/sites") if s["status"].get("quarantined")], "nobody was made to look like two"
        mesh.is_told_all()
        print(f"  {time.monotonic() - begin:.0f} s: {installs} installs, {states.count('CANCELLED')} called back within {heard:.1f} s, stop-all in {stopped:.2f} s, "
              f"over {time.monotonic() - took:.1f} s after it was honest; "
              + ", ".join(f"{count} {what}" for what, count in broker.done.most_common()))


def stolen_box(mesh, *, its_disk):
    """A second agent with par1's keys, certificate and passwords: with an empty disk, or with a copy of par1's."""
    settings = json.loads((mesh.folder / "agent-par1.yaml").read_text())
    name = "thief-with-its-disk" if its_disk else "thief"
    folder = mesh.folder / name
    if its_disk:
        shutil.copytree(mesh.agent_folder("par1"), folder, ignore=lambda d, names: [n for n in names if n.endswith((".sock", "lock"))])
    settings |= {"dataDir": str(folder), "media": {**settings["media"], "listen": f"127.0.0.1:{free_port()}"}}
    (mesh.folder / f"{name}.yaml").write_text(json.dumps(settings))
    options = ["--config", mesh.folder / f"{name}.yaml", "--log-format", "json"]
    media = Process(f"{name}-media", [BIN / "metalmesh-agent", "media", *options], mesh.folder).start()
    return [media, Process(name, [BIN / "metalmesh-agent", *options], mesh.folder).start()]


def a_stolen_box_harms_its_own_site_alone():
    with TroubledMesh({"par1": 4, "lyo1": SERVERS + 2}, install_ms=1500) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        begin, thieves = time.monotonic(), []
        mesh.start_rollout("theirs", select={"servers": names("lyo1", 1, SERVERS)}, stopAfter={"noCanary": True}, parallel={"perSite": 4 if LONG else 2})
        mesh.start_rollout("stolen", select={"servers": names("par1", 1, 4)}, stopAfter={"noCanary": True}, parallel={"perSite": 1})
        forger = Forger(mesh, "par1", lambda: [(d["server"], d["id"], int(d.get("generation", 1))) for d in mesh.deployments("theirs").values()])
        try:
            thieves += stolen_box(mesh, its_disk=False)  # beside the one that lives
            forger.start()
            time.sleep(SECONDS / 2)
            mesh.agents["par1"].kill()  # and in its place
            mesh.media["par1"].kill()
            thieves += stolen_box(mesh, its_disk=True)
            mesh.start_rollout("called-back", select={"servers": names("lyo1", SERVERS + 1, SERVERS + 2)}, startWithin="600s", parallel={"perSite": 1})
            asked = time.monotonic()
            for rollout in ("called-back", "stolen"):
                mesh.cli("rollout", "stop", rollout, "--reason", "the box of par1 was stolen")
            mesh.ended("called-back", ["lyo1"], 20)
            heard = time.monotonic() - asked
            time.sleep(max(0.0, SECONDS - (time.monotonic() - begin)))
            shown = "".join(mesh.cli(*what).stdout for what in (("get", "sites"), ("describe", "site", "par1"), ("events",), ("get", "deployments")))
            moved = [line for line in shown.splitlines() if any(c in line for c in "\x1b\x07\u202e") or line.startswith("2026-01-01 forged")]
            assert not moved, moved[:3]
            mesh.cli("site", "revoke", "par1", "--confirm", "par1", "--reason", "the box was stolen")
            last = mesh.events()[-1]["id"]
            time.sleep(2)
            after = [e for e in mesh.get(f"/events?after={last}&limit=1000")["items"] if e.get("site") == "par1" and e.get("seq")]
            assert not after, ("it is heard after it was revoked", after[:3])
            ends = mesh.ended("theirs", ["lyo1"], 180)
        finally:
            forger.over = True
            for thief in thieves:
                thief.kill()
        assert {d["state"] for d in ends.values()} == {"SUCCEEDED"} and not forger.overheard, (ends, forger.overheard)
        installs = mesh.judge(["lyo1"])
        own = mesh.ordered_alone(["par1"])
        mesh.check_events()
        assert forger.sent > 20 and forger.heard >= 3, ("the thief has hardly tried", forger.sent, forger.heard)
        print(f"  {time.monotonic() - begin:.0f} s, {forger.sent} frames of the thief's, {forger.heard} heard: {installs} installs at lyo1, as ordered, "
              f"{own} at par1, each ordered and once; called back within {heard:.1f} s")


main([a_broker_that_is_hostile_wipes_nothing_and_silences_nobody, a_stolen_box_harms_its_own_site_alone])
