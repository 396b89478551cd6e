"""Holds what the BMCs really did, and what the agents' journals say, against what the controller believes."""
from chaos import journal
from chaos.nemesis import BMC_FAULTS


def check_outcomes(deployments, nemesis, share=0.95):
    """At least `share` succeeded, and each exception is explained by what was done to that very server."""
    exceptions = {n: d for n, d in deployments.items() if d["state"] != "SUCCEEDED"}
    for name, deployment in sorted(exceptions.items()):
        fault = deployment.get("fault", {})
        done = nemesis.hurt.get(name, "nothing")
        explained = done in BMC_FAULTS and fault.get("code") in BMC_FAULTS[done][1]
        print(f"  {name}: {deployment['state']} {fault.get('code')}: {fault.get('seen')}  <- {done}")
        assert explained, (f"{name} did not succeed, and what was done to it ({done}) does not explain it", deployment,
                           [h for h in nemesis.history if name in h[2]])
    good = len(deployments) - len(exceptions)
    assert good >= share * len(deployments), f"only {good} of {len(deployments)} succeeded"
    return exceptions


def check_machines(mesh, deployments, exceptions, nemesis):
    """Nobody was installed twice, SUCCEEDED means one completed install of that very deployment, no medium is left."""
    for name, server in mesh.truth().items():
        installs = [i for i in server["installs"] if not i["died"]]
        assert len(installs) <= 1, (name, "was installed twice", server)
        assert server["media"] == "", (name, "its medium is left", server, nemesis.hurt.get(name))
        if name in exceptions:
            assert not any(i["completed"] for i in installs), (name, "was installed, the controller says otherwise", server)
            continue
        assert not server["violations"], (name, server)
        assert len(installs) == 1 and installs[0]["completed"], (name, server)
        assert installs[0]["deployment"] == deployments[name]["id"], (name, server, deployments[name])


def check_journals(mesh):
    """The controller's log holds each site's journal once, in order, entry by entry."""
    log = {}
    for event in mesh.check_events():
        if event.get("seq"):
            body = next((k for k in event.get("event", {}) if k in journal.BODIES.values()), "")
            told = event.get("event", {})
            log.setdefault(event["site"], {})[int(event["seq"])] = (
                body, told.get("server", ""), told.get("deploymentId", ""), int(told.get("generation", 0)))
    total = 0
    for site, agent in mesh.agents.items():
        own = journal.read(mesh.agent_folder(site))
        known = log.get(site, {})
        # The log is 1..n (check_events); the site may have trimmed the beginning, but holds the same end.
        assert max(known) == max(own), (site, "ends differ: journal, log", max(own), max(known))
        for seq, event in own.items():
            assert known[seq] == event, (site, seq, "journal", event, "log", known[seq])
        total += len(own)
    return total
