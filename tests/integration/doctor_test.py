#!/usr/bin/env python3
"""A doctor with real processes: it names the planted causes, by server and by rollout, and a test of the way to a medium reads
it, leaves nothing behind and survives kill -9 around every call that changes a BMC."""
import json

from mesh import Mesh, main, wait_until

PLANTED = {  # fault of the BMC: check that names it
    "clock_2019": "clock",
    "job_scheduled": "jobs",
    "licence_standard": "licence",
    "account_read_only": "privileges",
    "sessions_left_open": "sessions",
    "media_verified_by_nothing": "certificate",
}
# (op, nth) of a test; each before and after it had its effect.
CALLS = [("login", 1), ("insert", 1), ("eject", 1), ("logout", 1)]


def findings(mesh, *args):
    """By server: the checks that found something."""
    result = mesh.cli("-o", "json", "doctor", *args, check=False)
    found = json.loads(result.stdout)
    items = found.get("items", [found])
    wrong = {d["server"]: [f["check"] for f in d.get("findings", []) if f["verdict"] == "WRONG"] for d in items}
    assert result.returncode == (1 if any(wrong.values()) else 0), (result.returncode, wrong)
    return wrong


def causes_are_named():
    servers = {f"par1-n{i + 1:03}": fault for i, fault in enumerate(PLANTED)}
    well = f"par1-n{len(PLANTED) + 1:03}"
    with Mesh({"par1": len(PLANTED) + 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        for server, fault in servers.items():
            mesh.set_bmc(server, faults=[fault])
        wrong = findings(mesh, "server", *servers, well)
        assert wrong == {**{s: [PLANTED[f]] for s, f in servers.items()}, well: []}, wrong
        # The same by cause, of a rollout that was only planned.
        mesh.rollout("web", select={"labels": {"role": "web"}})
        told = mesh.cli("doctor", "rollout", "web", check=False)
        assert told.returncode == 1 and f"{len(PLANTED) + 1} servers, 1 without a finding" in told.stdout, told.stdout
        assert "next: metalmesh bmc set-clock par1-n001" in told.stdout, told.stdout
        # What it advises exists, and helps.
        mesh.cli("bmc", "set-clock", "par1-n001", "--confirm", 1, "--watch")
        mesh.cli("bmc", "clear-jobs", "par1-n002", "--confirm", 1, "--watch")
        mesh.cli("bmc", "end-sessions", "par1-n005", "--confirm", 1, "--watch")
        mesh.cli("bmc", "trust-ca", "par1-n006", "--confirm", 1, "--watch")
        assert findings(mesh, "server", "par1-n001", "par1-n002", "par1-n005", "par1-n006") == {
            "par1-n001": [], "par1-n002": [], "par1-n005": [], "par1-n006": []}
        # A password that another one changed is told, and not held back.
        mesh.set_bmc(well, faults=["password_changed"])
        assert findings(mesh, "server", well) == {well: ["login"]}
        site = mesh.cli("doctor", "site", "par1", check=False)
        assert "media" in site.stdout and site.returncode == 1, site.stdout  # a loopback address, as tests have
        assert all(server["sessions"] == 0 for server in mesh.truth().values()), mesh.truth()
        mesh.check_events()


def a_doctor_is_heard_while_an_installer_runs():
    with Mesh({"par1": 1}, install_ms=15000) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        name = "par1-n001"
        mesh.start_rollout("one", select={"servers": [name]})
        wait_until("its installer runs", lambda: mesh.deployments("one")[name].get("launched"), 60)
        assert findings(mesh, "server", name) == {name: []}
        mesh.cli("inspect", name)
        assert mesh.deployments("one")[name]["state"] == "RUNNING", "both came in time"
        assert mesh.wait_done("one", 120)[name]["state"] == "SUCCEEDED"
        mesh.check_truth([name])
        assert mesh.truth()[name]["sessions"] == 0
        mesh.check_events()


def a_test_reads_and_leaves_nothing_behind():
    moments = [(call, when) for call in CALLS for when in ("before", "after")]
    with Mesh({"par1": len(moments) + 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        running = f"par1-n{len(moments) + 1:03}"
        mesh.cli("power", "on", running, "--confirm", 1, "--watch")
        assert findings(mesh, "server", running, "--mount-test") == {running: ["mount-test"]}
        assert not [a for a in mesh.acts("par1") if a["what"] == "insert"], mesh.acts("par1")
        assert findings(mesh, "server", running, "--mount-test", "--in-use") == {running: []}
        agent = mesh.agents["par1"]
        mesh.sim("par1", "/kill-target", {"pidfile": str(agent.pidfile)})
        servers = [f"par1-n{i + 1:03}" for i in range(len(moments))]
        for server, ((op, nth), when) in zip(servers, moments):
            mesh.set_bmc(server, fault={"op": op, "when": when, "action": "kill", "nth": nth})
        mesh.apply("test", {"kind": "Rollout", "metadata": {"name": "test"}, "spec": {
            "action": "mountTest", "select": {"servers": servers}, "parallel": {"total": 20, "perSite": 20}}})
        mesh.cli("rollout", "plan", "test")
        plan = mesh.get("/rollouts/test")["status"]["plan"]
        mesh.cli("rollout", "start", "test", "--plan", plan["digest"], "--confirm", len(servers))
        tested = mesh.wait_done("test", 120, supervise=[agent])
        kills = [a for a in mesh.acts("par1") if a["what"] == "fault"]
        assert len({a["server"] for a in kills}) == len(moments), kills
        assert {d["state"] for d in tested.values()} == {"SUCCEEDED"}, tested
        assert all(d["findings"][0]["verdict"] == "FINE" for d in tested.values()), tested
        truth = mesh.truth()
        assert all(server["media"] == "" and not server["violations"] for server in truth.values()), truth
        assert [name for name, server in truth.items() if server["on"]] == [running], truth
        wait_until("no more sessions than lost logins",
                   lambda: all(s["sessions"] <= 1 for s in mesh.truth().values()), 20)
        mesh.check_events()
        print(f"{len(kills)} kills of the agent around BMC calls")


main([causes_are_named, a_doctor_is_heard_while_an_installer_runs, a_test_reads_and_leaves_nothing_behind])
