#!/usr/bin/env python3
"""Reported BMC behaviours with real processes, each at a server of its own, all at once: installed like any other, or told by
name. Those that need a real transport (TLS, connections, encodings, redirects) always; with METALMESH_LONG_TESTS the others,
too, which tests/sim/cases has on a virtual clock, with more of what may go wrong beside them."""
import os

from mesh import Mesh, main, wait_until

# faults -> where it must end: "SUCCEEDED", or a fault's code; and words that must be said.
TRANSPORT = {
    (): ("SUCCEEDED",),
    ("tls_1_0_only",): ("BMC_TLS_REFUSED", "TLS 1.0 or 1.1 only"),
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
    ("insert_probes_plain_get",): ("SUCCEEDED",),
    ("insert_reads_whole",): ("MEDIA_WANTED_WHOLE", "could not be read"),
}
OTHERS = {
    ("basic_only_disabled",): ("SUCCEEDED",),
    ("basic_only_405",): ("SUCCEEDED",),
    ("login_busy_400",): ("SUCCEEDED",),
    ("login_busy_swc0700",): ("SUCCEEDED",),
    ("login_busy_403",): ("SUCCEEDED",),
    ("login_busy_503",): ("SUCCEEDED",),
    ("session_empty_body",): ("SUCCEEDED",),
    ("password_change_403",): ("BMC_PASSWORD_CHANGE_REQUIRED", "must be changed"),
    ("system_403",): ("BMC_PROTOCOL", "denied access"),
    ("power_state_null_blip",): ("SUCCEEDED",),
    ("on_409_after_off",): ("SUCCEEDED",),
    ("final_on_ignored",): ("POWER_FAILED", "still Off"),
    ("push_button_lag",): ("SUCCEEDED",),
    ("once_becomes_continuous",): ("BOOT_OVERRIDE_REFUSED", "Continuous"),
    ("stale_old_image",): ("SUCCEEDED",),
    ("insert_slow_75s",): ("SUCCEEDED",),
    ("stale_os_running",): ("SUCCEEDED",),
    ("boot_in_settings",): ("SUCCEEDED",),
    ("target_usbcd",): ("SUCCEEDED",),
    ("mode_stays_legacy",): ("BOOT_OVERRIDE_REFUSED", "Legacy"),
    ("mode_reverts",): ("BOOT_OVERRIDE_REFUSED", "Legacy"),
    ("members_is_an_object",): ("SUCCEEDED",),
    ("nic_member_500",): ("SUCCEEDED",),
    ("two_managers_no_link",): ("SUCCEEDED",),
    ("dpu_is_a_system",): ("SUCCEEDED",),
    ("systems_empty_at_first",): ("SUCCEEDED",),
    ("nics_gone_when_off",): ("SUCCEEDED",),
    ("extinfo_is_an_object", "insert_500_always"): ("INSERT_REFUSED", "SYS446"),
    ("latin1_error", "insert_500_always"): ("INSERT_REFUSED", "Requ"),
    ("eject_only_empty_body",): ("SUCCEEDED",),
    ("actions_without_target",): ("SUCCEEDED",),
    ("slow_40s",): ("SUCCEEDED",),
    ("uuid_byte_order",): ("MISMATCH", "bytes turned"),
    ("insert_500_always",): ("INSERT_REFUSED", "SYS446"),
    ("insert_task_completed_critical",): ("INSERT_REFUSED", "could not be verified"),
    ("http_only",): ("INSERT_REFUSED", "media: http"),
    ("verify_certificate",): ("MEDIA_TLS_REFUSED", "ca"),
    ("unescaped_etag",): ("BMC_PROTOCOL", "invalid JSON at byte"),
    ("label_is_sku",): ("SUCCEEDED",),
    ("uuid_only",): ("SUCCEEDED",),
    ("bmc_usb_nic",): ("SUCCEEDED",),
}
LONG = bool(os.environ.get("METALMESH_LONG_TESTS"))
CASES = {**TRANSPORT, **OTHERS} if LONG else TRANSPORT
# A BMC that is slow or busy is waited for as long as an agent does that nobody told otherwise.
PATIENT = {"unreachable": "45s", "confirm": "2m", "firstRead": "30s", "power": "30s", "stall": "60s"}


def looked_at(server):
    """"ready", or the code of what the inspection failed for; nothing while it goes on."""
    status = server.get("status", {})
    if status.get("phase") == "ready":
        return "ready"
    return next((c["reason"] for c in status.get("conditions", []) if c.get("status") == "False" and c.get("reason", "").isupper()), None)


def objection(expected, inspected, server, deployment):
    """What is not as it should be; nothing when all is."""
    code, *words = expected
    told = deployment.get("fault", {}) if deployment else {}
    said = str(told) + str(server["status"].get("conditions"))
    ended = f"inspected: {inspected}, {deployment and deployment['state']} {told.get('code')}: {told.get('seen')} {told.get('detail', '')}"
    if code == "SUCCEEDED":
        return None if inspected == "ready" and deployment and deployment["state"] == "SUCCEEDED" else ended
    missing = [word for word in words if word not in said]
    return None if code in (told.get("code"), inspected) and not missing else f"{ended}; not said: {missing}"


def reported_behaviours_over_a_real_transport():
    names = {f"par1-n{i + 1:03}": case for i, case in enumerate(CASES.items())}
    config = {"timeouts": PATIENT} if LONG else {}
    with Mesh({"par1": len(names)}, agent_config=config) as mesh:
        for name, (faults, _) in names.items():
            mesh.set_bmc(name, faults=list(faults))
        mesh.apply_basics(stallAfter="60s")
        mesh.apply("wide", {"kind": "Site", "metadata": {"name": "par1"}, "spec": {"limits": {"parallel": 100}}})

        def look():
            found = {s["metadata"]["name"]: s for s in mesh.get("/servers?limit=500")["items"]}
            return found, {name: looked_at(server) for name, server in found.items()}

        def all_looked_at():
            servers, states = look()
            return len(states) == len(names) and all(states.values())
        in_time(lambda: wait_until("every server was inspected", all_looked_at, 150 if LONG else 60))
        servers, states = look()
        ready = [name for name, state in states.items() if state == "ready"]
        mesh.start_rollout("all", select={"servers": ready}, parallel={"total": 100, "perSite": 100},
                           stopAfter={"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"})
        in_time(lambda: mesh.wait_done("all", 500 if LONG else 80))
        deployments, truth = mesh.deployments("all"), mesh.truth()
        wrong = {}
        for name, (faults, expected) in names.items():
            why = objection(expected, states[name], servers[name], deployments.get(name))
            if truth[name]["violations"] or (truth[name]["media"] and not why):
                why = f"{truth[name]['violations']}, left in the slot: {truth[name]['media']}"
            if why:
                wrong[faults] = why
                print("WRONG", *faults, "|", why)
        print(f"{len(names) - len(wrong)} of {len(names)} are as they should be")
        assert not wrong, list(wrong)
        wait_until("no session is left", lambda: all(s["sessions"] == 0 for s in mesh.truth().values()), 20)


def in_time(wait):
    """What did not end is told by what it should have come to."""
    try:
        wait()
    except AssertionError as late:
        print(late)


if __name__ == "__main__":
    main([reported_behaviours_over_a_real_transport])
