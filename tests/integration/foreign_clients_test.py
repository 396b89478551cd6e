#!/usr/bin/env python3
"""Tools that others wrote: sushy and redfishtool against the simulated BMCs, with METALMESH_LONG_TESTS against every kind of
them; curl, jq and mosquitto_sub against the mesh."""
import json
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile

from mesh import BIN, ENV, Mesh, Process, Skipped, free_port, main, succeeded, wait_until

HERE = pathlib.Path(__file__).resolve().parent


def number(event_id):
    return int(event_id.rsplit("-", 1)[1])


def run(*argv, **more):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, env=ENV, timeout=200, **more)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout


def by_sushy(url):
    return json.loads(run("/usr/bin/python3", "-W", "ignore", HERE / "foreign_clients_sushy.py", url,
                          "https://127.0.0.1:1/x.iso").strip().splitlines()[-1])


# What sushy (4.3) does not get done there, and by which word: it knows no parameters that a BMC wants, no slots that are written, and
# no override elsewhere. Whatever it only reads, it reads everywhere, but for what a BMC does not tell.
NO_SLOT, NO_ACTION, BAD = {"slot": "no slot"}, {"insert": "MissingAction", "eject": "MissingAction"}, {"insert": "BadRequest", "eject": "BadRequest"}
NO_BOOT = {"boot": "Error", "boot read": "BootSource"}
SUSHY_FAILS = {
    "ami-gigabyte-h262": NO_SLOT, "dmtf-public-rackmount1": NO_SLOT, "intel-s2600bpb-bmc": NO_SLOT,
    "nvidia-bluefield3-bmc": {**NO_SLOT, **NO_BOOT}, "supermicro-x10sdv-bmc4.00": {**NO_SLOT, **NO_BOOT},
    "nvidia-dgxh100-ami": {**NO_SLOT, "boot read": "DISABLED"}, "openbmc-stock-2.15": {**NO_SLOT, "system": "no identity"},
    "cisco-cimc": BAD, "fujitsu-irmc-s6": BAD, "openbmc-with-media": BAD,
    "huawei-ibmc": NO_ACTION, "lenovo-xcc-2.83-sr670v2": NO_ACTION, "lenovo-xcc3": NO_ACTION,
    "dell-idrac9-6.00-r750": {"insert": "Managers/iDRAC"}, "dell-idrac9-7.10-r750": {"insert": "Managers/iDRAC", **NO_BOOT},
    "dell-idrac10": NO_BOOT, "nvidia-gb200-bmc": NO_BOOT, "nvidia-gh200-bmc": NO_BOOT, "supermicro-x13-sys821ge": NO_BOOT,
    "supermicro-x12-sys510t": {"manager": "no firmware version"},
}
READ_BY_REDFISHTOOL = [["root"], ["Systems", "list"], ["Managers", "list"], ["Managers", "-F", "get"], ["SessionService", "get"]]
# A login there names its user's domain, which redfishtool does not; of its manager nothing was recorded.
READ_IN_PART = {"huawei-ibmc": [["root"]], "supermicro-x12-sys510t": [["root"], ["Systems", "list"]]}


def clients_at_every_kind():
    if not os.environ.get("METALMESH_LONG_TESTS"):
        raise Skipped("minutes of many clients; METALMESH_LONG_TESTS=1")
    from personalities_test import kinds
    files = kinds()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        worn = [a for i, file in enumerate(files) for a in ("--personality", f"par1-n{i + 1:03}={file}")]
        sim = Process("bmcsim", [BIN / "metalmesh-bmcsim", "serve", "--site", "par1", "--count", len(files), "--first-address",
                                 "127.203.0.1", "--port", port, "--control-port", free_port(), *worn], pathlib.Path(folder)).start()
        try:
            wait_until("bmcsim is up", lambda: "ready" in sim.text(), 30)
            for i, file in enumerate(files):
                where, known = f"127.203.0.{i + 1}:{port}", SUSHY_FAILS.get(file.stem, {})
                told = by_sushy(f"https://{where}")
                wrong = {step: said for step, said in told.items() if (said != "ok") != (step in known) or known.get(step, "") not in said}
                assert not wrong and set(known) <= set(told), (file.stem, wrong, told)
                for words in READ_IN_PART.get(file.stem, READ_BY_REDFISHTOOL):
                    run("redfishtool", "-r", where, "-u", "admin", "-p", "password", "-S", "Always", "-A", "Session", *words)
                print(f"{file.stem}: sushy {sum(said == 'ok' for said in told.values())}/{len(told)}, redfishtool reads")
        finally:
            sim.kill()


def connections_end_cleanly(host, port):
    """Who asks for an end gets the whole answer, is told that it is the last, and sees an end and no break."""
    context = ssl._create_unverified_context()
    for _ in range(20):
        with context.wrap_socket(socket.create_connection((host, port), timeout=10), suppress_ragged_eofs=False) as client:
            client.sendall(b"GET /redfish/v1/ HTTP/1.1\r\nHost: bmc\r\nConnection: close\r\n\r\n")
            head, _, body = b"".join(iter(lambda: client.recv(4096), b"")).partition(b"\r\n\r\n")
            assert b"\r\nConnection: close" in head and json.loads(body), (head, body)


def redfish_clients():
    with tempfile.TemporaryDirectory() as folder:
        port, control = free_port(), free_port()
        sim = Process("bmcsim", [BIN / "metalmesh-bmcsim", "serve", "--count", 2, "--first-address", "127.201.0.1", "--port",
                                 port, "--control-port", control], pathlib.Path(folder)).start()
        try:
            wait_until("bmcsim is up", lambda: "ready" in sim.text(), 10)
            connections_end_cleanly("127.201.0.1", port)
            told = by_sushy(f"https://127.201.0.1:{port}")
            assert set(told.values()) == {"ok"} and "eject" in told, told
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
        last = str(mesh.events()[-1]["number"])
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
    main([redfish_clients, clients_at_every_kind, curl_and_mosquitto])
