#!/usr/bin/env python3
"""Who is who between controller, site and agent: two controllers of one identity, two agents under one name."""
import contextlib
import json
import shutil
import signal
import ssl
import time

from ledgers_test import backup_of
from mesh import BIN, Mesh, Process, free_port, main, wait_until


def two_controllers_of_one_identity():
    with Mesh({"par1": 4}, install_ms=3000) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        first = "par1-n001"
        # Nothing starts before both were told: the first one's BMC refuses for a while.
        mesh.set_bmc(first, fault={"op": "patch_boot", "when": "before", "action": "status", "status": 503, "times": 100000})
        mesh.start_rollout("web", select={"sites": ["*"]}, parallel={"total": 1, "perSite": 1}, stopAfter={"noCanary": True})
        wait_until("our medium is inserted", lambda: mesh.truth()[first]["media"], 30)
        copy = backup_of(mesh, "copy")
        wait_until("the site is heard", lambda: mesh.get("/sites/par1")["status"].get("connected"), 30)
        original, port = mesh.api_port, free_port()
        config = json.loads((mesh.folder / "controller.yaml").read_text())
        config["dataDir"], config["api"]["listen"] = str(copy), f"127.0.0.1:{port}"
        (mesh.folder / "copy.yaml").write_text(json.dumps(config))
        second = Process("controller-copy", [BIN / "metalmesh-controller", "--config", mesh.folder / "copy.yaml",
                                             "--log-format", "json"], mesh.folder).start()
        try:
            def hold_at(at):
                mesh.api_port = at
                with contextlib.suppress(OSError):
                    return mesh.get("/controller").get("hold", {}).get("foreignInstance")
                return None
            ours = wait_until("the original is told of the copy", lambda: hold_at(original), 90)
            theirs = wait_until("the copy is told of the original", lambda: hold_at(port), 90)
            mesh.api_port = port
            assert mesh.get("/controller")["instance"] == ours, "by name"
            status, _, body = mesh.rest("GET", "/healthz", token=False)
            assert status == 503 and "another controller with our identity runs" in json.dumps(body), body
            mesh.api_port = original
            assert mesh.get("/controller")["instance"] == theirs
            shown = mesh.cli("controller", "status").stdout
            assert f"another controller with our identity runs: instance {ours} since" in shown, shown
            assert any(e["type"] == "controller" and ours in e["message"] for e in mesh.events())

            # An abort at one holds: the other one hands nothing out.
            mesh.cli("rollout", "stop", "web", "--reason", "wrong image")
            mesh.set_bmc(first, faults=[])
            with contextlib.suppress(AssertionError):
                wait_until("something is installed all the same", lambda: any(s["installs"] for s in mesh.truth().values()), 20)
                raise RuntimeError(mesh.truth())
            # A person says which one goes on. The other one is refused at the sites from now on.
            mesh.cli("controller", "continue", "--reason", "the copy is a mistake")
            wait_until("the abort is through", lambda: all(d["state"] == "CANCELLED" for d in mesh.deployments("web").values()), 90)
            # The refused one outbids nothing, however often the two throw each other off the broker.
            epoch = mesh.get("/controller")["epoch"]
            time.sleep(30)
            assert mesh.get("/controller")["epoch"] == epoch and "hold" not in mesh.get("/controller"), mesh.get("/controller")
            assert hold_at(port) == theirs, "the copy goes on holding"
            mesh.api_port = original
            assert second.alive() and second.stop() == 0  # as the chosen one says
            mesh.start_rollout("again", select={"servers": ["par1-n004"]})
            wait_until("it installs", lambda: mesh.deployments("again")["par1-n004"]["state"] == "SUCCEEDED", 180, 1)
        finally:
            second.kill()
            mesh.api_port = original
        mesh.check_truth(["par1-n004"], untouched=["par1-n001", "par1-n002", "par1-n003"])


def second_agent(mesh, name="newcomer"):
    """With the same certificate and keys, and an empty folder."""
    config = json.loads((mesh.folder / "agent-par1.yaml").read_text())
    config["dataDir"] = str(mesh.folder / name)
    config["media"]["listen"] = f"127.0.0.1:{free_port()}"
    (mesh.folder / f"{name}.yaml").write_text(json.dumps(config))
    return Process(name, [BIN / "metalmesh-agent", "--config", mesh.folder / f"{name}.yaml", "--log-format", "json"],
                   mesh.folder)


def logged(mesh, journal):
    seqs = [int(e["seq"]) for e in mesh.events() if e.get("journalId") == journal and e.get("seq")]
    assert seqs == list(range(1, len(seqs) + 1)), seqs
    return len(seqs)


def an_empty_agent_displaces_nobody():
    with Mesh({"par1": 3}, install_ms=4000) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        journal = mesh.get("/sites/par1")["status"]["journalId"]
        mesh.start_rollout("web", select={"sites": ["*"]}, stopAfter={"noCanary": True})
        wait_until("an installer runs", lambda: any(s["installs"] for s in mesh.truth().values()), 30)
        newcomer = second_agent(mesh).start()
        try:
            said = wait_until("it is refused by name", lambda: [e for e in mesh.events() if "a second agent runs under the name of "
                                                                "site par1" in e["message"]], 60)[0]["message"]
            assert f"the owner of journal {journal} was heard" in said and "metalmesh site clear-quarantine par1 --journal" in said, said
            ended = mesh.wait_done("web", 180)
            assert {d["state"] for d in ended.values()} == {"SUCCEEDED"}, ended
            status = mesh.get("/sites/par1")["status"]
            assert status["journalId"] == journal and not status.get("quarantined"), status
            agent = [c for c in status["conditions"] if c["type"] == "Agent"]
            assert agent and agent[0]["reason"] == "SECOND_AGENT", status
        finally:
            newcomer.kill()
        mesh.check_truth([f"par1-n00{i}" for i in (1, 2, 3)])


def when_a_person_chooses_both_journals_are_in_the_ledger():
    with Mesh({"par1": 2}, install_ms=3000, controller_config={"siteSilentAfter": "4s"}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        owner = mesh.agents["par1"]
        journal = mesh.get("/sites/par1")["status"]["journalId"]
        mesh.start_rollout("web", select={"servers": ["par1-n001"]})
        wait_until("an installer runs", lambda: mesh.truth()["par1-n001"]["installs"], 30, 0.02)
        owner.stop()
        newcomer = second_agent(mesh).start()
        try:
            wait_until("the owner was silent for long", lambda: mesh.get("/sites/par1")["status"]["journalId"] != journal, 60)
            wait_until("it is in doubt", lambda: mesh.deployments("web")["par1-n001"]["state"] == "INDETERMINATE", 30)
            other = mesh.get("/sites/par1")["status"]["journalId"]
            owner.start()  # with all that it knows
            wait_until("its word counts", lambda: mesh.deployments("web")["par1-n001"]["state"] == "SUCCEEDED", 90)
            mesh.cli("site", "clear-quarantine", "par1", "--journal", journal, "--note", "the empty one was a mistake")
            wait_until("it is followed again", lambda: mesh.get("/sites/par1")["status"]["journalId"] == journal, 60)
        finally:
            newcomer.kill()
        def vouched():
            status = mesh.get("/sites/par1")["status"]
            return status.get("connected") and not status.get("quarantined") and status["journalId"] == journal
        wait_until("nobody is quarantined", vouched, 60)
        assert logged(mesh, other) >= 1 and logged(mesh, journal) > 5
        mesh.start_rollout("next", select={"servers": ["par1-n002"]})
        assert mesh.wait_done("next", 90)["par1-n002"]["state"] == "SUCCEEDED"
        assert vouched()
        mesh.check_truth(["par1-n001", "par1-n002"], lost_logins=1)


def keys_and_certificates_are_read_again():
    """A site whose key is taken away is heard no more; certificates are renewed under those who are connected."""
    with Mesh({"par1": 1, "lyo1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        refused = lambda site: f"no valid signature of '{site}'" in mesh.controller.text()
        read_again = lambda process: process.process.send_signal(signal.SIGHUP)
        key, aside = mesh.pki / "site-keys/par1.pub", mesh.folder / "par1.pub"
        key.rename(aside)
        read_again(mesh.controller)
        wait_until("par1 is not heard any more", lambda: refused("par1"), 60)
        mesh.cli("inspect", "lyo1-n001", "--wait")
        assert not refused("lyo1"), "the other one is heard"
        aside.rename(key)  # it is found by itself
        mesh.cli("inspect", "par1-n001", "--wait")

        media = json.loads((mesh.folder / "agent-par1.yaml").read_text())["media"]["listen"].rsplit(":", 1)
        for process, names, address in ((mesh.media["par1"], "par1", (media[0], int(media[1]))),
                                        (mesh.controller, "api", ("127.0.0.1", mesh.api_port))):
            before = ssl.get_server_certificate(address)
            for end in ("crt", "key"):
                shutil.copy(mesh.pki / f"lyo1.{end}", mesh.pki / f"{names}.{end}")
            assert ssl.get_server_certificate(address) == before, "until it is told"
            read_again(process)
            wait_until(f"{process.name} shows its new certificate", lambda a=address, b=before: ssl.get_server_certificate(a) != b, 20)
            assert process.alive()


if __name__ == "__main__":
    main([an_empty_agent_displaces_nobody, when_a_person_chooses_both_journals_are_in_the_ledger, two_controllers_of_one_identity,
          keys_and_certificates_are_read_again])
