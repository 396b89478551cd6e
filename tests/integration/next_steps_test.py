#!/usr/bin/env python3
"""Every code of a fault, what it advises, and that doing so helps. Each row brings about one fault with real processes, does
what the fault's next step says (hands at a simulated BMC, a file that was missing), types each command in it as it stands,
and then looks whether that did something: the install that failed succeeds, what waited goes on, what was unclear is decided."""
import contextlib
import json
import re
import subprocess
import threading
import time

from mesh import BIN, ENV, ROOT, TEMPLATE, Mesh, main, wait_until

ENDS = {"SUCCEEDED", "UNPROVEN", "FAILED", "CANCELLED", "INDETERMINATE"}
ALL = {"parallel": {"total": 100, "perSite": 60}, "stopAfter": {"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"}}

# Shown with their next steps elsewhere, or not to be brought about through a controller of the same version.
ELSEWHERE = {
    "GENERATION_FENCED": "store_test: a fence whose row rotted is settled as it says",
    **dict.fromkeys(("AGENT_EXHAUSTED", "CLOCK_UNPROVEN", "DISK_LOW", "MACHINE_BUSY", "OUTCOME_UNKNOWN", "SITE_QUARANTINED",
                     "UNSUPPORTED_COMMAND"), "site_steps_test"),
    "BMC_KEY_UNKNOWN": "attacks_test: a key is accepted, a delivery let in",
    "INSTALLER_REFUSED": "attacks_test: an installer shows another machine",
    "PROFILE_UNAVAILABLE": "store_test: a profile that rots before its site has it",
}


def codes():
    text = (ROOT / "schemas/wire/fault.proto").read_text()
    body = text[text.index("enum FaultCode"):text.index("}")]
    return set(re.findall(r"^  ([A-Z_]+) = [1-9]", body, re.MULTILINE))


def bmc(**change):
    return lambda mesh, server: mesh.set_bmc(server, **change)


def faults(*names):
    return bmc(faults=list(names))


healthy = faults()


def goes_off_before_it_boots(mesh, server):
    """In each attempt anew, while it is waited for."""
    mesh.set_bmc(server, postMs=12_000)

    def switch():
        with contextlib.suppress(OSError):
            while deployment(mesh, "before", server).get("state") not in ENDS:
                if deployment(mesh, "before", server).get("stage") == "WATCH" and mesh.truth()[server]["on"]:
                    mesh.set_bmc(server, power=False)
                time.sleep(0.3)
    threading.Thread(target=switch, daemon=True).start()


def silent_while_it_installs(mesh, server):
    mesh.set_bmc(server, installMs=4_000)

    def cut():
        wait_until("it installs", lambda: mesh.truth()[server]["installs"], 60, pause=0.05)
        mesh.set_bmc(server, faults=["silent"])
    threading.Thread(target=cut, daemon=True).start()


def goes_off_in_the_middle(mesh, server):
    mesh.set_bmc(server, installMs=6_000, faults=["power_cut_40s_at_50"])


# Before the disk is touched: how the BMC fails, and what hands do about it.
BEFORE = {
    "BMC_UNREACHABLE": (faults("silent"), healthy),
    "BMC_LOGIN_REFUSED": (faults("password_changed"), healthy),
    "BMC_KEY_CHANGED": (bmc(tlsKey=2), bmc()),
    "BMC_TLS_REFUSED": (faults("tls_1_0_only"), healthy),
    "BMC_SESSIONS_FULL": (faults("session_table_full"), bmc(faults=[], maxSessions=40)),
    "BMC_PASSWORD_CHANGE_REQUIRED": (faults("password_change_403"), healthy),
    "BMC_PROTOCOL": (faults("not_found_at_all"), healthy),
    "IDENTITY_MISMATCH": (faults("identity_other"), healthy),
    "POWERED_ON": (bmc(power=True), bmc()),
    "POWER_FAILED": (bmc(fault={"op": "reset", "action": "status", "status": 403, "times": 100}), bmc()),
    "NO_VIRTUAL_MEDIA": (bmc(hasVirtualMedia=False), bmc(hasVirtualMedia=True)),
    "FOREIGN_MEDIA": (bmc(foreignMedia="https://192.0.2.9/rescue.iso"), bmc()),
    "LICENCE_MISSING": (faults("licence_missing"), healthy),
    "INSERT_REFUSED": (faults("insert_500_always"), healthy),
    "MEDIA_WANTED_WHOLE": (faults("insert_reads_whole"), healthy),
    "MEDIA_NOT_REACHED": (bmc(neverReads=True), bmc(neverReads=False)),
    "MEDIA_TLS_REFUSED": (faults("verify_certificate"), healthy),
    "BOOT_OVERRIDE_REFUSED": (faults("boot_forgotten"), healthy),
    "BOOT_IGNORED": (goes_off_before_it_boots, bmc(postMs=300)),
}
def site_object(**more):
    return {"kind": "Site", "metadata": {"name": "par1"}, "spec": {"limits": {"parallel": 60}, **more}}


def outside_of_the_networks(mesh, server):
    mesh.apply("elsewhere", site_object(bmcNetworks=[{"cidr": "192.0.2.0/24"}]))


def with_its_network(mesh, server):
    address = mesh.get(f"/servers/{server}")["spec"]["bmc"]["address"].split(":")[0]
    (mesh.folder / "mended.yaml").write_text(json.dumps(
        {"apiVersion": "metalmesh/v1", **site_object(bmcNetworks=[{"cidr": f"{address.split('.')[0]}.0.0.0/8"}])}))


# Once a BMC is known, an install goes by its map; these are met by an inspection.
INSPECTED = {
    "SYSTEM_AMBIGUOUS": (faults("systems_empty_at_first"), healthy),
    "BMC_NOT_ALLOWED": (outside_of_the_networks, with_its_network),
}
# After it: a person looks and decides.
AFTER = {
    "BMC_LOST": (silent_while_it_installs, healthy),
    "INSTALLER_STALLED": (bmc(stopsReadingAt=50), bmc(stopsReadingAt=0, power=False)),
    "INSTALLER_TIMEOUT": (bmc(installMs=60_000), bmc(installMs=1_000, power=False)),
    "INSTALLER_INTERRUPTED": (goes_off_in_the_middle, healthy),
    "INSTALLER_REBOOTED": (bmc(installMs=8_000, faults=["power_cut_6s_at_50"]), healthy),
    "PROOF_MISSING": (bmc(callsBack=False), bmc(callsBack=True)),
}
# What is wrong is in the objects: what a rollout of one server brings, and what is applied then.
OBJECTS = ("IMAGE_UNAVAILABLE", "IMAGE_CORRUPT", "IMAGE_UNSUITABLE", "TEMPLATE_FAILED", "CREDENTIAL_MISSING", "ORDER_EXPIRED",
           "CANCELLED_BY_OPERATOR")


def commands_in(text):
    """What is to be typed, with a reader's values in the places of the upper-case words."""
    found = re.findall(r"metalmesh(?:-agent)? [a-z][^,;()]*", text.replace("(or --as", ";"))
    values = {"USER": "admin", "TEXT": "'seen in a test'", "IMAGE": "mm", "PROFILE": "base"}
    return [re.sub(r"\b(USER|TEXT|IMAGE|PROFILE)\b", lambda m: values[m[0]], c).strip().rstrip(".") for c in found]


class Typist:
    def __init__(self, mesh):
        self.mesh, self.typed = mesh, []

    def type(self, command, site="par1"):
        words = [w.strip("'") for w in re.findall(r"'[^']*'|\S+", command)]
        if words[0] == "metalmesh-agent":
            argv = [str(BIN / words[0]), "--config", str(self.mesh.folder / f"agent-{site}.yaml"), *words[1:]]
            done = subprocess.run(argv, capture_output=True, text=True, env=ENV, input="password\n", timeout=30)
        else:
            done = self.mesh.cli(*words[1:], check=False, timeout=60)
            # Who has just decided is told to wait until the site has confirmed it.
            until = time.monotonic() + 60
            while done.returncode != 0 and "NOT_FENCED" in done.stdout and time.monotonic() < until:
                time.sleep(1)
                done = self.mesh.cli(*words[1:], check=False, timeout=60)
        self.typed.append((command, done.returncode))
        # To look shows what is wrong with an exit code of 1; what it found can be accepted then.
        looked = " inspect " in command and "BMC_KEY_CHANGED" in done.stdout + done.stderr
        assert done.returncode == 0 or looked, (command, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr


def deployment(mesh, rollout, server):
    return mesh.deployments(rollout).get(server, {})


def anew(mesh, typist, server):
    again = [c for c, _ in typist.typed if f"metalmesh install {server} " in c and "--confirm" in c]
    if not again:
        mesh.start_rollout(f"anew-{server}", select={"servers": [server]}, reinstall=True, **ALL)
        assert mesh.wait_done(f"anew-{server}", 90)[server]["state"] == "SUCCEEDED", mesh.deployments(f"anew-{server}")
    wait_until(f"{server} is installed", lambda: mesh.get(f"/servers/{server}")["status"]["phase"] == "installed", 60)


def decide(typist, server, fault):
    """Types what is advised for an end after the wipe. True: it was decided; else it was ordered anew."""
    decided = False
    for command in commands_in(fault["next"]):
        said = typist.type(command)
        decided = decided or " resolve " in command
        for more in re.findall(r"(metalmesh install .*--confirm \S+)", said):
            typist.type(more)
    return decided


def at_an_inspection(mesh, typist, servers):
    for code, server in servers.items():
        INSPECTED[code][0](mesh, server)
        mesh.cli("inspect", server, "--wait", check=False)

        def condition(s=server):
            [reachable] = [c for c in mesh.get(f"/servers/{s}")["status"]["conditions"] if c["type"] == "Reachable"]
            return reachable
        seen = wait_until(f"{code} is seen", lambda: condition()["reason"] == code and condition(), 30)
        INSPECTED[code][1](mesh, server)
        for command in commands_in(seen["message"].partition("next: ")[2]):
            typist.type(command.replace("FILE", str(mesh.folder / "mended.yaml")))
        mesh.cli("inspect", server, "--wait")
        wait_until(f"{server} is ready again", lambda: condition()["status"] == "True", 30)


def before_the_wipe(mesh, typist, servers):
    for code, server in servers.items():
        BEFORE[code][0](mesh, server)
    mesh.start_rollout("before", select={"servers": list(servers.values())}, **ALL)
    ends = mesh.wait_done("before", 150)
    for code, server in servers.items():
        fault = ends[server].get("fault", {})
        assert fault.get("code") == code, (code, ends[server])
        assert ends[server]["disk"] == "DISK_UNTOUCHED", (code, ends[server])
        BEFORE[code][1](mesh, server)
    # Those that hands at the BMC do not mend: what is typed must.
    ordered = set()
    for code, server in servers.items():
        for command in commands_in(ends[server]["fault"]["next"]):
            if "server adopt" in command:
                continue  # the other way: it is in use
            said = typist.type(command)
            for more in re.findall(r"(metalmesh install .*--confirm \S+)", said):
                typist.type(more)
                ordered.add(server)
    again = [s for s in servers.values() if s not in ordered and s != servers["POWER_FAILED"]]
    mesh.start_rollout("again", select={"servers": again}, **ALL)
    state = {name: d["state"] for name, d in mesh.wait_done("again", 120).items()}
    assert set(state.values()) == {"SUCCEEDED"}, {n: d for n, d in mesh.deployments("again").items() if d["state"] != "SUCCEEDED"}
    for server in ordered:
        wait_until(f"{server} is installed", lambda s=server: mesh.get(f"/servers/{s}")["status"]["phase"] == "installed", 60)
    return ends


def after_the_wipe(mesh, typist, servers):
    for code, server in servers.items():
        AFTER[code][0](mesh, server)
    mesh.start_rollout("after", select={"servers": list(servers.values())}, profile="short", **ALL)
    ends = mesh.wait_done("after", 150)
    for code, server in servers.items():
        assert ends[server].get("fault", {}).get("code") == code, (code, ends[server])
        AFTER[code][1](mesh, server)
    for code, server in servers.items():
        unclear = ends[server]["state"]
        decided = decide(typist, server, ends[server]["fault"])
        if decided:
            now = deployment(mesh, "after", server)["state"]
            assert now != unclear and now == ("FAILED" if code == "INSTALLER_STALLED" else "SUCCEEDED"), (code, now)
        if code in ("INSTALLER_STALLED", "INSTALLER_TIMEOUT"):  # begun anew, by what was typed or with more time
            anew(mesh, typist, server)
    return ends


def in_objects(mesh, typist, servers):
    """Images, profiles, credentials: what waits or failed, and what is applied."""
    missing = mesh.folder / "later.iso"
    other = mesh.folder / "other.iso"
    other.write_bytes(mesh.image.read_bytes() + b"\0" * 2048)
    plain = mesh.folder / "plain.iso"
    plain.write_bytes(b"\0" * (1 << 20))
    plain_sha = subprocess.run(["sha256sum", plain], check=True, capture_output=True, text=True).stdout.split()[0]
    later_sha = subprocess.run(["sha256sum", other], check=True, capture_output=True, text=True).stdout.split()[0]
    image = lambda name, path, digest: {"kind": "Image", "metadata": {"name": name}, "spec": {
        "family": "placeholder", "iso": {"urls": [f"file://{path}"], "sha256": digest}}}
    profile = lambda name, text: {"kind": "Profile", "metadata": {"name": name}, "spec": {
        "family": "placeholder", "template": {"inline": text}, "maxRun": "120s", "stallAfter": "8s",
        "proof": {"minimum": "callback", "within": "60s"}}}
    mesh.apply("broken", image("later", missing, later_sha), image("rotten", mesh.image, "1" * 64), image("plain", plain, plain_sha),
               profile("vague", TEMPLATE + "rack={{rack_of_nobody}}\n"))
    for code, spec in {"IMAGE_UNAVAILABLE": {"image": "later"}, "IMAGE_CORRUPT": {"image": "rotten"}, "IMAGE_UNSUITABLE": {"image": "plain"},
                       "TEMPLATE_FAILED": {"profile": "vague"}, "CREDENTIAL_MISSING": {}, "CANCELLED_BY_OPERATOR": {"image": "later"},
                       "ORDER_EXPIRED": {"image": "later", "startWithin": "4s", "launchWithin": "60s"}}.items():
        mesh.start_rollout(code.lower().replace("_", "-"), select={"servers": [servers[code]]}, **spec, **ALL)

    def seen(code):
        d = deployment(mesh, code.lower().replace("_", "-"), servers[code])
        note = d.get("note", "")  # why it waits
        if note.startswith(code):
            return {"code": code, "next": note.partition("Next: ")[2]}
        return d["fault"] if d.get("fault", {}).get("code") == code else None
    told = {code: wait_until(f"{code} is told", lambda c=code: seen(c), 60) for code in OBJECTS if code != "CANCELLED_BY_OPERATOR"}
    mesh.cli("rollout", "stop", "cancelled-by-operator", "--reason", "not today")
    told["CANCELLED_BY_OPERATOR"] = wait_until("it is cancelled", lambda: seen("CANCELLED_BY_OPERATOR"), 30)
    for code in OBJECTS:
        for command in commands_in(told[code].get("next", "")):
            typist.type(command, site="par2")
    missing.write_bytes(other.read_bytes())  # the site reaches the image now
    mesh.apply("mended", image("rotten", mesh.image, mesh.image_sha256) | {"metadata": {"name": "sound"}}, profile("vague", TEMPLATE))
    again = {"IMAGE_CORRUPT": {"image": "sound"}, "IMAGE_UNSUITABLE": {}, "TEMPLATE_FAILED": {"profile": "vague"}, "ORDER_EXPIRED": {},
             "CANCELLED_BY_OPERATOR": {}}
    for code, spec in again.items():
        mesh.start_rollout("mended-" + code.lower().replace("_", "-"), select={"servers": [servers[code]]}, **spec, **ALL)
    for code in OBJECTS:
        rollout = ("mended-" if code in again else "") + code.lower().replace("_", "-")
        end = mesh.wait_done(rollout, 90)[servers[code]]
        assert end["state"] == "SUCCEEDED", (code, end)
    return told


def too_much_for_one_order(mesh, typist, server):
    """ORDER_INVALID: each object is within its bounds, and together they are more than one message of the stream holds."""
    image = lambda urls: {"kind": "Image", "metadata": {"name": "many"}, "spec": {
        "family": "placeholder", "iso": {"urls": [f"file://{mesh.image}", *urls], "sha256": mesh.image_sha256}}}
    mesh.apply("many", image([f"https://mirror{i}.example.net/{'x' * 2000}.iso" for i in range(15)]),
               {"kind": "Profile", "metadata": {"name": "wide"}, "spec": {
                   "family": "placeholder", "template": {"inline": TEMPLATE}, "vars": {"of_profile": "x" * 8000},
                   "proof": {"minimum": "callback", "within": "60s"}}})
    mesh.start_rollout("much", select={"servers": [server]}, image="many", profile="wide", vars={"of_rollout": "y" * 8000}, **ALL)
    end = mesh.wait_done("much", 30)[server]
    assert end["fault"]["code"] == "ORDER_INVALID" and end["disk"] == "DISK_UNTOUCHED", end
    assert "URLs" in end["fault"]["next"], end
    mesh.apply("few", image([]))
    for command in commands_in(end["fault"]["next"].replace("IMAGE", "many")):
        for more in re.findall(r"(metalmesh install .*--confirm \S+)", typist.type(command)):
            typist.type(more)
    wait_until(f"{server} is installed", lambda: mesh.get(f"/servers/{server}")["status"]["phase"] == "installed", 60)


def too_little_is_known(mesh, typist, server):
    """IDENTITY_INSUFFICIENT: such a server is in no plan, and the plan says what to type."""
    known = json.loads(mesh.cli("get", "server", server, "-o", "json").stdout)
    mesh.cli("delete", "server", server)
    mesh.apply("vague", {"kind": "Server", "metadata": {"name": "vague"}, "spec": {
        **known["spec"], "identity": {"serial": known["spec"]["identity"]["serial"]}}})
    wait_until("it was inspected", lambda: mesh.get("/servers/vague").get("status", {}).get("phase") == "inspected", 30)
    plan = mesh.rollout("vague", select={"servers": ["vague"]})
    [out] = plan["excluded"]
    assert not plan.get("servers") and out["reason"] == "IDENTITY_INSUFFICIENT", plan
    for command in commands_in(out["message"]):
        typist.type(command)
    assert mesh.rollout("vague-again", select={"servers": ["vague"]}).get("servers"), out


def a_change_that_is_not_offered(mesh, typist, server):
    """NOT_OFFERED: a BMC that cannot ask its host to shut down, until newer firmware can."""
    def switch(name, change):
        spec = {"action": "power", "power": {"change": change}, "select": {"servers": [server]}}
        mesh.apply(name, {"kind": "Rollout", "metadata": {"name": name}, "spec": spec})
        mesh.cli("rollout", "plan", name)
        plan = mesh.get(f"/rollouts/{name}")["status"]["plan"]
        mesh.cli("rollout", "start", name, "--plan", plan["digest"], "--confirm", len(plan["servers"]))
        return mesh.wait_done(name, 60)[server]
    assert switch("on", "on")["state"] == "SUCCEEDED"
    faults("graceful_not_offered")(mesh, server)
    fault = switch("not-offered", "graceful")["fault"]
    assert fault["code"] == "NOT_OFFERED", fault
    healthy(mesh, server)
    for command in commands_in(fault["next"]):
        typist.type(command)
    end = switch("offered", "graceful")
    assert end["state"] == "SUCCEEDED" and not mesh.truth()[server]["on"], end


def each_next_step_helps():
    rows = [*BEFORE, *AFTER, *INSPECTED, *OBJECTS]
    covered = {*rows, *ELSEWHERE, "IDENTITY_INSUFFICIENT", "NOT_OFFERED", "ORDER_INVALID"}
    assert codes() == covered, codes() ^ covered
    with Mesh({"par1": len(rows) + 3, "par2": 1}, install_ms=1000,
              agent_config={"timeouts": {"unreachable": "3s", "confirm": "8s", "firstRead": "8s", "power": "6s", "stall": "8s", "bmcLost": "6s"}}) as mesh:
        mesh.apply_basics()
        mesh.apply("sites", site_object(),
                   {"kind": "Profile", "metadata": {"name": "short"}, "spec": {
                       "family": "placeholder", "template": {"inline": TEMPLATE}, "maxRun": "40s", "stallAfter": "6s",
                       "proof": {"minimum": "callback", "within": "5s"}}})
        mesh.wait_ready()
        servers = dict(zip(rows, [n for n in sorted(mesh.truth()) if n.startswith("par1")]))
        servers["CREDENTIAL_MISSING"] = "par2-n001"
        (mesh.folder / "par2-credentials.yaml").write_text("{}\n")
        wait_until("par2 has lost its credentials", lambda: '"credentials of this site","names":""' in mesh.agents["par2"].text(), 20)
        typist = Typist(mesh)
        pick = lambda some: {code: servers[code] for code in some}
        in_objects(mesh, typist, pick(OBJECTS))
        at_an_inspection(mesh, typist, pick(INSPECTED))
        before_the_wipe(mesh, typist, pick(BEFORE))
        after_the_wipe(mesh, typist, pick(AFTER))
        too_little_is_known(mesh, typist, f"par1-n{len(rows) + 1:03}")
        too_much_for_one_order(mesh, typist, f"par1-n{len(rows) + 2:03}")
        a_change_that_is_not_offered(mesh, typist, f"par1-n{len(rows) + 3:03}")
        for command, _ in typist.typed:
            print("typed:", command)
        assert len(typist.typed) >= 20, typist.typed


if __name__ == "__main__":
    main([each_next_step_helps])
