#!/usr/bin/env python3
"""Tools that others wrote: sushy and redfishtool against the simulated BMCs; curl, jq and mosquitto_sub against the mesh."""
import json
import pathlib
import subprocess
import tempfile

from mesh import BIN, ENV, Mesh, Process, free_port, main, succeeded, wait_until

HERE = pathlib.Path(__file__).resolve().parent


def number(event_id):
    return int(event_id.rsplit("-", 1)[1])


def run(*argv, **more):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, env=ENV, timeout=60, **more)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout


def redfish_clients():
    with tempfile.TemporaryDirectory() as folder:
        port, control = free_port(), free_port()
        sim = Process("bmcsim", [BIN / "metalmesh-bmcsim", "serve", "--count", 2, "--first-address", "127.201.0.1", "--port",
                                 port, "--control-port", control], pathlib.Path(folder)).start()
        try:
            wait_until("bmcsim is up", lambda: "ready" in sim.text(), 10)
            print(run("/usr/bin/python3", "-W", "ignore", HERE / "foreign_clients_sushy.py", f"https://127.201.0.1:{port}",
                      "https://127.0.0.1:1/x.iso").strip().splitlines()[-1])
            tool = ["redfishtool", "-r", f"127.201.0.2:{port}", "-u", "admin", "-p", "password", "-S", "Always", "-A", "Session"]
            media = "/redfish/v1/Systems/1/VirtualMedia/Cd/Actions/VirtualMedia."
            run(*tool, "raw", "POST", media + "InsertMedia", "-d", json.dumps({"Image": "https://127.0.0.1:1/x.iso"}))
            run(*tool, "Systems", "-I1", "setBootOverride", "Once", "Cd")
            run(*tool, "Systems", "-I1", "reset", "On")
            run(*tool, "Systems", "-I1", "reset", "ForceOff")
            system = json.loads(run(*tool, "Systems", "-I1", "get"))
            assert system["PowerState"] == "Off", system
            run(*tool, "raw", "POST", media + "EjectMedia", "-d", "{}")
            state = json.loads(run("curl", "-s", f"http://127.0.0.1:{control}/state"))["servers"][1]
            assert state["media"] == "" and state["sessions"] == 0, state
        finally:
            sim.kill()


def curl_and_mosquitto():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        base = f"https://localhost:{mesh.api_port}"
        auth = "Authorization: Bearer " + (mesh.pki / "admin.token").read_text().strip()
        curl = ["curl", "-sS", "--cacert", mesh.pki / "ca.crt", "-H", auth]
        stream = subprocess.Popen([str(a) for a in [*curl, "-N", "-H", "Accept: text/event-stream", base + "/api/v1/events?after=0"]],
                                  stdout=subprocess.PIPE, text=True, env=ENV)
        sub = subprocess.Popen(["mosquitto_sub", "-h", "localhost", "-p", str(mesh.broker_port), "--cafile",
                                str(mesh.pki / "ca.crt"), "--cert", str(mesh.pki / "controller.crt"), "--key",
                                str(mesh.pki / "controller.key"), "-t", "mm/1/+/up", "-C", "1", "-W", "20", "-F", "%t %l"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENV)
        mesh.start_rollout("web", select={"servers": ["par1-n001"]})
        succeeded(mesh.wait_done("web"))
        sub.kill()  # it shares the controller's identity, so the broker lets only one of the two stay
        last = mesh.events()[-1]["number"]
        ids = []
        for line in stream.stdout:
            if line.startswith("id:"):
                ids.append(line[3:].strip())
                if number(ids[-1]) >= int(last) - 1:
                    break
        stream.kill()
        assert [number(one) for one in ids] == list(range(1, len(ids) + 1)), ids
        resume = subprocess.run([str(a) for a in [*curl, "-N", "-m", "2", "-H", "Accept: text/event-stream", "-H",
                                                  f"Last-Event-ID: {ids[-4]}", base + "/api/v1/events"]],
                                capture_output=True, text=True, env=ENV).stdout
        first = next(line for line in resume.splitlines() if line.startswith("id:"))
        assert first[3:].strip() == ids[-3], (first, ids)
        metrics = run(*curl, base + "/metrics")
        assert "# TYPE" in metrics, metrics[:200]
        assert run("jq", "-r", ".items[0].state", input=run(*curl, base + "/api/v1/deployments")).strip() == "SUCCEEDED"
        refused = run("curl", "-sS", "--cacert", mesh.pki / "ca.crt", "-o", "/dev/null", "-w", "%{http_code}",
                      base + "/api/v1/servers")
        assert refused == "401", refused
        strange = subprocess.run(["curl", "-sS", base + "/healthz"], capture_output=True, env=ENV, timeout=60)
        assert strange.returncode != 0, "curl accepted our certificate without our CA"


if __name__ == "__main__":
    main([redfish_clients, curl_and_mosquitto])
