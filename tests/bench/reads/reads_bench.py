#!/usr/bin/env python3
"""How long does a person wait for the controller's answer, with nothing to do and while a rack is installed?

One kept TLS connection asks for one server, over and over; nginx answers the same bytes with the same certificate on
a connection of the same kind, and is the reference. See ../README.md.
"""
import argparse
import dataclasses
import http.client
import json
import pathlib
import ssl
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "install"))
from rack import SITE, Rack  # noqa: E402
from mesh import Process, free_port, wait_until  # noqa: E402
from report import Figure  # noqa: E402

PAUSE = 0.01  # between two questions: a person's tool, not a load
GATE_MS = 2.0
GATE_RATIO = 4.0  # to nginx, which has nothing to decide
PATH = f"/api/v1/servers/{SITE}-n001"


@dataclasses.dataclass
class Waits:
    """How long answers took, in milliseconds."""
    values: list

    @property
    def p50(self) -> float:
        return statistics.median(self.values)

    @property
    def p99(self) -> float:
        return sorted(self.values)[len(self.values) * 99 // 100]


class Reader:
    """One kept connection."""

    def __init__(self, rack: Rack, port: int):
        context = ssl.create_default_context(cafile=str(rack.pki / "ca.crt"))
        self.connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
        self.headers = {"Authorization": "Bearer " + (rack.pki / "admin.token").read_text().strip()}

    def ask(self) -> bytes:
        self.connection.request("GET", PATH, headers=self.headers)
        reply = self.connection.getresponse()
        body = reply.read()
        assert reply.status == 200, (reply.status, body)
        return body

    def waits(self, go_on) -> Waits:
        """Asks until `go_on(number)` says no."""
        values = []
        while go_on(len(values)):
            begin = time.perf_counter()
            self.ask()
            values.append((time.perf_counter() - begin) * 1000)
            time.sleep(PAUSE)
        return Waits(values)


def start_reference(rack: Rack, body: bytes) -> tuple:
    """nginx with one worker that answers `body`."""
    folder, port = rack.folder / "nginx", free_port()
    page = folder / "root" / PATH.lstrip("/")
    page.parent.mkdir(parents=True)
    page.write_bytes(body)
    for made in [folder, *folder.rglob("*")]:
        made.chmod(0o755)
    rack.folder.chmod(0o755)
    (folder / "nginx.conf").write_text(f"""
worker_processes 1; daemon off; pid {folder}/pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 1000000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} ssl; root {folder}/root;
    ssl_certificate {rack.pki}/api.crt; ssl_certificate_key {rack.pki}/api.key;
  }}
}}
""")
    process = Process("nginx", ["nginx", "-p", folder, "-c", folder / "nginx.conf"], rack.folder).start()
    return process, port


def install(rack: Rack) -> None:
    plan = rack.plan_rollout()
    rack.start_planned(plan)
    wait_until("the rollout is done", lambda: rack.told("done"), 600)


def run(servers: int, questions: int) -> tuple:
    with Rack(servers, image_mb=1) as rack:
        rack.apply_site()
        rack.wait_connected()
        rack.apply_servers()
        wait_until("all were inspected", lambda: rack.told("inspected") >= servers, 300)
        time.sleep(2)
        reader = Reader(rack, rack.api_port)
        nginx, port = start_reference(rack, reader.ask())
        try:
            other = Reader(rack, port)
            wait_until("nginx answers", lambda: answers(other), 10)
            reference = other.waits(lambda n: n < questions)
            idle = reader.waits(lambda n: n < questions)
        finally:
            nginx.stop()
        work = threading.Thread(target=install, args=(rack,))
        work.start()
        busy = reader.waits(lambda _: work.is_alive())
        work.join()
        assert rack.told("done"), "the rollout did not end"
    return reference, idle, busy


def answers(reader: Reader) -> bool:
    try:
        return bool(reader.ask())
    except OSError:
        reader.connection.close()
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--servers", type=int, default=100, help="installed side by side while reads are timed")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file")
    args = parser.parse_args()
    reference, idle, busy = run(args.servers, args.questions)
    figures = [
        Figure("p50 of a GET, idle", idle.p50, "ms", GATE_MS),
        Figure(f"p50 of a GET, {args.servers} installs", busy.p50, "ms", GATE_MS),
        Figure("p50 idle, to nginx", idle.p50 / reference.p50, "", GATE_RATIO),
        Figure("p50 of nginx", reference.p50, "ms"),
        Figure("p99 of a GET, idle", idle.p99, "ms"),
        Figure(f"p99 of a GET, {args.servers} installs", busy.p99, "ms"),
    ]
    for figure in figures:
        print(figure.line())
    if args.json:
        args.json.write_text(json.dumps([f.as_json() for f in figures], indent=1) + "\n")
    return 0 if all(f.met for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
