#!/usr/bin/env python3
"""Power and inspection as rollouts over a rack (METALMESH_LONG_TESTS: of 200): a threshold stops them, an abort recalls what
waits, everybody is killed in the middle, and nothing that must not be done twice is."""
import os
import random
import time

from mesh import Mesh, main, wait_until

SERVERS = 200 if os.environ.get("METALMESH_LONG_TESTS") else 24
WEB = {"labels": {"role": "web"}}
ENDS = {"SUCCEEDED", "UNPROVEN", "FAILED", "CANCELLED", "INDETERMINATE"}


def rack(**more):
    """Large, and as fast as a test wants it."""
    return Mesh({"par1": SERVERS}, agent_config={"pollInterval": "1s"}, **more)


def prepare(mesh):
    mesh.apply_basics()
    mesh.apply("site", {"kind": "Site", "metadata": {"name": "par1"}, "spec": {"limits": {"parallel": 100}}})
    mesh.wait_ready(timeout=120)


def resets(mesh):
    """By server: the reset calls that its BMC took, in order."""
    found = {}
    for act in mesh.acts("par1"):
        if act["what"] == "reset call":
            found.setdefault(act["server"], []).append(act["detail"])
    return found


def ends(mesh, rollout):
    found = mesh.deployments(rollout)
    return found if found and all(d["state"] in ENDS for d in found.values()) else None


def start(mesh, name, action, **spec):
    body = {"action": action, "select": WEB, "parallel": {"total": SERVERS, "perSite": SERVERS}, **spec}
    status, _, answer = mesh.rest("PUT", f"/api/v1/rollouts/{name}", {
        "apiVersion": "metalmesh/v1", "kind": "Rollout", "metadata": {"name": name}, "spec": body})
    assert status in (200, 201), answer
    status, _, answer = mesh.rest("POST", f"/api/v1/rollouts/{name}/plan", {})
    assert status == 200, answer
    plan = answer["status"]["plan"]
    status, _, answer = mesh.rest("POST", f"/api/v1/rollouts/{name}/start",
                                  {"plan": plan["digest"], "confirm": len(plan["servers"])})
    assert status == 200, answer
    return plan


def a_rack_goes_on_and_off():
    with rack() as mesh:
        prepare(mesh)
        phases = {s["metadata"]["name"]: s["status"]["phase"] for s in mesh.get("/servers?limit=500")["items"]}
        wrong = mesh.cli("power", "on", "-l", "role=web", "--confirm", SERVERS - 1, check=False)
        assert wrong.returncode != 0 and not resets(mesh), wrong.stderr
        mesh.cli("power", "on", "-l", "role=web", "--parallel", SERVERS, "--per-site", SERVERS, "--confirm", SERVERS)
        on = wait_until("all are on", lambda: ends(mesh, "power-on-1"), 120)
        assert {d["state"] for d in on.values()} == {"SUCCEEDED"}, on
        assert all(d["action"] == "power" and d["evidence"] for d in on.values()), on
        truth = mesh.truth()
        assert all(server["on"] for server in truth.values())
        # Whoever is on already is left alone.
        start(mesh, "again", "power", power={"change": "on"})
        wait_until("all are looked at", lambda: ends(mesh, "again"), 120)
        assert all(calls == ["On"] for calls in resets(mesh).values()), resets(mesh)
        start(mesh, "off", "power", power={"change": "off"})
        off = wait_until("all are off", lambda: ends(mesh, "off"), 120)
        assert {d["state"] for d in off.values()} == {"SUCCEEDED"}, off
        calls = resets(mesh)
        assert len(calls) == SERVERS and all(c == ["On", "ForceOff"] for c in calls.values()), calls
        servers = mesh.get("/servers?limit=500")["items"]
        assert {s["status"]["power"] for s in servers} == {"Off"}
        assert {s["metadata"]["name"]: s["status"]["phase"] for s in servers} == phases
        mesh.check_truth(installed=(), untouched=phases)
        mesh.check_events()


def failures_stop_it_and_an_abort_recalls_what_waits():
    with rack() as mesh:
        prepare(mesh)
        names = sorted(mesh.truth())
        for name in names[:20]:
            mesh.set_bmc(name, fault={"op": "reset", "when": "before", "action": "status", "status": 500, "times": 1000})
        start(mesh, "stops", "power", power={"change": "on", "within": "5s"},
              parallel={"total": 10, "perSite": 10}, stopAfter={"failed": "4", "noCanary": True})
        stopped = wait_until("it is stopped", lambda: (r := mesh.get("/rollouts/stops"))["status"]["state"] == "stopped" and r, 120)
        assert "failed" in stopped["status"]["stopReason"], stopped
        mesh.cli("rollout", "stop", "stops", "--reason", "look at the rack first")
        ended = wait_until("what ran has ended", lambda: ends(mesh, "stops"), 120)
        failed = [n for n, d in ended.items() if d["state"] == "FAILED"]
        recalled = [n for n, d in ended.items() if d["state"] == "CANCELLED"]
        assert 4 <= len(failed) <= 20 and len(recalled) > SERVERS // 4, (len(failed), len(recalled))
        assert all(d["disk"] == "DISK_UNTOUCHED" for d in ended.values()), ended
        touched = resets(mesh)
        assert not set(recalled) & set(touched), "a machine that was recalled was reset"
        servers = {s["metadata"]["name"]: s for s in mesh.get("/servers?limit=500")["items"]}
        assert {servers[n]["status"]["phase"] for n in names} == {"ready"}
        print(f"{len(failed)} failed, {len(recalled)} recalled")


def nothing_is_cycled_twice():
    """kill -9 of agent, controller and broker, over and over, while a rack is cycled."""
    with rack() as mesh:
        prepare(mesh)
        start(mesh, "on", "power", power={"change": "on"})
        wait_until("all are on", lambda: ends(mesh, "on"), 120)
        for name in mesh.truth():  # each life logs in anew
            mesh.set_bmc(name, maxSessions=1000)
        start(mesh, "cycle", "power", power={"change": "cycle"}, parallel={"total": 12, "perSite": 12},
              stopAfter={"failed": "100%", "noCanary": True})
        most_kills = SERVERS // 8
        victims = [mesh.agents["par1"], mesh.controller, mesh.broker]
        dice, kills = random.Random(7), 0
        done = None
        end = time.monotonic() + 150
        while not done and time.monotonic() < end:
            time.sleep(dice.uniform(0.3, 1.5))
            if kills < most_kills:
                victim = dice.choice(victims)
                victim.kill()
                victim.start()
                kills += 1
            try:
                done = ends(mesh, "cycle")
            except (OSError, AssertionError):
                done = None
        assert done, "the rollout did not end"
        calls = {name: made[1:] for name, made in resets(mesh).items()}
        twice = {name: made for name, made in calls.items() if len(made) > 1}
        assert not twice, f"cycled twice: {twice}"
        for name, deployment in done.items():
            assert deployment["state"] in ("SUCCEEDED", "FAILED"), deployment
            if deployment["state"] == "SUCCEEDED":
                assert calls.get(name), f"{name} is told cycled, and was not"
        unknown = [n for n, d in done.items() if d["state"] == "FAILED"]
        assert all(done[n]["fault"]["code"] == "OUTCOME_UNKNOWN" for n in unknown), [done[n]["fault"] for n in unknown]
        mesh.check_events()
        print(f"{kills} kills; {len(done) - len(unknown)} cycled, of {len(unknown)} it is not known")


def a_rack_is_inspected_beside_its_installs():
    with rack(install_ms=6000) as mesh:
        prepare(mesh)
        names = sorted(mesh.truth())
        mesh.start_rollout("web", select={"servers": names[:10]}, parallel={"total": 10, "perSite": 10},
                           stopAfter={"noCanary": True})
        before = {s["metadata"]["name"]: s["status"]["inspectedAt"] for s in mesh.get("/servers?limit=500")["items"]}
        start(mesh, "look", "inspect")
        for victim in (mesh.agents["par1"], mesh.controller, mesh.broker):
            time.sleep(0.7)
            victim.kill()
            victim.start()
        mesh.wait_api()
        seen = wait_until("all were inspected", lambda: ends(mesh, "look"), 150)
        assert {d["state"] for d in seen.values()} == {"SUCCEEDED"}, [d for d in seen.values() if d["state"] != "SUCCEEDED"]
        after = {s["metadata"]["name"]: s["status"]["inspectedAt"] for s in mesh.get("/servers?limit=500")["items"]}
        assert all(after[name] > before[name] for name in names)
        assert all("generation" not in d for d in seen.values()), "a reading work took a generation"
        installed = mesh.wait_done("web", 120)
        assert {d["state"] for d in installed.values()} == {"SUCCEEDED"}, installed
        mesh.check_truth(installed=installed, untouched=set(names) - set(installed), lost_logins=3)
        assert set(resets(mesh)) == set(installed), "a machine that was only looked at was reset"


if __name__ == "__main__":
    main([a_rack_goes_on_and_off, failures_stop_it_and_an_abort_recalls_what_waits, nothing_is_cycled_twice,
          a_rack_is_inspected_beside_its_installs])
