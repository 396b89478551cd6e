#!/usr/bin/env python3
"""Does a controller with a large fleet still answer at once, start soon and stay small?

A fleet is put into the store of a stopped controller (metalmesh-fill-fleet); it starts on that, and a rollout over all of
it is planned and started while somebody reads, a site says hello and others want the list. See ../README.md.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "install"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "reads"))
from meters import MIB, ThreadCpu, cpu_seconds, pss  # noqa: E402
from rack import BIN, SITE, Rack, wait_until  # noqa: E402
from reads_bench import Reader  # noqa: E402
from report import Figure  # noqa: E402

WAIT_MS = 50
RESTART_S = 10
MEMORY_MIB = 450
APPLIED = 10_000
CREDENTIAL = "applied"


class Waiting:
    """Reads one server every 10 ms, on a connection of its own, until the block ends. For each read: how long it took, and how
    long the controller computed meanwhile (but for the store's own threads), which others on the machine do not change."""

    def __init__(self, rack):
        self.cpu = ThreadCpu(rack.controller.process.pid, without="rocksdb")
        self.reader, self.values, self.computed = Reader(rack, rack.api_port), [], []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.wait(0.01):
            before, begin = self.cpu.read(), time.perf_counter()
            self.reader.ask()
            self.values.append((time.perf_counter() - begin) * 1000)
            self.computed.append((self.cpu.read() - before) * 1000)

    def __enter__(self):
        self.thread.start()
        time.sleep(0.3)
        self.values.clear()
        self.computed.clear()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def figures(self, when) -> list:
        return [Figure(f"longest wait of a reader while {when}", max(self.values), "ms", WAIT_MS),
                Figure("  the controller computed in one wait, at most", max(self.computed), "ms")]


def plan_all(rack):
    spec = {"action": "install", "image": "mm", "profile": "base", "select": {"sites": ["fleet*"]}}
    status, _, body = rack.rest("PUT", "/api/v1/rollouts/all", {
        "apiVersion": "metalmesh/v1", "kind": "Rollout", "metadata": {"name": "all"}, "spec": spec})
    assert status in (200, 201), (status, body)
    before, begin = cpu_seconds(rack.controller.process.pid), time.perf_counter()
    status, _, body = rack.rest("POST", "/api/v1/rollouts/all/plan", {}, timeout=300)
    assert status == 200, (status, body)
    seconds = time.perf_counter() - begin
    return body["status"]["plan"], seconds, cpu_seconds(rack.controller.process.pid) - before


def start_all(rack, plan):
    begin = time.perf_counter()
    status, _, body = rack.rest("POST", "/api/v1/rollouts/all/start", {"plan": plan["digest"], "confirm": plan["serverCount"]},
                                timeout=300)
    assert status == 200, (status, body)
    assert body["status"]["counts"] == {"PENDING": plan["serverCount"]}, body["status"]
    return time.perf_counter() - begin


def pages_of_plan(rack):
    """Servers in all pages, and how many pages there are."""
    servers, pages, after = 0, 0, ""
    while pages == 0 or after:
        status, _, page = rack.rest("GET", "/api/v1/rollouts/all/plan" + (f"?after={after}" if after else ""))
        assert status == 200, (status, page)
        servers, pages, after = servers + len(page.get("servers", [])), pages + 1, page.get("next", "")
    return servers, pages


def applied_line(number, site):
    return json.dumps({"kind": "Server", "metadata": {"name": f"new{number:05d}", "labels": {"role": "new"}}, "spec": {
        "site": site, "bmc": {"address": f"10.200.{number // 250}.{number % 250 + 1}", "credential": CREDENTIAL},
        "identity": {"serial": f"NEWSERIAL{number:06d}"}, "hostname": f"new{number:05d}.example.net", "state": "new"}}) + "\n"


def apply_many(rack, count) -> float:
    """Seconds until `count` new servers are taken; again it is what is unchanged."""
    rack.rest("PUT", f"/api/v1/sites/{CREDENTIAL}", {"spec": {}})  # which the rollout does not select
    rack.rest("PUT", f"/api/v1/credentials/{CREDENTIAL}", {"spec": {}})
    body = "".join(applied_line(i, CREDENTIAL) for i in range(count)).encode()
    reader = Reader(rack, rack.api_port)
    reader.connection.timeout = 120
    begin = time.perf_counter()
    reader.connection.request("POST", "/api/v1/apply", body, {**reader.headers, "Content-Type": "application/x-ndjson"})
    reply = reader.connection.getresponse()
    report = json.loads(reply.read())
    seconds = time.perf_counter() - begin
    assert reply.status == 200 and report["refused"] == 0 and len(report["results"]) == count, (reply.status, report)
    return seconds


def list_waits(rack, query, requests=150) -> list:
    """Milliseconds of each page of a list that is looked through from its beginning, again and again."""
    reader, values, after = Reader(rack, rack.api_port), [], ""
    for _ in range(requests):
        begin = time.perf_counter()
        reader.connection.request("GET", f"/api/v1/servers?limit=100&{query}&after={after}", headers=reader.headers)
        page = json.loads(reader.connection.getresponse().read())
        values.append((time.perf_counter() - begin) * 1000)
        after = page.get("next", "")
    return sorted(values)


def p99(values):
    return values[int(len(values) * 0.99) - 1]


def restart(rack) -> float:
    begin = time.perf_counter()
    rack.controller.start()
    rack.wait_api()
    reader = Reader(rack, rack.api_port)
    reader.ask()
    return time.perf_counter() - begin


def run(servers: int, sites: int) -> list:
    with Rack(1, image_mb=1) as rack:
        rack.apply_site()
        rack.wait_connected()
        rack.apply_servers()
        wait_until("the server is ready", lambda: rack.told("inspected") >= 1, 60)
        rack.wait_ready(1)
        rack.controller.stop()
        begin = time.perf_counter()
        subprocess.run([BIN / "metalmesh-fill-fleet", rack.folder / "controller", rack.pki / "store.key", f"{SITE}-n001", str(servers), str(sites)],
                       check=True)
        print(f"filled in {time.perf_counter() - begin:.1f} s")
        started = restart(rack)
        rack.wait_connected()
        pid = rack.controller.process.pid
        idle = pss(pid)
        with Waiting(rack) as planning:
            plan, seconds, cpu = plan_all(rack)
        assert plan["serverCount"] == servers, plan
        with Waiting(rack) as paging:
            assert pages_of_plan(rack)[0] == servers
        with Waiting(rack) as listing:
            begin = time.perf_counter()
            subprocess.run(rack.cli_argv("get", "servers", "-o", "json"), stdout=subprocess.DEVNULL, timeout=600, check=True)
            listed = time.perf_counter() - begin
        planned = pss(pid)
        with Waiting(rack) as applying:
            taken = apply_many(rack, APPLIED)
        with Waiting(rack) as unchanging:
            unchanged = apply_many(rack, APPLIED)
        pages = p99(list_waits(rack, "labelSelector=role%3Dweb"))
        found = p99(list_waits(rack, "where=model%20~%20*x%20and%20firmware.bmc%20%3C%209.9"))
        with Waiting(rack) as starting:
            start = start_all(rack, plan)
        with Waiting(rack) as pending:  # but for one, all sites are silent
            time.sleep(5)
        return [
            Figure("start until the first answer", started, "s", RESTART_S),
            *planning.figures("all is planned"),
            *paging.figures("the plan is read"),
            *listing.figures("all is listed"),
            *applying.figures("many are applied"),
            *unchanging.figures("many are unchanged"),
            *starting.figures("all is started"),
            Figure(f"apply of {APPLIED} more", taken, "s", 15),
            Figure(f"apply of {APPLIED}, unchanged", unchanged, "s", 5),
            Figure("p99 of a page by label", pages, "ms", WAIT_MS),
            Figure("p99 of a page by conditions", found, "ms", WAIT_MS),
            *pending.figures("all wait for their sites"),
            Figure("p50 of a reader while all is planned", statistics.median(planning.values), "ms"),
            Figure("plan of all, until it is answered", seconds, "s"),
            Figure("plan of all, processor time", cpu, "s"),
            Figure("start of all, until it is answered", start, "s"),
            Figure("list of all by the CLI", listed, "s"),
            Figure("PSS idle", idle / MIB, "MiB", MEMORY_MIB),
            Figure("PSS after plan and list", planned / MIB, "MiB"),
            Figure("PSS with all orders made", pss(pid) / MIB, "MiB"),
        ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--servers", type=int, default=100_000)
    parser.add_argument("--sites", type=int, default=1000)
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file")
    args = parser.parse_args()
    figures = run(args.servers, args.sites)
    print(f"\n{args.servers} servers at {args.sites} sites")
    for figure in figures:
        print(figure.line())
    if args.json:
        args.json.write_text(json.dumps([figure.as_json() for figure in figures], indent=1))
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
