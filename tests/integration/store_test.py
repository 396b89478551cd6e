#!/usr/bin/env python3
"""What rots in the stores is noticed and bounded, and a backup is a way back: one byte flipped in every row of both stores,
one at a time; backups under load; the drill of the README."""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import threading
import time

from mesh import BIN, ENV, Mesh, Process, main, wait_until
from next_steps_test import Typist, commands_in, deployment

LONG = bool(os.environ.get("METALMESH_LONG_TESTS"))
BACKUPS = 100 if LONG else 8
LATE = int(os.environ.get("DRILL_LATE", "0"))  # seconds between a backup and the loss of its store
SERVER = {"apiVersion": "metalmesh/v1", "kind": "Server"}

# Keys of the controller's rows as they lie in its files: whole, with eight bytes of the engine behind them.
KEYS = re.compile(rb"(?:o/(?:site|cred|server|image|profile|version|rollout)/[a-z0-9@-]+|d/d-[0-9a-f]{16}|"
                  rb"x/(?:order|fence)/d-[0-9a-f]{16}|x/link/par1|r/par1|s/par1/m|s/par1/e\0{6}..|"
                  rb"g/[0-9A-Za-z/-]+|b/[0-9a-f]{64}|m/[0-9A-Za-z:=_.-]+|e/\0{6}..)(?=\x01.{7})", re.DOTALL)
ENGINE_BYTES = 8


def run(*args, check=False):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=60, env=ENV)
    assert not check or done.returncode == 0, (args, done.returncode, done.stdout, done.stderr)
    return done


def agent(mesh, *args, **how):
    return run(BIN / "metalmesh-agent", "--config", mesh.folder / "agent-par1.yaml", *args, **how)


def controller(mesh, *args, **how):
    return run(BIN / "metalmesh-controller", "--config", mesh.folder / "controller.yaml", *args, **how)


def printable(key):
    return "".join(chr(b) if chr(b).isascii() and (chr(b).isalnum() or chr(b) in "/._:@+-") else f"%{b:02x}" for b in key)


def rows_of(folder):
    with sqlite3.connect(folder / "rows.db") as db:
        found = db.execute("SELECT key, value FROM rows ORDER BY key").fetchall()
    db.close()
    return found


def put_row(folder, key, value):
    db = sqlite3.connect(folder / "rows.db")
    with db:
        db.execute("UPDATE rows SET value = ? WHERE key = ?", (value, key))
    db.close()


def flipped(value, at):
    return value[:at] + bytes([value[at] ^ 0x10]) + value[at + 1:]


def events_of(mesh, kind):
    return [e for e in mesh.events() if e["type"] == kind]


def every_row_of_an_agent():
    with Mesh({"par1": 2}, install_ms=600) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.start_rollout("one", select={"servers": ["par1-n001"]})
        mesh.wait_done("one")
        refused = agent(mesh, "store", "check")
        assert refused.returncode == 2 and "in use by another process" in refused.stderr, refused
        mesh.agents["par1"].stop()
        folder = mesh.folder / "agent-par1"
        whole = agent(mesh, "store", "check")
        assert whole.returncode == 0, whole
        rows = rows_of(folder)
        kinds = set()
        for key, value in rows:
            name = printable(key)
            kinds.add(name.split("/")[0])
            for at in (0, len(value) // 2, len(value) - 1):
                put_row(folder, key, flipped(value, at))
                found = agent(mesh, "store", "check")
                assert found.returncode == 1 and found.stdout.startswith("damaged "), (name, at, found)
                assert name in found.stdout or name.startswith("s/events/"), (name, at, found)
            put_row(folder, key, value)
        assert agent(mesh, "store", "check").returncode == 0
        print(f"{len(rows)} rows of {len(kinds)} kinds, three bytes each: all noticed")
        assert {"fence", "a", "r", "s"} <= kinds, kinds

        # The fence of n001: that machine waits for a person, the other one installs.
        fence = next((key, value) for key, value in rows if key.startswith(b"fence/") and mesh_serial(mesh, "par1-n001") in key)
        put_row(folder, fence[0], flipped(fence[1], 3))
        mesh.agents["par1"].start()
        told = wait_until("the controller is told", lambda: events_of(mesh, "store_damaged"), 30)
        row = printable(fence[0])
        assert row in told[0]["message"] and f"store settle {row} --through NUMBER" in told[0]["message"], told
        condition = wait_until("the site shows it", lambda: next((c for c in mesh.get("/sites/par1")["status"].get("conditions", [])
                                                                   if c["type"] == "Store"), None), 30)
        assert condition["status"] == "False" and row in condition["message"], condition
        mesh.cli("server", "unprotect", "par1-n001", "--for", "1h", "--reason", "test")
        mesh.start_rollout("two", select={"servers": ["par1-n001", "par1-n002"]}, reinstall=True, poweredOn="force",
                           stopAfter={"noCanary": True})
        done = mesh.wait_done("two")
        assert done["par1-n002"]["state"] == "SUCCEEDED", done
        fault = done["par1-n001"]["fault"]
        assert done["par1-n001"]["state"] == "FAILED" and fault["code"] == "GENERATION_FENCED", done
        assert fault["disk"] == "DISK_UNTOUCHED" and len(mesh.truth()["par1-n001"]["installs"]) == 1
        command = re.search(r"metalmesh-agent (store settle \S+ --through \d+)", fault["next"])[1].split()
        mesh.agents["par1"].stop()
        assert agent(mesh, *command, "--note", "nothing runs there").returncode == 0
        assert agent(mesh, "store", "check").returncode == 0
        mesh.agents["par1"].start()
        wait_until("that is told, too", lambda: any("a person settled" in e["message"] for e in events_of(mesh, "store_damaged")), 30)
        mesh.start_rollout("three", select={"servers": ["par1-n001"]}, reinstall=True, poweredOn="force")
        assert mesh.wait_done("three")["par1-n001"]["state"] == "SUCCEEDED"
        mesh.check_events()


def mesh_serial(mesh, name):
    return mesh.get(f"/servers/{name}")["status"]["seen"]["serial"].encode()


def a_job_whose_row_rots_while_its_installer_runs():
    with Mesh({"par1": 2}, install_ms=8000) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.start_rollout("one", select={"servers": ["par1-n001"]})
        wait_until("it installs", lambda: mesh.truth()["par1-n001"]["installs"], 60)
        mesh.agents["par1"].kill()
        folder = mesh.folder / "agent-par1"
        key, value = next((k, v) for k, v in rows_of(folder) if k.startswith(b"job/"))
        put_row(folder, key, flipped(value, len(value) // 2))
        mesh.agents["par1"].start()
        done = wait_until("it is told", lambda: mesh.deployments("one")["par1-n001"]["state"] == "INDETERMINATE"
                          and mesh.deployments("one")["par1-n001"], 40)
        assert printable(key) in done["fault"]["seen"], done["fault"]
        # Its installer reads on, to the end: nobody takes the medium away.
        wait_until("the installer ends", lambda: mesh.truth()["par1-n001"]["installs"][0]["completed"], 60)
        assert not mesh.truth()["par1-n001"]["violations"], mesh.truth()["par1-n001"]
        mesh.start_rollout("two", select={"servers": ["par1-n002"]})
        assert mesh.wait_done("two")["par1-n002"]["state"] == "SUCCEEDED", "the rest goes on"


class Copy:
    """A controller's data folder that is put back for each flipped byte."""

    def __init__(self, mesh):
        self.folder, self.kept = mesh.folder / "controller", mesh.folder / "controller.kept"
        shutil.copytree(self.folder, self.kept, ignore=shutil.ignore_patterns("*.sock"))

    def put_back(self):
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder)

    def rows(self):
        """(file, key, where its value begins) of the newest place of each row."""
        found = {}
        for path in sorted((self.kept / "rows").glob("*.sst")):
            here = {}  # rows come first in a file, what tells of them behind
            for match in KEYS.finditer(path.read_bytes()):
                here.setdefault(match[0], (path.name, match[0], match.end() + ENGINE_BYTES))
            found.update(here)
        return list(found.values())

    def flip(self, file, at):
        path = self.folder / "rows" / file
        data = bytearray(path.read_bytes())
        data[at] ^= 0x10
        path.write_bytes(data)


def kind_of(key):
    name = printable(key)
    return "/".join(name.split("/")[:2]) if name[0] in "ox" else name.split("/")[0]


def health_of(mesh):
    """What /healthz says once the broker is connected: the API answers earlier. It may be 503: a site that heard the life
    before this one seconds ago takes the two for two controllers."""
    def answer():
        health = mesh.rest("GET", "/healthz")[2]
        return health if health["broker"] == "connected" else None
    return wait_until("the controller is connected", answer, 30)


def tells_of_rows(health):
    return any(reason.startswith("row ") for reason in health.get("reasons", []))


def every_row_of_the_controller():
    with Mesh({"par1": 3}, install_ms=600) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.start_rollout("one", select={"servers": ["par1-n001"]})
        mesh.wait_done("one")
        # One that is open: its order and its deployment are rows that matter.
        mesh.set_bmc("par1-n002", fault={"op": "patch_boot", "when": "before", "action": "status", "status": 503, "times": 100000})
        mesh.start_rollout("two", select={"servers": ["par1-n002"]})
        wait_until("our medium is inserted", lambda: mesh.truth()["par1-n002"]["media"], 30)
        mesh.controller.stop()
        copy = Copy(mesh)
        assert controller(mesh, "store", "check").returncode == 0
        rows = copy.rows()
        kinds = {}
        for file, key, at in rows:
            copy.put_back()
            copy.flip(file, at + 4)
            found = controller(mesh, "store", "check")
            assert found.returncode == 1, (printable(key), found)
            assert f"damaged {printable(key)}:" in found.stdout, (printable(key), found)
            kinds.setdefault(kind_of(key), (file, key, at))
        print(f"{len(rows)} rows of {len(kinds)} kinds: all noticed and named")
        assert {"o/server", "o/rollout", "d", "x/order", "e", "m", "x/link", "r"} <= set(kinds), sorted(kinds)

        # One byte of a key: the row goes back to where it was written.
        for kind in ("o/server", "d", "m", "e"):
            file, key, at = kinds[kind]
            copy.put_back()
            copy.flip(file, at - ENGINE_BYTES - 2)
            assert controller(mesh, "store", "check").returncode == 1, key
            mesh.controller.start()
            mesh.wait_api()
            assert f"row {printable(key)} lay under" in mesh.controller.text(), key
            assert not tells_of_rows(health_of(mesh)) and "damage" not in mesh.get("/controller"), key
            mesh.check_events()
            mesh.controller.stop()

        installs = {name: len(server["installs"]) for name, server in mesh.truth().items()}
        for kind, (file, key, at) in sorted(kinds.items()):
            copy.put_back()
            copy.flip(file, at + 4)
            mesh.controller.start()
            mesh.wait_api()
            health = health_of(mesh)
            events = mesh.events()
            named = "s/par1/" if kind == "s" else printable(key)
            mended = kind in ("o/profile", "o/version", "b", "r")
            assert mended or any(named in e["message"] for e in events), (kind, events[-5:])
            lost = [e for e in events if e["type"] == "damaged"]
            assert bool(lost) == (kind == "e"), (kind, lost)
            shown = mesh.get("/controller")
            print(f"  {printable(key)}: " + (f"{shown['damage'][0]['what']}" if shown.get("damage") else "nothing for a person"))
            if shown.get("damage"):
                assert tells_of_rows(health) and shown["damage"][0]["next"], (kind, health, shown)
            time.sleep(1)
            assert mesh.controller.alive(), kind
            mesh.controller.stop()
        # Whatever rotted, nothing was installed by it.
        assert {name: len(server["installs"]) for name, server in mesh.truth().items()} == installs

        # A log that rots loses its newest writes, and says so.
        copy.put_back()
        mesh.controller.start()
        mesh.wait_api()
        for i in range(30):
            assert mesh.rest("PUT", "/api/v1/sites/par1", {"spec": {"vars": {"n": f"a{i}"}}})[0] == 200
        mesh.controller.kill()
        log = max((copy.folder / "rows").glob("*.log"), key=lambda p: p.stat().st_size)
        data = bytearray(log.read_bytes())
        data[len(data) // 2] ^= 0x10
        log.write_bytes(data)
        found = controller(mesh, "store", "check")
        assert found.returncode == 1 and "the newest writes of this store are gone" in found.stdout, found
        mesh.controller.start()
        mesh.wait_api()
        hold = mesh.get("/controller")["hold"]
        assert "the newest writes of this store are gone" in hold["reason"], hold
        mesh.events()


def a_profile_that_rots_before_its_site_has_it():
    """PROFILE_UNAVAILABLE: what was in it is damaged wherever the controller had it, and an order of it is on its way."""
    with Mesh({"par1": 1}, install_ms=600) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.agents["par1"].stop()
        mesh.start_rollout("one", select={"servers": ["par1-n001"]})
        mesh.controller.stop()
        copy = Copy(mesh)
        for file, key, at in copy.rows():
            if kind_of(key) in ("b", "o/profile", "o/version"):
                copy.flip(file, at + 4)
        mesh.controller.start()
        mesh.wait_api()
        mesh.agents["par1"].start()

        def why_it_waits():
            note = deployment(mesh, "one", "par1-n001").get("note", "")
            return note if note.startswith("PROFILE_UNAVAILABLE") else None
        told = wait_until("it is told why it waits", why_it_waits, 60)
        assert mesh.truth()["par1-n001"]["installs"] == [], told
        [command] = commands_in(told.partition("Next: ")[2])
        Typist(mesh).type(command.replace("FILE", str(mesh.folder / "basics.yaml")))
        assert mesh.wait_done("one", 60)["par1-n001"]["state"] == "SUCCEEDED", mesh.deployments("one")


def backups_under_load():
    with Mesh({"par1": 2}, install_ms=600) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        stop = threading.Event()

        def load(name):
            i = 0
            while not stop.is_set():
                i += 1
                mesh.rest("PUT", f"/api/v1/profiles/{name}", {"spec": {"family": "placeholder", "template": {"inline": f"# {i}\n" + "x" * 20_000}}})
        writers = [threading.Thread(target=load, args=(f"load{n}",), daemon=True) for n in range(3)]
        for writer in writers:
            writer.start()
        mesh.start_rollout("one", select={"sites": ["*"]}, stopAfter={"noCanary": True})
        last = 0
        for i in range(BACKUPS):
            copy = mesh.folder / "backups" / str(i)
            said = mesh.cli("backup", copy)
            assert "done" in said.stdout, said
            checked = controller(mesh, "store", "check", copy)
            assert checked.returncode == 0, (i, checked)
            rows = int(checked.stdout.split()[0])
            assert rows >= last, (i, rows, last)
            last = rows
        stop.set()
        for writer in writers:
            writer.join()
        mesh.wait_done("one")
        again = mesh.cli("backup", copy, check=False)
        assert again.returncode == 1 and "not empty" in again.stderr, again
        assert any("read back and whole" in e["message"] for e in events_of(mesh, "backup"))
        print(f"{BACKUPS} backups under load, the last one with {last} rows: each opens whole")


def the_drill():
    """A backup, an hour's work, a lost disk, the backup again: an aborted wave, a protected server, a resolved deployment."""
    with Mesh({"par1": 6}, install_ms=600) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        stuck = {"op": "patch_boot", "when": "before", "action": "status", "status": 503, "times": 100000}
        for name in ("par1-n001", "par1-n004"):
            mesh.set_bmc(name, fault=stuck)
        limits = {"parallel": {"total": 1, "perSite": 1}, "stopAfter": {"noCanary": True}}
        mesh.start_rollout("wave", select={"servers": ["par1-n001", "par1-n002", "par1-n003"]}, **limits)
        mesh.start_rollout("other", select={"servers": ["par1-n004", "par1-n005"]},
                           parallel={"total": 2, "perSite": 2}, stopAfter={"noCanary": True}, startWithin="3600s")
        wait_until("both are under way", lambda: all(mesh.truth()[n]["media"] for n in ("par1-n001", "par1-n004")), 60)
        mesh.cli("backup", mesh.folder / "backup")

        mesh.cli("rollout", "stop", "wave", "--reason", "wrong image")
        mesh.wait_done("wave")
        mesh.cli("server", "protect", "par1-n006", "--reason", "in use since")
        mesh.cli("deployment", "resolve", "par1-n004", "--as", "failed", "--note", "its board is broken")
        wait_until("its site has confirmed", lambda: mesh.deployments("other")["par1-n004"].get("fence") == "confirmed", 60)
        mesh.wait_done("other")
        installs = {name: len(server["installs"]) for name, server in mesh.truth().items()}
        time.sleep(LATE)
        mesh.controller.stop()
        lost = controller(mesh, "restore", mesh.folder / "backup")
        assert lost.returncode == 1 and "holds a store" in lost.stderr, lost
        os.rename(mesh.folder / "controller", mesh.folder / "controller.lost")
        put_back = controller(mesh, "restore", mesh.folder / "backup")
        assert put_back.returncode == 0 and "metalmesh controller continue" in put_back.stdout, put_back
        for name in ("par1-n001", "par1-n004"):
            mesh.set_bmc(name, faults=[])
        mesh.controller.start()
        mesh.wait_api()
        hold = mesh.get("/controller")["hold"]
        assert "was put back" in hold["reason"], hold
        status, _, body = mesh.rest("POST", "/api/v1/rollouts/wave/start", {"plan": "x", "confirm": 1})
        assert status == 409, body
        wait_until("the site was heard", lambda: any("CANCELLED" in d.get("is", "") for d in
                                                     mesh.get("/controller")["hold"].get("differences", [])), 90)
        time.sleep(6)
        assert {n: len(s["installs"]) for n, s in mesh.truth().items()} == installs, "something started"
        shown = mesh.cli("controller", "status").stdout
        assert "par1-n001" in shown and "there CANCELLED" in shown and "site par1: here event" in shown, shown
        # What nobody but a person knew is to be done again; then one command goes on.
        mesh.cli("rollout", "stop", "wave", "--reason", "wrong image, as before")
        mesh.cli("server", "protect", "par1-n006", "--reason", "as before")
        mesh.cli("controller", "continue", "--reason", "looked at what differs")
        assert "hold" not in mesh.get("/controller")
        mesh.wait_done("wave")
        for name in ("par1-n001", "par1-n002", "par1-n003", "par1-n006"):
            assert mesh.truth()[name]["installs"] == [], name
        events = mesh.events()
        assert [int(e["number"]) for e in events] == list(range(1, len(events) + 1)), "the ledger has a gap"


if __name__ == "__main__":
    main([every_row_of_an_agent, a_job_whose_row_rots_while_its_installer_runs, every_row_of_the_controller,
          a_profile_that_rots_before_its_site_has_it, backups_under_load, the_drill])
