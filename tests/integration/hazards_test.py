#!/usr/bin/env python3
"""What must not end, prove or lose an install, with real processes and side by side: whatever happens to the talk with a
BMC, its medium stays with a running installer, at a restart of the agent, too; a host that loses power in the middle has
not been installed; a port that answers all the time proves nothing; a BMC's words come through in whatever encoding."""
import contextlib
import json
import socket
import subprocess
import threading
import time

from mesh import BIN, ENV, TEMPLATE, Mesh, main, succeeded, wait_until

EAGER = {"parallel": {"total": 100, "perSite": 20}, "stopAfter": {"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"}}
INSTALL_MS = 26_000
TROUBLE_S = 9  # more than twice as long as a silent BMC is waited for here

# What happens to the talk: faults of the BMC, and whether it forgets its sessions.
TROUBLES = [
    ("the password is another one", ["password_changed"], False),
    ("the session table is full", ["session_table_full"], False),
    ("404 at root and login", ["not_found_at_all"], False),
    ("the session is gone, and logins are busy", ["login_busy_503"], True),
    ("UUID and serial are empty", ["identity_empty"], True),
]
POWER_CUTS = ["power_cut_6s_at_5", "power_cut_6s_at_50", "power_cut_6s_at_100"]


def names(site, first, count):
    return [f"{site}-n{i:03}" for i in range(first, first + count)]


def restart(mesh, site):
    mesh.agents[site].kill()
    mesh.agents[site].start()


def set_credential(mesh, site):
    subprocess.run([str(BIN / "metalmesh-agent"), "--config", str(mesh.folder / f"agent-{site}.yaml"), "credential", "set",
                    f"{site}-bmc", "--username", "admin"], check=True, capture_output=True, env=ENV, text=True, input="password\n")


def half_written(mesh, site):
    file = mesh.folder / f"{site}-credentials.yaml"
    file.touch(mode=0o600)
    file.write_text(f"{site}-bmc:\n  username: admin\n  passw")


def without_credentials(mesh, site):
    (mesh.folder / f"{site}-credentials.yaml").unlink()


class Watcher(threading.Thread):
    """Looks all the time whether an installer that runs still has its medium."""

    def __init__(self, mesh, servers):
        super().__init__(daemon=True)
        self.mesh, self.servers, self.over, self.taken = mesh, servers, False, {}

    def run(self):
        while not self.over:
            with contextlib.suppress(OSError):
                for name, server in self.mesh.truth().items():
                    if name in self.servers and server["state"] == "installing" and not server["media"]:
                        self.taken[name] = server
            time.sleep(0.2)


def installing(mesh, servers):
    truth = mesh.truth()
    return all(truth[name]["state"] == "installing" for name in servers)


def trouble_begins(mesh, site):
    for server, (_, faults, forgets) in zip(names(site, 1, len(TROUBLES)), TROUBLES):
        mesh.set_bmc(server, faults=faults, **({"restartBmc": False} if forgets else {}))


def trouble_ends(mesh, site):
    for server in names(site, 1, len(TROUBLES)):
        mesh.set_bmc(server, faults=[])
    mesh.set_bmc(names(site, 2, 1)[0], restartBmc=False)  # somebody else's sessions end
    set_credential(mesh, site)  # a person's answer to a refused login


def the_talk_breaks_while_installers_run(mesh):
    """Sites 1 and 3 as they run, 2 and 4 with a restart of the agent at that moment."""
    wait_until("installers run", lambda: installing(mesh, names("par1", 1, 5) + names("par2", 1, 5) + ["par3-n001", "par4-n001"]), 60)
    for site in ("par1", "par2"):
        trouble_begins(mesh, site)
    for site in ("par3", "par4"):
        without_credentials(mesh, site)
    for site in ("par2", "par4"):
        restart(mesh, site)
    time.sleep(TROUBLE_S / 2)
    mesh.set_bmc("par1-n004", faults=["login_busy_503"])  # it begins anew
    mesh.set_bmc("par2-n004", faults=["login_busy_503"])
    for site in ("par3", "par4"):
        half_written(mesh, site)
    restart(mesh, "par4")
    time.sleep(TROUBLE_S / 2)
    for site in ("par1", "par2"):
        trouble_ends(mesh, site)
    for site in ("par3", "par4"):
        mesh.set_password(site, "password")


def reach_profile(mesh, name, port):
    mesh.apply(name, {"kind": "Profile", "metadata": {"name": name}, "spec": {
        "family": "placeholder", "template": {"inline": TEMPLATE}, "maxRun": "120s", "stallAfter": "30s",
        "proof": {"minimum": "reachable", "port": port, "hostVar": "probe", "within": "25s"}}})


def with_probe(mesh, server):
    known = json.loads(mesh.cli("get", "server", server, "-o", "json").stdout)
    spec = known["spec"] | {"vars": known["spec"].get("vars", {}) | {"probe": "127.0.0.1"}}
    mesh.apply(server, {"kind": "Server", "metadata": {"name": server, "labels": known["metadata"].get("labels", {})}, "spec": spec})


def listener(port=0):
    door = socket.create_server(("127.0.0.1", port))

    def greet():
        with contextlib.suppress(OSError):
            while True:
                guest, _ = door.accept()
                guest.sendall(b"SSH-2.0-somebody\r\n")
                guest.close()
    threading.Thread(target=greet, daemon=True).start()
    return door, door.getsockname()[1]


def opens_with_the_new_system(mesh, server, port):
    def look():
        with contextlib.suppress(OSError):
            wait_until("the new system runs", lambda: mesh.truth()[server]["state"] == "new system", 120)
            listener(port)
    threading.Thread(target=look, daemon=True).start()


def power_ons(mesh, server):
    return sum(a["what"] == "power on" for a in mesh.acts(server.rsplit("-n", 1)[0]) if a["server"] == server)


def check_power_cuts(mesh, servers, ends, unseen):
    """`unseen`: the agent was down meanwhile, and the host may have begun anew by itself, with its medium in."""
    for server, fault in zip(servers, POWER_CUTS):
        end, truth = ends[server], mesh.truth()[server]
        print(f"{fault}: {end['state']} {end.get('fault', {}).get('code')}")
        completed = truth["installs"][-1]["completed"]
        assert end["state"] != "SUCCEEDED" or completed, (fault, end, truth)
        assert unseen or not (completed or truth["violations"]), (fault, truth)
        if end.get("disk") != "DISK_NEW_SYSTEM":  # all of it had been read: it looks like an end
            assert power_ons(mesh, server) == 1, (fault, "nobody's machine is switched on", mesh.acts("par1"))


def hazards_side_by_side():
    """Of the talk (A2), of power (A3) and of ports (A4)."""
    with Mesh({"par1": 10, "par2": 8, "par3": 1, "par4": 1}, install_ms=INSTALL_MS) as mesh:
        mesh.apply_basics(stallAfter="25s", maxRun="200s")
        mesh.wait_ready()
        cut = {site: names(site, 6, 3) for site in ("par1", "par2")}
        open_always, open_later = "par1-n009", "par1-n010"
        door, busy_port = listener()
        free, free_port = listener()
        free.shutdown(socket.SHUT_RDWR)
        free.close()
        for server in (open_always, open_later):
            with_probe(mesh, server)
            mesh.set_bmc(server, installMs=4000, callsBack=False)
        reach_profile(mesh, "reach-open", busy_port)
        reach_profile(mesh, "reach-new", free_port)
        for site in cut:
            for server, fault in zip(cut[site], POWER_CUTS):
                mesh.set_bmc(server, faults=[fault], installMs=8000)
        talked = [n for n in sorted(mesh.truth()) if n not in {*cut["par1"], *cut["par2"], open_always, open_later}]
        watcher = Watcher(mesh, talked)
        watcher.start()
        mesh.start_rollout("all", select={"servers": [n for n in mesh.truth() if n not in (open_always, open_later)]}, **EAGER)
        mesh.start_rollout("open", select={"servers": [open_always]}, profile="reach-open", **EAGER)
        mesh.start_rollout("new", select={"servers": [open_later]}, profile="reach-new", **EAGER)
        opens_with_the_new_system(mesh, open_later, free_port)
        the_talk_breaks_while_installers_run(mesh)
        ends = mesh.wait_done("all", 180) | mesh.wait_done("open", 60) | mesh.wait_done("new", 60)
        watcher.over = True
        assert not watcher.taken, watcher.taken
        succeeded(ends, talked)
        truth = mesh.truth()
        for name in talked:
            assert not truth[name]["violations"] and truth[name]["media"] == "", (name, truth[name])
            assert [i["completed"] for i in truth[name]["installs"]] == [True], (name, truth[name])
        wait_until("no session of ours is left", lambda: all(mesh.truth()[name]["sessions"] <= 1 for name in talked), 20)
        for site in cut:
            check_power_cuts(mesh, cut[site], ends, unseen=site == "par2")
        assert ends[open_always]["state"] == "UNPROVEN" and ends[open_always]["fault"]["code"] == "PROOF_MISSING", ends[open_always]
        assert ends[open_later]["state"] == "SUCCEEDED" and ends[open_later]["proof"] == "PROOF_REACHABLE", ends[open_later]
        door.close()


def words_in_any_encoding():
    """An error page in Latin-1 (A1), told while the broker is down, and the agent restarts with it in its journal."""
    with Mesh({"par1": 2}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        servers = sorted(mesh.truth())
        for server in servers:
            mesh.set_bmc(server, faults=["latin1_error", "insert_500_always"], fault={"op": "insert", "action": "hold"})
        mesh.start_rollout("web", select={"servers": servers}, **EAGER)
        wait_until("it inserts", lambda: all(d.get("stage") == "INSERT" for d in mesh.deployments("web").values()), 30)
        mesh.broker.kill()
        for server in servers:
            mesh.set_bmc(server, letGo=True)
        wait_until("it ends without a broker", lambda: mesh.agents["par1"].text().count("INSERT_REFUSED") >= 2, 60)
        restart(mesh, "par1")
        time.sleep(1)
        assert mesh.agents["par1"].alive(), mesh.agents["par1"].text()[-2000:]
        mesh.broker.start()
        for end in mesh.wait_done("web", 240).values():
            assert end["state"] == "FAILED" and end["fault"]["code"] == "INSERT_REFUSED", end
            assert "Requ" in end["fault"]["detail"], end
        mesh.check_events()


if __name__ == "__main__":
    main([hazards_side_by_side, words_in_any_encoding])
