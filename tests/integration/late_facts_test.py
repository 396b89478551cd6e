#!/usr/bin/env python3
"""What a site tells outranks what a person said and what a restored store forgot."""
import shutil
import time

from mesh import Mesh, main, wait_until


def a_launch_behind_a_cut_line_outranks_a_person():
    with Mesh({"par1": 1}, install_ms=4000) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        server = "par1-n001"
        wait_until("the agent may act alone", lambda: "this incarnation is proven" in mesh.agents["par1"].text(), 60)
        mesh.start_rollout("web", select={"servers": [server]})
        wait_until("our medium is inserted", lambda: mesh.truth()[server]["media"], 30, pause=0.02)
        mesh.broker.kill()
        said = mesh.cli("deployment", "resolve", server, "--as", "cancelled", "--note", "cannot wait").stdout
        assert "not fenced yet" in said, said
        shown = mesh.deployments("web")[server]
        assert shown["state"] == "CANCELLED" and shown["fence"] == "owed", shown
        plan = mesh.rollout("again", select={"servers": [server]})
        assert plan["excluded"][0]["reason"] == "NOT_FENCED", plan
        wait_until("it launches all the same", lambda: mesh.truth()[server]["installs"], 60)
        mesh.broker.start()
        wait_until("the controller knows", lambda: mesh.deployments("web")[server]["state"] in ("RUNNING", "SUCCEEDED"), 60)
        deployment = wait_until("it succeeds", lambda: mesh.deployments("web")[server]["state"] == "SUCCEEDED"
                                and mesh.deployments("web")[server], 90)
        assert deployment["contradicted"][0]["as"] == "CANCELLED" and deployment["fence"] == "confirmed", deployment
        status = mesh.get(f"/servers/{server}")["status"]
        assert status["phase"] == "installed" and status["protected"], status
        mesh.check_truth([server])


def a_backup_that_forgot_an_abort_wipes_nothing():
    with Mesh({"par1": 3}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        first = "par1-n001"
        mesh.set_bmc(first, fault={"op": "patch_boot", "when": "before", "action": "status", "status": 503, "times": 100000})
        mesh.start_rollout("web", select={"sites": ["*"]}, parallel={"total": 1, "perSite": 1}, stopAfter={"noCanary": True})
        wait_until("our medium is inserted", lambda: mesh.truth()[first]["media"], 30)
        mesh.controller.stop()
        store, backup = mesh.folder / "controller", mesh.folder / "backup"
        shutil.copytree(store, backup, ignore=shutil.ignore_patterns("*.sock"))
        mesh.controller.start()
        mesh.wait_api()
        mesh.cli("rollout", "stop", "web", "--reason", "wrong image")
        mesh.wait_done("web")
        mesh.controller.stop()
        shutil.rmtree(store)
        shutil.move(backup, store)
        mesh.controller.start()
        mesh.wait_api()
        wait_until("it noticed", lambda: "hold" in mesh.get("/controller"), 60)
        wait_until("the rollout is held", lambda: mesh.get("/rollouts/web")["status"]["state"] == "held", 30)
        wait_until("it heard of the cancel", lambda: mesh.deployments("web")[first]["state"] == "CANCELLED", 60)
        time.sleep(5)
        assert all(s["installs"] == [] for s in mesh.truth().values()), mesh.truth()
        shown = mesh.cli("controller", "status").stdout
        assert first in shown and "there CANCELLED" in shown and "site par1: here event" in shown, shown
        mesh.cli("rollout", "stop", "web", "--reason", "as before")
        mesh.cli("controller", "continue", "--reason", "aborted it again")
        mesh.wait_done("web")
        assert "hold" not in mesh.get("/controller")
        mesh.check_truth([], untouched=["par1-n001", "par1-n002", "par1-n003"])


if __name__ == "__main__":
    main([a_launch_behind_a_cut_line_outranks_a_person, a_backup_that_forgot_an_abort_wipes_nothing])
