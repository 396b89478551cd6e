#!/usr/bin/env python3
"""Two sites of ten servers, installed by apply, rollout start and rollout watch; and what an operator sees."""
import json

from mesh import Mesh, main, succeeded


def two_sites_of_ten():
    with Mesh({"par1": 10, "lyo2": 10}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        plan = mesh.start_rollout("web", select={"labels": {"role": "web"}}, parallel={"total": 20, "perSite": 10})
        assert len(plan["servers"]) == 20, plan
        watch = mesh.cli("rollout", "watch", "web")
        assert watch.stdout.count("SUCCEEDED") >= 20, watch.stdout
        deployments = mesh.deployments("web")
        succeeded(deployments)
        for name, deployment in deployments.items():
            assert deployment["proof"] == "PROOF_CALLBACK", deployment
        mesh.check_truth(installed=deployments)
        truth = mesh.truth()
        for name, server in truth.items():  # its own answer file, not a neighbour's
            answer = server["installs"][0]["answer"]
            assert f"hostname={name}.example.net" in answer and deployments[name]["id"] in answer, (name, answer)
        events = mesh.check_events()
        ended = [e for e in events if "ended" in e.get("event", {})]
        assert len(ended) == 20 and len({e["deployment"] for e in ended}) == 20, len(ended)
        served = mesh.cli("get", "servers", "-o", "json")
        phases = {s["metadata"]["name"]: s["status"]["phase"] for s in json.loads(served.stdout)["items"]}
        assert set(phases.values()) == {"installed"}, phases
        assert all(s["status"].get("protected") for s in json.loads(served.stdout)["items"])
        requests = sorted(s["requests"] for s in truth.values())
        print(f"Redfish requests per server, inspection and polling included: {requests[0]}..{requests[-1]}")
        logs = "".join(p.text() for p in [mesh.controller, *mesh.agents.values()])
        assert '"password"' not in logs and "X-Auth-Token" not in logs
        lines = [json.loads(line) for line in mesh.agents["par1"].text().splitlines() if line.startswith("{")]
        assert any({"deployment", "server", "stage"} <= set(line) for line in lines), lines[:3]


def everything_stops_cleanly():
    with Mesh({"par1": 1}) as mesh:
        assert mesh.agents["par1"].stop() == 0, mesh.agents["par1"].text()
        assert mesh.controller.stop() == 0, mesh.controller.text()


if __name__ == "__main__":
    main([two_sites_of_ten, everything_stops_cleanly])
