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
        with Waiting(rack) as starting:
            start = start_all(rack, plan)
        with Waiting(rack) as pending:  # but for one, all sites are silent
            time.sleep(5)
        return [
            Figure("start until the first answer", started, "s", RESTART_S),
            *planning.figures("all is planned"),
            *paging.figures("the plan is read"),
            *listing.figures("all is listed"),
            *starting.figures("all is started"),
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
