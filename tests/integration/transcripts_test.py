#!/usr/bin/env python3
"""What was said with BMCs comes to the controller when a deployment did not succeed, whatever is killed meanwhile: whole,
with the digest that was told, without a secret, and readable by a person."""
import hashlib
import json

from mesh import Mesh, main, wait_until

SERVERS = 12


def transcripts(mesh):
    return {server: d.get("transcript", {}) for server, d in mesh.deployments("power-on-1").items()}


def is_here(mesh):
    return [server for server, t in transcripts(mesh).items() if t.get("state") == "here"]


def they_come_whatever_is_killed():
    with Mesh({"par1": SERVERS}, agent_config={"pollInterval": "1s"}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready(timeout=60)
        agent = mesh.agents["par1"]
        for number in range(1, SERVERS + 1):
            mesh.set_bmc(f"par1-n{number:03}", fault={"op": "reset", "action": "status", "status": 400, "times": 50})
        mesh.apply("power", {"kind": "Rollout", "metadata": {"name": "power-on-1"}, "spec": {
            "action": "power", "power": {"change": "on"}, "select": {"labels": {"role": "web"}},
            "parallel": {"total": SERVERS, "perSite": SERVERS}, "stopAfter": {"noCanary": True, "failed": "100%"}}})
        mesh.cli("rollout", "plan", "power-on-1")
        digest = mesh.get("/rollouts/power-on-1")["status"]["plan"]["digest"]
        mesh.cli("rollout", "start", "power-on-1", "--plan", digest, "--confirm", SERVERS)
        for victim in (mesh.controller, agent, mesh.controller, agent):
            before = len(is_here(mesh))
            wait_until("another one is here", lambda b=before: len(is_here(mesh)) > b or len(is_here(mesh)) == SERVERS, 60,
                       0.01)
            victim.kill()
            victim.start()
            mesh.wait_api()
        wait_until("all are here", lambda: len(is_here(mesh)) == SERVERS, 60)
        for server, deployment in mesh.deployments("power-on-1").items():
            assert deployment["state"] == "FAILED", deployment
            told = deployment["transcript"]
            text = mesh.cli("deployment", "transcript", server).stdout
            assert hashlib.sha256(text.encode()).hexdigest() == told["sha256"], (server, told)
            assert len(text.encode()) == int(told["size"])
            lines = [json.loads(line) for line in text.splitlines()]
            assert lines[0]["deployment"] == deployment["id"] and lines[0]["server"] == server, lines[0]
            assert any(line.get("status") == 400 and line["path"].endswith("ComputerSystem.Reset") for line in lines[1:]) \
                or "note" in lines[0], text
            assert "password" not in text, text
        status, _, problem = mesh.rest("GET", "/api/v1/deployments/nobody/transcript")
        assert status == 404, problem
        mesh.check_events()


if __name__ == "__main__":
    main([they_come_whatever_is_killed])
