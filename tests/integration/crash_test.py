#!/usr/bin/env python3
"""kill -9 at the worst moments: the agent around every BMC call that is not idempotent, the controller at
every commit, the broker at every stage. No second install, no lost event, every deployment ends right."""
import subprocess
import time

from mesh import ROOT, Mesh, main, succeeded

# Every call that changes a BMC, in the order of an install: (op, reset type, nth).
CALLS = [("login", None, 1), ("insert", None, 1), ("patch_boot", None, 1), ("reset", "On", 1), ("eject", None, 1),
         ("reset", "On", 2), ("logout", None, 1)]


def agent_dies_around_every_call():
    moments = [(call, when) for call in CALLS for when in ("before", "after")]
    with Mesh({"par1": len(moments)}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        agent = mesh.agents["par1"]
        mesh.sim("par1", "/kill-target", {"pidfile": str(agent.pidfile)})
        for index, ((op, reset_type, nth), when) in enumerate(moments):
            # Counting starts here, after the inspections.
            fault = {"op": op, "when": when, "action": "kill", "nth": nth}
            if reset_type:
                fault["resetType"] = reset_type
            mesh.set_bmc(f"par1-n{index + 1:03}", fault=fault)
        mesh.start_rollout("web", select={"labels": {"role": "web"}}, parallel={"total": 100, "perSite": 20},
                           stopAfter={"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"})
        deployments = mesh.wait_done("web", 240, supervise=[agent])
        kills = [a for a in mesh.acts("par1") if a["what"] == "fault"]
        hit = {a["server"] for a in kills}
        missed = [m for i, m in enumerate(moments) if f"par1-n{i + 1:03}" not in hit]
        assert not missed, f"never reached: {missed}"
        succeeded(deployments)
        mesh.check_truth(installed=deployments, lost_logins=len(kills))
        mesh.check_events()
        print(f"{len(kills)} kills of the agent around BMC calls")


def agent_dies_at_every_commit():
    with Mesh({"par1": 2}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        for server in mesh.truth():  # each life logs in anew; a real BMC would end the old sessions after half an hour
            mesh.set_bmc(server, maxSessions=1000)
        lives = die_at_every_commit(mesh, mesh.agents["par1"], "-wal", commits=40, logins_lost_per_life=1)
        print(f"{lives} lives of the agent")


def controller_dies_at_every_commit():
    with Mesh({"par1": 6}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        lives = die_at_every_commit(mesh, mesh.controller, ".log", commits=5)
        print(f"{lives} lives of the controller")


def die_at_every_commit(mesh, process, match, commits, logins_lost_per_life=0):
    """A rollout during which the lives of `process` end right before and right after their first commit, their second, ...
    their `commits`-th, and so on from the first."""
    shim = mesh.folder / "kill_at_sync.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(ROOT / "tests/tools/kill_at_sync.c"), "-ldl"],
                   check=True)
    mesh.start_rollout("web", select={"labels": {"role": "web"}}, stopAfter={"noCanary": True},
                       parallel={"total": 2})
    lives = 0
    end = time.monotonic() + 150
    process.kill()
    while time.monotonic() < end and not all_succeeded(mesh):
        if not process.alive():
            lives += 1
            when, nth = ("before", "after")[lives % 2], 1 + lives // 2 % commits
            process.start({"LD_PRELOAD": str(shim), "KILL_AT_SYNC": str(nth), "KILL_WHEN": when, "KILL_MATCH": match,
                           "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
        time.sleep(0.05)
    process.kill()
    process.start()
    deployments = mesh.wait_done("web", 120)
    succeeded(deployments)
    mesh.check_truth(installed=deployments, lost_logins=lives * logins_lost_per_life)
    mesh.check_events()
    assert lives > 8, f"only {lives} lives: the shim does not bite"
    return lives


def all_succeeded(mesh):
    try:
        return all(d["state"] == "SUCCEEDED" for d in mesh.deployments("web").values())
    except OSError:  # the controller is dead just now
        return False


def broker_dies_again_and_again():
    with Mesh({"par1": 6}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.start_rollout("web", select={"labels": {"role": "web"}}, stopAfter={"noCanary": True})
        seen, kills = set(), 0
        def stages():
            return {(d["server"], d.get("stage")) for d in mesh.deployments("web").values()}
        end = time.monotonic() + 60
        while time.monotonic() < end and kills < 12:
            fresh = stages() - seen
            if fresh:  # something moved: take the broker away at this very moment
                seen |= fresh
                mesh.broker.kill()
                kills += 1
                time.sleep(0.2)
                mesh.broker.start()
            if all(d["state"] == "SUCCEEDED" for d in mesh.deployments("web").values()):
                break
            time.sleep(0.05)
        deployments = mesh.wait_done("web", 120)
        succeeded(deployments)
        mesh.check_truth(installed=deployments)
        mesh.check_events()
        assert kills >= 3, kills
        print(f"{kills} kills of the broker")


if __name__ == "__main__":
    main([agent_dies_around_every_call, agent_dies_at_every_commit, controller_dies_at_every_commit,
          broker_dies_again_and_again])
