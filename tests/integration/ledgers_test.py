#!/usr/bin/env python3
"""Stores that were put back, kept short or lost: what subscribers, tools and people are told, and that nothing is done twice."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import threading
import urllib.request

from mesh import BIN, Mesh, main, wait_until

EVENTS = int(os.environ.get("GAP_EVENTS", 12_000))  # more than a site keeps behind what was acknowledged


class Stream(threading.Thread):
    """A subscriber: what it was sent so far."""

    def __init__(self, mesh, last=None, after=None):
        super().__init__(daemon=True)
        self.messages = []
        request = urllib.request.Request(f"https://localhost:{mesh.api_port}/api/v1/events" + (f"?after={after}" if after else ""),
                                         headers={"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {}),
                                                  "Authorization": "Bearer " + (mesh.pki / "admin.token").read_text().strip()})
        self.reply = urllib.request.urlopen(request, context=ssl.create_default_context(cafile=str(mesh.pki / "ca.crt")), timeout=60)
        self.start()

    def run(self):
        fields = {}
        with contextlib.suppress(OSError, ValueError):
            for line in self.reply:
                line = line.decode().rstrip("\n")
                if line:
                    key, _, value = line.partition(": ")
                    fields[key] = value
                elif fields:
                    self.messages.append(fields)
                    fields = {}

    def ids(self):
        return [m["id"] for m in list(self.messages) if "id" in m and m.get("event") != "reset"]

    def resets(self):
        return [json.loads(m["data"]) for m in list(self.messages) if m.get("event") == "reset"]


def numbers(ids):
    return [int(one.rsplit("-", 1)[-1]) for one in ids]


def put_back(mesh, backup):
    mesh.controller.stop()
    store = mesh.folder / "controller"
    shutil.rmtree(store)
    shutil.copytree(backup, store)
    mesh.controller.start()
    mesh.wait_api()


def backup_of(mesh, name="backup"):
    """A copy of the stopped controller's folder; it goes on afterwards."""
    mesh.controller.stop()
    shutil.copytree(mesh.folder / "controller", mesh.folder / name, ignore=shutil.ignore_patterns("*.sock"))
    mesh.controller.start()
    mesh.wait_api()
    return mesh.folder / name


def snapshot_of(mesh, name="backup"):
    """A copy of the running controller's folder, as a machine's snapshot would take it."""
    pid = mesh.controller.process.pid
    os.kill(pid, signal.SIGSTOP)
    shutil.copytree(mesh.folder / "controller", mesh.folder / name, ignore=shutil.ignore_patterns("*.sock"))
    os.kill(pid, signal.SIGCONT)
    return mesh.folder / name


def site(mesh, note, **headers):
    return mesh.rest("PUT", "/api/v1/sites/par1", {"spec": {"vars": {"note": note}}}, headers=headers)


def ids_and_tags_of_another_life_are_known_as_such():
    with Mesh({"par1": 1}, controller_config={"siteSilentAfter": "10s"}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        first = Stream(mesh, after="0")
        wait_until("events", lambda: len(first.ids()) > 5)
        backup = snapshot_of(mesh)
        site(mesh, "a")
        lost = site(mesh, "b")[1]["ETag"]
        begun = first.ids()
        for i in range(60):
            site(mesh, f"c{i}")
        second = Stream(mesh, last=begun[-1])
        head = mesh.get("/events?limit=1000")["items"][-1]
        wait_until("the stream goes on", lambda: head["id"] in second.ids())
        assert not second.resets()
        seen = begun + second.ids()
        assert numbers(seen) == list(range(1, len(seen) + 1)), seen

        put_back(mesh, backup)
        site(mesh, "x")
        status, headers, body = site(mesh, "y")
        assert status == 200, body
        for i in range(200):  # and now the numbers go beyond those that were given out
            site(mesh, f"z{i}")
            last = mesh.get("/events?limit=1000")["items"][-1]
            if int(last["number"]) > int(head["number"]):
                break
        assert int(last["number"]) > int(head["number"]), (last, head)
        resumed = Stream(mesh, last=seen[-1])
        wait_until("it catches up", lambda: last["id"] in resumed.ids())
        assert len(resumed.resets()) == 1, "a subscriber of the other life was not told"
        common = resumed.resets()[0]["resumesAfter"]
        assert common in seen, (common, seen)
        missed = numbers(resumed.ids())
        assert missed == list(range(numbers([common])[0] + 1, missed[-1] + 1)), missed
        assert set(resumed.ids()).isdisjoint(seen), "an id was given out twice"
        status, _, body = mesh.rest("GET", f"/api/v1/events?after={seen[-1]}")
        assert status == 410 and common in body["next"], (status, body)

        # A version that was given again: the old tag matches neither reads nor writes.
        version = json.loads(lost).split("-")[0]
        assert json.loads(headers["ETag"]).split("-")[0] == version, (lost, headers["ETag"])
        status, _, body = site(mesh, "overwrite", **{"If-Match": lost})
        assert status == 412, (status, body)
        mesh.rest("DELETE", "/api/v1/images/mm")
        mesh.apply("again", {"kind": "Image", "metadata": {"name": "again"}, "spec": {
            "family": "placeholder", "iso": {"urls": [f"file://{mesh.image}"], "sha256": mesh.image_sha256}}})
        _, old, _ = mesh.rest("GET", "/api/v1/images/again")
        assert mesh.rest("DELETE", "/api/v1/images/again")[0] == 204
        mesh.cli("apply", "-f", mesh.folder / "again.yaml")
        status, fresh, _ = mesh.rest("GET", "/api/v1/images/again", headers={"If-None-Match": old["ETag"]})
        assert status == 200 and fresh["ETag"] != old["ETag"], (status, fresh["ETag"])
        assert mesh.rest("DELETE", "/api/v1/images/again", headers={"If-Match": old["ETag"]})[0] == 412

        # A site that falls silent is no "not modified".
        wait_until("it is heard", lambda: mesh.get("/sites/par1")["status"].get("connected"))
        tag = mesh.rest("GET", "/api/v1/sites/par1")[1]["ETag"]
        mesh.agents["par1"].kill()
        wait_until("it is silent", lambda: not mesh.get("/sites/par1")["status"].get("connected"), 90, 1)
        assert mesh.rest("GET", "/api/v1/sites/par1", headers={"If-None-Match": tag})[0] == 200


def memory(process):
    status = pathlib.Path(f"/proc/{process.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) >> 10


def kept_answers_are_small():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        body = {"spec": {"family": "placeholder", "template": {"inline": "x" * 250_000}}}

        def put(key):  # the same object each time: nothing is kept of it but the answer
            status, _, reply = mesh.rest("PUT", "/api/v1/profiles/big", body, headers={"Idempotency-Key": key})
            assert status in (200, 201) and reply["metadata"]["version"] == 1, reply["metadata"]
        for i in range(30):
            put(f"first-{i}")  # buffers and pools have their size then
        before = memory(mesh.controller)
        for i in range(300):
            put(f"key-{i}")
        after = memory(mesh.controller)
        put("key-299")
        print(f"300 keyed PUTs of 250 KB: {before} -> {after} MiB")
        assert after - before < 60, (before, after)


def a_backup_older_than_what_the_site_keeps():
    with Mesh({"par1": 3}, install_ms=2500) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.start_rollout("one", select={"servers": ["par1-n001"]})
        wait_until("it is under way", lambda: mesh.deployments("one")["par1-n001"]["state"] == "RUNNING", 30, 0.02)
        backup = backup_of(mesh)
        mesh.wait_done("one")
        mesh.start_rollout("two", select={"servers": ["par1-n002"]})
        mesh.wait_done("two")
        forgotten = mesh.deployments("two")["par1-n002"]["id"]
        agent = mesh.agents["par1"]
        assert agent.stop() == 0
        subprocess.run([str(BIN / "metalmesh-fill-outbox"), str(mesh.folder / "agent-par1"), str(EVENTS)], check=True,
                       capture_output=True)
        agent.start()
        had = int(mesh.get("/sites/par1")["status"]["eventsReceived"])
        def received():
            return int(mesh.get("/sites/par1")["status"].get("eventsReceived", 0))
        wait_until("all of it arrives", lambda: received() >= had + EVENTS, 300, 1)
        head = received()
        put_back(mesh, backup)
        gap = wait_until("the gap is told", lambda: [e for e in mesh.events() if e["type"] == "gap"], 120, 1)[0]
        wait_until("the site is followed again", lambda: received() >= head, 300, 1)
        events = mesh.events()
        seqs = [int(e["seq"]) for e in events if e.get("seq") and e["site"] == "par1"]
        missing = list(range(int(gap["gap"]["from"]), int(gap["gap"]["to"]) + 1))
        assert sorted(seqs + missing) == list(range(1, max(seqs) + 1)), "an event is neither in the ledger nor in the gap"
        print(f"{len(missing)} events are in a told gap, {len(seqs)} in the ledger")
        wait_until("it asked the site what it knows", lambda: mesh.deployments("one")["par1-n001"]["state"] == "INDETERMINATE", 60)
        known = {d["id"]: d for d in mesh.get("/deployments")["items"]}
        assert known[forgotten]["state"] == "INDETERMINATE" and known[forgotten]["server"] == "par1-n002", known
        hold = mesh.get("/controller")["hold"]
        assert any("trimmed by the site" in d["is"] for d in hold["differences"]), hold
        mesh.cli("controller", "continue", "--reason", "looked at both")
        plan = mesh.rollout("three", select={"sites": ["*"]}, reinstall=True)
        assert [s["name"] for s in plan["servers"]] == ["par1-n003"], plan
        # What is handed out now can be called back.
        mesh.set_bmc("par1-n003", fault={"op": "patch_boot", "when": "before", "action": "status", "status": 503, "times": 100000})
        mesh.cli("rollout", "start", "three", "--plan", plan["digest"], "--confirm", 1)
        wait_until("it is at the site", lambda: mesh.deployments("three")["par1-n003"]["state"] == "RUNNING", 60)
        mesh.cli("rollout", "stop", "three", "--reason", "enough")
        wait_until("the site answers", lambda: mesh.deployments("three")["par1-n003"]["state"] == "CANCELLED", 60)
        truth = mesh.truth()
        assert [len(truth[f"par1-n00{i}"]["installs"]) for i in (1, 2, 3)] == [1, 1, 0], truth


def what_a_lost_folder_left_behind_is_known():
    with Mesh({"par1": 2}, install_ms=60_000, controller_config={"siteSilentAfter": "4s"}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        server = "par1-n001"
        mesh.start_rollout("web", select={"servers": [server]})
        wait_until("an installer runs", lambda: mesh.truth()[server]["installs"], 30, 0.02)
        agent = mesh.agents["par1"]
        agent.kill()
        mesh.media["par1"].kill()
        shutil.rmtree(mesh.folder / "agent-par1")
        mesh.media["par1"].start()
        agent.start()
        wait_until("it is in doubt", lambda: mesh.deployments("web")[server]["state"] == "INDETERMINATE", 60)
        debts = wait_until("what is left is told", lambda: mesh.deployments("web")[server].get("debts"), 60)
        assert any("our medium" in d and "/m/" in d for d in debts), debts
        assert mesh.truth()[server]["media"], "nobody takes a medium from what may be an installer"
        said = [e["message"] for e in mesh.events() if e["type"] == "leftover"]
        assert said and f"metalmesh server clean {server} --reason" in said[0], said
        mesh.cli("server", "clean", server, "--reason", "its console shows a prompt")
        wait_until("it is taken away", lambda: not mesh.truth()[server]["media"], 60)
        wait_until("and told so", lambda: not mesh.deployments("web")[server].get("debts"), 30)
        assert mesh.truth()["par1-n002"]["media"] == "" and not mesh.truth()["par1-n002"]["violations"]


if __name__ == "__main__":
    main([ids_and_tags_of_another_life_are_known_as_such, kept_answers_are_small, a_backup_older_than_what_the_site_keeps,
          what_a_lost_folder_left_behind_is_known])
