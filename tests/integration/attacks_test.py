#!/usr/bin/env python3
"""Who holds little and wants much: floods of connections while somebody has to stop something, words of one site and of one
token that would harm others. Real broker and processes. METALMESH_LONG_TESTS: as many connections as an attacker would take."""
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import resource
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import lanes
import one_thief
from attacker import rss
from mesh import BIN, ENV, Mesh, wait_until

LONG = os.environ.get("METALMESH_LONG_TESTS") == "1"
IDLE = 2000 if LONG else 700
STREAMS = 2000 if LONG else 300
MEDIA = 4500 if LONG else 600
SOON = 3.0  # seconds in which a stop acts, whatever else goes on


def many_descriptors():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))


def quiet(port, tls=True):
    """A connection that asks nothing; whom it reached is no matter to it."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=5)
    return ssl._create_unverified_context().wrap_socket(raw) if tls else raw


def stream(mesh, token):
    """One that follows the events."""
    sock = quiet(mesh.api_port)
    sock.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
                 f"Authorization: Bearer {token}\r\n\r\n".encode())
    return sock


def in_seconds(what):
    begin = time.monotonic()
    result = what()
    return time.monotonic() - begin, result


def agent_command(mesh, site, *args):
    return subprocess.run([str(a) for a in (BIN / "metalmesh-agent", "--config", mesh.folder / f"agent-{site}.yaml", *args)],
                          capture_output=True, text=True, timeout=60, env=ENV)


def a_stop_is_heard_under_siege():
    many_descriptors()
    with Mesh({"par1": 6}, install_ms=8000) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.start_rollout("r", select={"sites": ["*"]}, stopAfter={"noCanary": True}, parallel={"perSite": 3})
        wait_until("some are launched", lambda: any(d.get("launched") for d in mesh.deployments("r").values()), 60)
        token = (mesh.pki / "admin.token").read_text().strip()
        held = []
        with contextlib.ExitStack() as stack:
            for i in range(IDLE + STREAMS):
                with contextlib.suppress(OSError):
                    held.append(stack.enter_context(stream(mesh, token) if i % 3 == 0 and i // 3 < STREAMS
                                                    else quiet(mesh.api_port, tls=i % 2 == 0)))
            assert len(held) > (IDLE + STREAMS) * 0.9, len(held)
            took, result = in_seconds(lambda: mesh.cli("rollout", "stop", "r", "--reason", "siege", timeout=30))
            assert took < SOON, f"abort took {took:.1f} s: {result.stdout}{result.stderr}"
            # And on the host, without a token and without the network.
            took, result = in_seconds(lambda: subprocess.run(
                [str(BIN / "metalmesh"), "--server", f"unix:{mesh.folder}/controller/admin.sock", "server", "protect", "par1-n006",
                 "--reason", "siege"], capture_output=True, text=True, timeout=30, env=ENV))
            assert result.returncode == 0 and took < SOON, (took, result.stdout, result.stderr)
        ends = mesh.wait_done("r")
        assert {d["state"] for d in ends.values()} <= {"SUCCEEDED", "CANCELLED"}, ends
        assert any(d["state"] == "CANCELLED" for d in ends.values()), ends
        mesh.check_truth([n for n, d in ends.items() if d["state"] == "SUCCEEDED"],
                         [n for n, d in ends.items() if d["state"] == "CANCELLED"])
        [line] = [e for e in mesh.events() if e.get("server") == "par1-n006" and "siege" in e.get("message", "")][-1:]
        assert "unix:" in json.dumps(line), line


def bodies_of_strangers_are_not_read():
    with Mesh({"par1": 1}) as mesh:
        before = rss(mesh.controller)
        body = b"x" * (1 << 20)
        open_ones = []
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    sock = stack.enter_context(quiet(mesh.api_port))
                    sock.settimeout(1)
                    open_ones.append(sock)
                    sock.sendall(b"POST /api/v1/servers/a/inspect HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nobodys\r\n"
                                 b"Content-Length: 1048576\r\n\r\n" + body[:-1])
            grown = rss(mesh.controller) - before
        assert grown < 40, f"{grown:.0f} MiB for {len(open_ones)} bodies of nobody"
        status, _, text = mesh.rest("POST", "/api/v1/servers/a/inspect", raw=body, token=False)
        assert status == 401, (status, text)


def guessing_gets_slower_and_stops_nobody():
    with Mesh({"par1": 1}) as mesh:
        assert mesh.rest("GET", "/api/v1/servers")[0] == 200
        said = [mesh.rest("GET", "/api/v1/servers", token=False, headers={"Authorization": f"Bearer guess{i}"})[0] for i in range(30)]
        assert said[:10] == [401] * 10 and said.count(429) > 10, said
        assert mesh.rest("GET", "/api/v1/servers")[0] == 200, "who was known goes on"
        status, _, text = mesh.rest("POST", "/api/v1/rollouts/none/stop", body={"reason": "x"})
        assert status == 404, (status, text)


def a_person_at_the_site_stops_it():
    with Mesh({"par1": 4}, install_ms=1500) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.broker.stop()  # neither controller nor broker is needed
        took, said = in_seconds(lambda: agent_command(mesh, "par1", "stop-all", "--reason", "smoke in the hall"))
        assert said.returncode == 0 and took < SOON and "0 orders cancelled" in said.stdout, (took, said)
        mesh.broker.start()
        agent = mesh.agents["par1"]
        agent.stop()
        agent.start()  # it holds over a restart
        mesh.start_rollout("r", select={"sites": ["*"]}, stopAfter={"noCanary": True})
        ends = mesh.wait_done("r", 60)
        assert {d["state"] for d in ends.values()} == {"FAILED"}, ends
        assert "smoke in the hall" in json.dumps(ends), ends
        mesh.check_truth([], list(ends))
        wait_until("the controller was told", lambda: any("smoke in the hall" in e.get("message", "") for e in mesh.events()), 20)
        said = agent_command(mesh, "par1", "resume")
        assert said.returncode == 0 and "orders are taken again" in said.stdout, said
        mesh.start_rollout("again", select={"sites": ["*"]}, stopAfter={"noCanary": True})
        ends = mesh.wait_done("again")
        assert {d["state"] for d in ends.values()} == {"SUCCEEDED"}, ends
        agent.stop()
        said = agent_command(mesh, "par1", "stop-all", "--reason", "nobody runs")
        assert said.returncode == 0 and "no agent runs here" in said.stdout, said
        assert (mesh.folder / "agent-par1/stopped").read_text() == "nobody runs"


def quiet_connections_keep_no_medium_from_a_bmc():
    many_descriptors()
    with Mesh({"par1": 2}) as mesh:
        media = mesh.media["par1"]
        if not LONG:
            media.stop()
            media.argv = ["prlimit", "--nofile=300:300", *media.argv]
            media.start()
        mesh.apply_basics()
        mesh.wait_ready()
        port = int(json.loads((mesh.folder / "agent-par1.yaml").read_text())["media"]["listen"].rsplit(":", 1)[1])
        stop, held = threading.Event(), []

        def besiege():
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    held.append(quiet(port, tls=len(held) % 2 == 0))
                if len(held) > MEDIA:
                    held.pop(0).close()
        siege = threading.Thread(target=besiege)
        siege.start()
        try:
            wait_until("the port is full", lambda: len(held) >= min(MEDIA, 300), 60)
            mesh.start_rollout("r", select={"sites": ["*"]}, stopAfter={"noCanary": True})
            ends = mesh.wait_done("r")
        finally:
            stop.set()
            siege.join()
            for sock in held:
                sock.close()
        assert {d["state"] for d in ends.values()} == {"SUCCEEDED"}, ends
        mesh.check_truth(list(ends))


class Seen(http.server.BaseHTTPRequestHandler):
    paths = []

    def do_GET(self):
        Seen.paths.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def an_image_names_nothing_that_its_site_did_not_open():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Seen)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as opened, Mesh({"par1": 1}, agent_config={"imageSources": {"folders": [opened]}}) as mesh:
        images = pathlib.Path(opened)
        mesh.apply_basics()
        secret = mesh.folder / "par1-credentials.yaml"
        (images / "link.iso").symlink_to(secret)
        (images / "zero.iso").symlink_to("/dev/zero")
        os.mkfifo(images / "fifo.iso")
        (images / "other.iso").write_text("not it")
        right = hashlib.sha256(secret.read_bytes()).hexdigest()  # as a dictionary would try it
        urls = {"secret": f"file://{secret}", "link": f"file://{images}/link.iso", "up": f"file://{images}/../x", "zero": "file:///dev/zero",
                "zero-link": f"file://{images}/zero.iso", "fifo": f"file://{images}/fifo.iso", "other": f"file://{images}/other.iso",
                "local": f"http://127.0.0.1:{server.server_port}/x", "metadata": "http://169.254.169.254/latest/meta-data"}
        said = {}
        for number, (name, url) in enumerate(urls.items()):
            digest = right if name == "secret" else hashlib.sha256(str(number).encode()).hexdigest()
            mesh.apply(f"image-{name}", {"kind": "Image", "metadata": {"name": name}, "spec": {
                "family": "placeholder", "iso": {"urls": [url], "sha256": digest}}})
            mesh.cli("image", "prefetch", name, "--site", "par1")

            def failed():
                for event in mesh.events():
                    if digest[:12] in event.get("message", "") and "not at the site" in event["message"]:
                        return event["message"]
            said[name] = wait_until(f"{name} is refused", failed, 60)
        nothing = "no file below the folders of this site's images"
        for name in ("secret", "link", "up", "zero", "zero-link"):
            assert nothing in said[name], said[name]
        assert "no regular file" in said["fifo"], said["fifo"]
        assert hashlib.sha256(b"not it").hexdigest() not in said["other"], said["other"]
        assert "this site's own machine" in said["local"] and "link-local" in said["metadata"], said
        assert Seen.paths == [], Seen.paths
    server.shutdown()


def as_user(mesh, token, method, path, body=None):
    status, _, text = mesh.rest(method, "/api/v1" + path, body=body, token=False, headers={"Authorization": "Bearer " + token})
    return status, text


def a_person_of_one_site_has_that_alone_as_long_as_the_token_is_good():
    with Mesh({"par1": 1, "lyo1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        kept = mesh.folder / "eve.token"
        mesh.cli("user", "create", "eve", "--role", "operator", "--site", "par1", "--keep-in", kept)
        assert kept.stat().st_mode & 0o077 == 0
        eve = kept.read_text().strip()
        said = as_user(mesh, eve, "GET", "/changes?after=0")[1]
        assert "par1-n001" in json.dumps(said) and "lyo1" not in json.dumps(said), said
        for method, path, body in (("POST", "/servers/lyo1-n001/inspect", None), ("GET", "/servers/lyo1-n001", None),
                                   ("PUT", "/rollouts/x", {"spec": {"action": "inspect", "select": {"sites": ["*"]}}})):
            status, text = as_user(mesh, eve, method, path, body)
            assert status in (403, 404), (method, path, status, text)
        assert as_user(mesh, eve, "POST", "/servers/par1-n001/inspect")[0] == 202
        found = subprocess.run(["grep", "-rlaF", eve, str(mesh.folder / "controller")], capture_output=True, text=True)
        assert found.returncode == 1, found
        with stream(mesh, eve) as sock:
            sock.settimeout(10)
            assert b"200" in sock.recv(4096)
            argv = [str(kept) if a == str(mesh.pki / "admin.token") else a for a in mesh.cli_argv("get", "servers", "--watch")]
            watch = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV)
            time.sleep(1)
            mesh.cli("user", "revoke", "eve", hashlib.sha256(eve.encode()).hexdigest()[:12])

            def until_it_ends():
                told = b""
                while not told.endswith(b"0\r\n\r\n"):
                    told += sock.recv(4096)
            took, _ = in_seconds(until_it_ends)
            assert took < 2, took
            said, _ = watch.communicate(timeout=20)
            assert watch.returncode != 0 and "token" in said, (watch.returncode, said)
        assert as_user(mesh, eve, "GET", "/servers")[0] == 401


def a_burst_with_a_bad_profile_is_one_rollout():
    """Of 200 rollouts of one server each, in METALMESH_LONG_TESTS."""
    count = 200 if LONG else 8
    with Mesh({"par1": count}, install_ms=1000) as mesh:
        mesh.apply_basics(proof={"minimum": "callback", "within": "2s"})
        mesh.wait_ready(timeout=300)
        servers = [f"par1-n{i + 1:03}" for i in range(count)]
        for server in servers:
            mesh.set_bmc(server, callsBack=False)
        kept = mesh.folder / "tool.token"
        mesh.cli("user", "create", "tool", "--role", "operator", "--keep-in", kept)
        tool = kept.read_text().strip()
        refused = []
        for server in servers:
            spec = {"action": "install", "image": "mm", "profile": "base", "select": {"servers": [server]}, "parallel": {"perSite": 3}}
            assert as_user(mesh, tool, "PUT", f"/rollouts/{server}", {"spec": spec})[0] == 201
            status, planned = as_user(mesh, tool, "POST", f"/rollouts/{server}/plan")
            assert status == 200, planned
            status, said = as_user(mesh, tool, "POST", f"/rollouts/{server}/start",
                                   {"plan": planned["status"]["plan"]["digest"], "confirm": 1})
            if status != 200:
                refused.append(said)
        ended = {"SUCCEEDED", "UNPROVEN", "FAILED", "CANCELLED", "INDETERMINATE"}
        wait_until("all ended", lambda: all(d["state"] in ended for d in mesh.every("/deployments")), 120)
        ends = mesh.every("/deployments")
        wiped = [d["server"] for d in ends if d.get("launched")]
        assert len(ends) + len(refused) == count and 3 <= len(wiped) <= 6, [(d["server"], d["state"]) for d in ends]
        told = json.dumps([d.get("note", "") for d in ends if d["state"] == "CANCELLED"] + refused)
        assert hashlib.sha256(tool.encode()).hexdigest()[:12] in told and "failed after the wipe" in told, told
        mesh.check_truth([], [server for server in servers if server not in wiped])


def what_one_thief_holds_is_not_enough():
    mesh = Mesh({"par1": 3}, install_ms=1500)
    mesh.agent_config = {"bmcNetworks": [{"cidr": f"127.{mesh.base}.0.0/16", "mediaFrom": ["127.0.0.1/32"]},
                                         {"cidr": "127.0.0.0/16", "mediaFrom": ["127.0.0.1/32"]}]}
    with mesh:
        one_thief.tries_all(mesh)


lanes.main(alone=[a_stop_is_heard_under_siege], lanes=3, tests=[
    what_one_thief_holds_is_not_enough, a_burst_with_a_bad_profile_is_one_rollout, a_person_at_the_site_stops_it,
    quiet_connections_keep_no_medium_from_a_bmc, a_person_of_one_site_has_that_alone_as_long_as_the_token_is_good,
    an_image_names_nothing_that_its_site_did_not_open, bodies_of_strangers_are_not_read, guessing_gets_slower_and_stops_nobody])
