#!/usr/bin/env python3
"""Reported BMC behaviours that need a real transport (TLS, connections, encodings, redirects), each at a server of its own,
all at once: installed like any other, or told by name. The others are in tests/sim/cases."""
from mesh import Mesh, main, wait_until

# faults -> where it must end: "SUCCEEDED", or a fault's code; and words that must be said.
CASES = {
    (): ("SUCCEEDED",),
    ("tls_1_0_only",): ("BMC_TLS_REFUSED",),
    ("not_found_at_all",): ("BMC_PROTOCOL", "404"),
    ("licence_missing",): ("LICENCE_MISSING", "iLO Advanced"),
    ("boot_task_pending",): ("SUCCEEDED",),
    ("slot_by_patch",): ("SUCCEEDED",),
    ("graceful_not_offered",): ("SUCCEEDED",),
    ("gzip_always",): ("SUCCEEDED",),
    ("gzip_or_406",): ("SUCCEEDED",),
    ("keepalive_reset",): ("SUCCEEDED",),
    ("utf8_bom",): ("SUCCEEDED",),
    ("latin1_text",): ("SUCCEEDED",),
    ("session_redirect",): ("SUCCEEDED",),
    ("redirect_308",): ("SUCCEEDED",),
    ("redirect_308", "session_redirect"): ("SUCCEEDED",),
    ("root_without_slash",): ("SUCCEEDED",),
    ("redirect_other_port",): ("BMC_PROTOCOL", "192.0.2.77:8443"),
    ("next_link",): ("SUCCEEDED",),
    ("basic_only_401",): ("SUCCEEDED",),
    ("basic_only_404",): ("SUCCEEDED",),
    ("session_204",): ("SUCCEEDED",),
    ("session_no_location",): ("SUCCEEDED",),
}


def looked_at(server):
    """"ready", or the code of what the inspection failed for; nothing while it goes on."""
    status = server.get("status", {})
    if status.get("phase") == "ready":
        return "ready"
    return next((c["reason"] for c in status.get("conditions", []) if c.get("status") == "False" and c.get("reason", "").isupper()), None)


def check(faults, expected, inspected, server, deployment):
    code, *words = expected
    what = (faults, code, inspected, server.get("status"), deployment)
    if code == "SUCCEEDED":
        assert inspected == "ready" and deployment["state"] == "SUCCEEDED", what
        return
    told = deployment.get("fault", {}) if deployment else {}
    said = str(told) + str(server["status"].get("conditions"))
    assert code in (told.get("code"), inspected), what
    assert all(word in said for word in words), what


def reported_behaviours_over_a_real_transport():
    names = {f"par1-n{i + 1:03}": case for i, case in enumerate(CASES.items())}
    with Mesh({"par1": len(names)}) as mesh:
        for name, (faults, _) in names.items():
            mesh.set_bmc(name, faults=list(faults))
        mesh.apply_basics()

        def all_looked_at():
            found = {s["metadata"]["name"]: s for s in mesh.get("/servers?limit=500")["items"]}
            states = {name: looked_at(server) for name, server in found.items()}
            return (found, states) if len(states) == len(names) and all(states.values()) else None
        servers, states = wait_until("every server was inspected", all_looked_at, 60)
        ready = [name for name, state in states.items() if state == "ready"]
        mesh.start_rollout("all", select={"servers": ready}, parallel={"total": 50, "perSite": 50},
                           stopAfter={"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"})
        deployments = mesh.wait_done("all", 80)
        for name, (faults, expected) in names.items():
            check(faults, expected, states[name], servers[name], deployments.get(name))
        truth = mesh.truth()
        for name, (faults, _) in names.items():
            assert not truth[name]["violations"], (faults, truth[name])
            assert truth[name]["media"] == "", (faults, truth[name])
        wait_until("no session is left", lambda: all(s["sessions"] == 0 for s in mesh.truth().values()), 20)


if __name__ == "__main__":
    main([reported_behaviours_over_a_real_transport])
