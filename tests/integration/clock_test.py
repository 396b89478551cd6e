#!/usr/bin/env python3
"""Clocks that are set while installers run: nothing ends, expires, stalls or starts by it. The wall clock of one process
alone is shifted (tests/tools/clock_shift.c), by an hour forward, two back, ten years, and back to the truth each time,
while 20 installs are under way, each held at another point."""
import contextlib
import os
import struct
import subprocess
import time

from mesh import ROOT, Mesh, main, succeeded, wait_until

HOUR = 3600
LONG = bool(os.environ.get("METALMESH_LONG_TESTS"))
STEPS = [("+1 h", HOUR)] + [("-2 h", -2 * HOUR), ("+10 years", 10 * 365 * 24 * HOUR), ("-10 years", -10 * 365 * 24 * HOUR)] * LONG
EAGER = {"total": 100, "perSite": 20}
TOLERANT = {"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"}


class Shift:
    """The shim, and the file that says by how much each process that is started with `env` is off."""

    def __init__(self, mesh, name):
        shim = mesh.folder / "clock_shift.so"
        if not shim.exists():
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(shim),
                            str(ROOT / "tests/tools/clock_shift.c"), "-ldl"], check=True)
        self.file = mesh.folder / f"{name}.shift"
        self.set(0)
        self.env = {"LD_PRELOAD": str(shim), "CLOCK_SHIFT_FILE": str(self.file)}

    def set(self, seconds):
        mode = "r+b" if self.file.exists() else "wb"
        with open(self.file, mode) as file:  # in place: it is mapped
            file.write(struct.pack("=q", seconds * 1_000_000_000))


def shifted_controller(mesh):
    shift = Shift(mesh, "controller")
    mesh.controller.stop()
    mesh.controller.env |= shift.env
    mesh.controller.start()
    mesh.wait_api()
    return shift


def health(mesh):
    with contextlib.suppress(OSError):
        status, _, body = mesh.rest("GET", "/healthz", token=False)
        return status, " ".join(body.get("reasons", []))
    return 0, ""


def running(mesh):
    return [name for name, server in mesh.truth().items() if server["installs"] and not server["installs"][-1]["completed"]]


def step_and_return(mesh, shift, seconds, rollout):
    """One step of the controller's clock and back, with an order started meanwhile. Every part of it is told."""
    before = set(running(mesh))
    shift.set(seconds)
    wait_until("the controller says that its clock is off", lambda: health(mesh)[0] == 503 and "clock" in health(mesh)[1], 20)
    mesh.start_rollout(rollout, select={"servers": [rollout]}, parallel=EAGER, stopAfter=TOLERANT)
    time.sleep(3)
    assert {d["state"] for d in mesh.deployments(rollout).values()} == {"PENDING"}, mesh.deployments(rollout)
    conditions = [c for site in mesh.get("/sites")["items"] for c in site["status"].get("conditions", []) if c["type"] == "Clock"]
    assert conditions and all(c["reason"] == "CONTROLLER_CLOCK" for c in conditions), conditions
    truth = mesh.truth()
    for name in before:
        assert not truth[name]["violations"] and len(truth[name]["installs"]) == 1, (name, truth[name])
        assert truth[name]["installs"][-1]["completed"] or truth[name]["media"], (name, "medium taken", truth[name])
    shift.set(0)
    wait_until("the controller believes its clock again", lambda: health(mesh)[0] == 200, 20)
    wait_until(f"{rollout} is handed out", lambda: all(d["state"] != "PENDING" for d in mesh.deployments(rollout).values()), 20)


# Where each of 20 installs is held when the clock is set: by the answer that its BMC keeps back, or by a host that takes
# its time. (stage, kept-back call and its number, settings of the simulated BMC)
# IDENTITY asks nothing of its own where no MAC was ordered: what CONNECT read is compared.
HELD = [
    ("CONNECT", ("login", 1), {}),
    ("CONNECT", ("read", 1), {}),
    ("PREFLIGHT", ("read", 2), {}),
    ("PREFLIGHT", ("read", 2), {}),
    ("MEDIA", ("eject", 1), {"foreignMedia": "https://192.0.2.9/rescue.iso"}),
    ("INSERT", ("insert", 1), {}),
    ("INSERT", ("insert", 1), {}),
    ("CONFIRM", ("read", 3), {}),
    ("BOOT_ONCE", ("patch_boot", 1), {}),
    ("ARM", ("read", 4), {}),
    ("POWER", ("reset", 1), {}),
    ("WATCH", None, {"postMs": 50_000}),
    ("WATCH", None, {"installMs": 200_000}),
    ("WATCH", None, {"installMs": 200_000}),
    ("WATCH", None, {"installMs": 200_000}),
    ("FINALISE", ("eject", 1), {}),
    ("FINALISE", ("reset", 2), {}),
    ("VERIFY", None, {"callsBack": False}),
    ("VERIFY", None, {"callsBack": False}),
    ("CLEANUP", ("logout", 1), {}),
]
LET_GO = {"letGo": True, "installMs": 2_000, "callsBack": True}


def held_at_every_stage(mesh, rollout, servers):
    """Starts an install of each server, and returns when each is where HELD says."""
    for server, (_, _, settings) in zip(servers, HELD):
        mesh.set_bmc(server, **settings)
    plan = mesh.rollout(rollout, select={"servers": servers}, parallel=EAGER, stopAfter=TOLERANT, replaceForeignMedia=True)
    for server, (_, call, _) in zip(servers, HELD):
        if call:
            mesh.set_bmc(server, fault={"op": call[0], "nth": call[1], "action": "hold"})
    mesh.cli("rollout", "start", rollout, "--plan", plan["digest"], "--confirm", len(plan["servers"]))

    def where():
        return {name: d.get("stage") for name, d in mesh.deployments(rollout).items()}
    wanted = {server: stage for server, (stage, _, _) in zip(servers, HELD)}
    try:
        wait_until("each install is at its stage", lambda: where() == wanted, 60)
    except AssertionError:
        raise AssertionError({name: (where()[name], stage) for name, stage in wanted.items() if where()[name] != stage}) from None


def the_controllers_clock_steps_in_each_stage():
    with Mesh({"par1": len(HELD) * len(STEPS), "par2": len(STEPS)}, install_ms=3_000, agent_config={"timeouts": {
            "bmcRequest": "110s", "firstRead": "100s", "unreachable": "10s", "confirm": "20s", "power": "20s"}}) as mesh:
        shift = shifted_controller(mesh)
        proof = {"minimum": "callback", "within": "200s"}
        mesh.apply_basics(stallAfter="100s", maxRun="300s", proof=proof)
        mesh.wait_ready()
        names = sorted(mesh.truth())
        first, late = [n for n in names if n.startswith("par1")], [n for n in names if n.startswith("par2")]
        for i, (words, seconds) in enumerate(STEPS):
            servers = first[i * len(HELD):(i + 1) * len(HELD)]
            held_at_every_stage(mesh, f"web-{i}", servers)
            step_and_return(mesh, shift, seconds, late[i])
            for server, (stage, _, _) in zip(servers, HELD):
                mesh.set_bmc(server, **LET_GO, **({"selfReset": True} if stage == "VERIFY" else {}))
            succeeded(mesh.wait_done(f"web-{i}", 120))
            succeeded(mesh.wait_done(late[i], 120))
            print(f"stepped by {words} and back")
        mesh.check_truth(installed=names)
        told = [e["message"] for e in mesh.check_events() if e["type"] == "controller"]
        assert sum("nothing is handed out until they agree" in m for m in told) == len(STEPS), told
        assert sum("clock agrees again" in m for m in told) == len(STEPS), told


def a_restart_does_not_make_it_forget():
    """Stopped, set, started: what it wrote down last and the clock since boot tell."""
    with Mesh({"par1": 2}, install_ms=12_000) as mesh:
        shift = shifted_controller(mesh)
        mesh.apply_basics(stallAfter="100s", maxRun="100s")
        mesh.wait_ready()
        servers = sorted(mesh.truth())
        mesh.start_rollout("web", select={"servers": servers[:1]}, parallel=EAGER, stopAfter=TOLERANT)
        wait_until("an installer runs", lambda: running(mesh), 60)
        mesh.controller.kill()
        shift.set(HOUR)
        mesh.controller.start()
        wait_until("it says that its clock is off", lambda: health(mesh)[0] == 503 and "clock" in health(mesh)[1], 30)
        mesh.start_rollout("late", select={"servers": servers[1:]}, parallel=EAGER, stopAfter=TOLERANT)
        succeeded(mesh.wait_done("web", 60))
        assert {d["state"] for d in mesh.deployments("late").values()} == {"PENDING"}
        shift.set(0)
        succeeded(mesh.wait_done("late", 60))
        mesh.check_truth(installed=servers)


if __name__ == "__main__":
    main([the_controllers_clock_steps_in_each_stage, a_restart_does_not_make_it_forget])
