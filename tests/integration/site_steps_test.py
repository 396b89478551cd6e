#!/usr/bin/env python3
"""The codes of faults that are not a BMC's but a site's: each is brought about with real processes, what it advises is done,
its commands are typed as they stand, and that did something. The others are in next_steps_test."""
import contextlib
import os
import resource
import shutil
import subprocess
import time

from mesh import BIN, TEMPLATE, Mesh, main, wait_until
from next_steps_test import ALL, Typist, codes, commands_in, deployment

SMALL_DISK = 96 << 20
SHORT = {"family": "placeholder", "template": {"inline": TEMPLATE}, "maxRun": "60s", "stallAfter": "6s",
         "proof": {"minimum": "callback", "within": "20s"}}


class SmallDisk(Mesh):
    """The agent of par1 has a disk of its own, where that can be made."""

    def start_site(self, index, site, count):
        self.small = self.folder / "agent-par1"
        if site == "par1" and os.geteuid() == 0:
            self.small.mkdir()
            self.has_small = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(self.small)],
                                            capture_output=True).returncode == 0
            self.agent_config = {**self.agent_config, "diskReserve": str(16 << 20)}
        super().start_site(index, site, count)

    has_small = False

    def __exit__(self, *how):
        try:
            super().__exit__(*how)
        finally:
            if self.has_small:
                subprocess.run(["umount", "-l", str(self.small)], check=False)
                if how[0] is None and not self.keep:
                    shutil.rmtree(self.folder, ignore_errors=True)


def told(mesh, code):
    """What the log says of it, from the first line on that does."""
    return next((e["message"] for e in mesh.events() if code in e.get("message", "")), None)


def condition(mesh, server):
    [reachable] = [c for c in mesh.get(f"/servers/{server}")["status"]["conditions"] if c["type"] == "Reachable"]
    return reachable


def type_all(typist, text, *named):
    """Every command in it, but those that only fit another cause; there must be one."""
    commands = [c for c in commands_in(text) if not named or any(word in c for word in named)]
    assert commands, text
    said = [typist.type(command) for command in commands]
    for more in [m for one in said for m in commands_in(one) if "--confirm" in m]:
        typist.type(more)
    return said


def restart(mesh, site, process="agents"):
    process = getattr(mesh, process)[site]
    process.stop()
    process.start()


def the_agents_own_limit(mesh, typist, server):
    mesh.set_bmc(server, faults=["keepalive_reset"])  # a connection that is kept needs no new descriptor
    agent = mesh.agents["par1"].process.pid
    _, hard = resource.prlimit(agent, resource.RLIMIT_NOFILE)
    resource.prlimit(agent, resource.RLIMIT_NOFILE, (3, hard))
    mesh.cli("inspect", server, "--wait", check=False)
    seen = wait_until("AGENT_EXHAUSTED", lambda: condition(mesh, server)["reason"] == "AGENT_EXHAUSTED" and condition(mesh, server), 60)
    mesh.set_bmc(server, faults=[])
    restart(mesh, "par1")  # with the limit of its unit
    type_all(typist, seen["message"])
    wait_until("it was inspected", lambda: condition(mesh, server)["status"] == "True", 60)


def a_disk_below_its_reserve(mesh, typist, server):
    if not mesh.has_small:
        print("not root: no small disk")
        return
    filler = mesh.small / "filler"
    free = shutil.disk_usage(mesh.small).free
    filler.write_bytes(b"\0" * (free - (8 << 20)))
    wait_until("the agent notices", lambda: "below" in mesh.agents["par1"].text() and "reserve" in mesh.agents["par1"].text(), 60)
    mesh.start_rollout("disk", select={"servers": [server]}, **ALL)
    wait_until("DISK_LOW", lambda: told(mesh, "DISK_LOW"), 60)
    filler.unlink()  # "free space ...; they go on by themselves"
    assert mesh.wait_done("disk", 90)[server]["state"] == "SUCCEEDED", mesh.deployments("disk")


def nobody_vouches(mesh, typist, server):
    missing = mesh.folder / "late.iso"
    other = mesh.image.read_bytes() + b"\0" * 4096
    missing.write_bytes(other)
    sha = subprocess.run(["sha256sum", missing], check=True, capture_output=True, text=True).stdout.split()[0]
    missing.unlink()
    mesh.apply("late", {"kind": "Image", "metadata": {"name": "late"}, "spec": {
        "family": "placeholder", "iso": {"urls": [f"file://{missing}"], "sha256": sha}}})
    mesh.start_rollout("late", image="late", select={"servers": [server]}, **ALL)
    wait_until("it waits for its image", lambda: "IMAGE_UNAVAILABLE" in deployment(mesh, "late", server).get("note", ""), 60)
    mesh.broker.stop()
    restart(mesh, "par1")
    missing.write_bytes(other)
    wait_until("CLOCK_UNPROVEN", lambda: "CLOCK_UNPROVEN" in mesh.agents["par1"].text(), 120)
    assert not mesh.truth()[server]["installs"], "nobody has vouched for it"
    mesh.broker.start()  # "check the link to the broker"
    assert mesh.wait_done("late", 120)[server]["state"] == "SUCCEEDED", mesh.deployments("late")
    assert "check the link to the broker" in wait_until("it is told", lambda: told(mesh, "CLOCK_UNPROVEN"), 30)


def one_job_at_a_time(mesh, typist, server):
    """A medium is in custody; whoever wants it taken away is told what has to be decided first."""
    mesh.set_bmc(server, stopsReadingAt=50)
    mesh.start_rollout("busy", profile="short", select={"servers": [server]}, **ALL)
    end = mesh.wait_done("busy", 90)[server]
    assert end["fault"]["code"] == "INSTALLER_STALLED", end
    mesh.cli("server", "clean", server, "--reason", "it stands still")
    said = wait_until("MACHINE_BUSY", lambda: next((e["message"] for e in mesh.events() if "cleans up itself" in e.get("message", "")), None), 30)
    mesh.set_bmc(server, stopsReadingAt=0, power=False)
    type_all(typist, said, " resolve ")
    wait_until("the medium is taken away", lambda: mesh.truth()[server]["media"] == "", 60)
    mesh.cli("server", "clean", server, "--reason", "it stands still")  # as before
    wait_until("nothing is left", lambda: told(mesh, f"nothing of ours is left at {server}"), 60)


def a_lost_journal(mesh, typist, server):
    mesh.set_bmc(server, installMs=8000)
    mesh.start_rollout("lost", select={"servers": [server]}, **ALL)
    wait_until("it installs", lambda: mesh.truth()[server]["installs"], 60)
    mesh.agents["par2"].kill()
    shutil.rmtree(mesh.folder / "agent-par2")
    mesh.agents["par2"].start()
    end = mesh.wait_done("lost", 120)[server]
    assert end["state"] == "INDETERMINATE" and end["fault"]["code"] == "OUTCOME_UNKNOWN", end
    wait_until("its installer ended", lambda: mesh.truth()[server]["installs"][0]["completed"], 60)
    type_all(typist, end["fault"]["next"], " resolve ")
    assert deployment(mesh, "lost", server)["state"] != "INDETERMINATE"


def a_folder_that_was_put_back(mesh, typist, server):
    both = [mesh.media["par2"], mesh.agents["par2"]]
    folder, copy = mesh.folder / "agent-par2", mesh.folder / "copy-par2"
    journal = mesh.get("/sites/par2")["status"]["journalId"]

    def with_another_folder(change):
        for process in both:
            process.stop()
        change()
        for process in both:
            process.start()
    with_another_folder(lambda: shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.sock")))
    mesh.cli("inspect", server, "--wait")

    def put_back():
        shutil.rmtree(folder)
        copy.rename(folder)
    with_another_folder(put_back)
    said = wait_until("the quarantine is told", lambda: told(mesh, "is quarantined"), 60)
    out = mesh.rollout("quarantined", select={"servers": [server]})["excluded"]
    assert [e["reason"] for e in out] == ["SITE_UNKNOWN"] and "quarantine" in out[0]["message"], out
    with_another_folder(lambda: folder.rename(copy))  # as the agent says: it begins anew
    time.sleep(2)
    type_all(typist, said)

    def vouched():
        status = mesh.get("/sites/par2")["status"]
        return status.get("connected") and not status.get("quarantined") and status["journalId"] != journal
    wait_until("the site is there again", vouched, 60)
    mesh.start_rollout("again", select={"servers": [server]}, **ALL)
    assert mesh.wait_done("again", 90)[server]["state"] == "SUCCEEDED", mesh.deployments("again")


def a_newer_controller(mesh, typist, server):
    """It ran for a moment, and has queued what this version's agents have no word for."""
    mesh.controller.stop()
    subprocess.run([BIN / "metalmesh-queue-unknown", mesh.folder / "controller", mesh.pki / "store.key", "par1"], check=True)
    mesh.controller.start()
    mesh.wait_api()
    said = wait_until("UNSUPPORTED_COMMAND", lambda: told(mesh, "UNSUPPORTED_COMMAND"), 60)
    assert "does not know the command" in said and "upgrade this site's agent" in said, said
    wait_until("what it knows goes on", lambda: mesh.get("/sites/par1")["status"].get("connected"), 60)
    mesh.cli("inspect", server, "--wait")


ROWS = {
    "AGENT_EXHAUSTED": the_agents_own_limit,
    "DISK_LOW": a_disk_below_its_reserve,
    "CLOCK_UNPROVEN": nobody_vouches,
    "MACHINE_BUSY": one_job_at_a_time,
    "OUTCOME_UNKNOWN": a_lost_journal,
    "SITE_QUARANTINED": a_folder_that_was_put_back,
    "UNSUPPORTED_COMMAND": a_newer_controller,
}
AT_PAR2 = ("OUTCOME_UNKNOWN", "SITE_QUARANTINED")


def each_next_step_helps():
    assert {*ROWS} <= codes(), {*ROWS} - codes()
    with SmallDisk({"par1": len(ROWS), "par2": 2}, controller_config={"siteSilentAfter": "6s"}) as mesh:
        mesh.apply_basics()
        mesh.apply("site", {"kind": "Site", "metadata": {"name": "par1"}, "spec": {
            "limits": {"parallel": 20}, "images": {"reserve": "16MB"}}})
        mesh.apply("short", {"kind": "Profile", "metadata": {"name": "short"}, "spec": SHORT})
        mesh.wait_ready()
        typist = Typist(mesh)
        chosen = os.environ.get("CODES", "").split()
        for index, (code, show) in enumerate(ROWS.items()):
            if chosen and code not in chosen:
                continue
            server = f"par2-n{AT_PAR2.index(code) + 1:03}" if code in AT_PAR2 else f"par1-n{index + 1:03}"
            begin = time.monotonic()
            show(mesh, typist, server)
            print(f"{code}: {time.monotonic() - begin:.1f} s", flush=True)
        with contextlib.suppress(AssertionError):
            mesh.check_events()
        for command, _ in typist.typed:
            print("typed:", command)


if __name__ == "__main__":
    main([each_next_step_helps])
