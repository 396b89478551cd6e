#!/usr/bin/env python3
"""Inspects a fleet of simulated BMCs at several sites and tells how long that takes and what the agents need.

    tests/bench/inspect/inspect_bench.py [--servers 1350] [--sites 10] [--json FILE]

Controller, agents and broker are the real programs over TLS with signatures, with their default settings; servers are
registered, which has each of them inspected. Exit status 1 if a gate is missed.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "install"))
sys.path.insert(0, str(HERE.parents[2] / "integration"))
from mesh import Mesh, wait_until  # noqa: E402
from meters import MIB, CpuMeter, PeakMemory  # noqa: E402

PRODUCT_DEFAULTS = {"pollInterval": "5s", "helloInterval": "15s", "timeouts": {}}
FLEET, MINUTES, AGENT_MIB = 13_500, 15, 64


class Fleet(Mesh):
    def __init__(self, servers: int, sites: int):
        share = {f"lab{i}": servers // sites + (i < servers % sites) for i in range(sites)}
        super().__init__(share, agent_config=PRODUCT_DEFAULTS)
        self.servers, self.read, self.seen = servers, 0, 0

    def apply_sites(self):
        documents = [d for site in self.sites for d in (
            {"kind": "Site", "metadata": {"name": site}, "spec": {}},
            {"kind": "Credential", "metadata": {"name": f"{site}-bmc"}, "spec": {"site": site}})]
        path = self.folder / "sites.yaml"
        path.write_text("\n---\n".join(json.dumps({"apiVersion": "metalmesh/v1", **d}) for d in documents))
        self.cli("apply", "-f", path)
        for site in self.sites:
            wait_until(f"{site} is heard", lambda: self.get(f"/sites/{site}")["status"].get("connected"), 60)

    def apply_servers(self):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(self.cli, "apply", "-f", self.folder / f"{site}-servers.yaml", timeout=1800)
                         for site in self.sites]:
                done.result()

    def inspected(self) -> int:
        """How many inspections the controller's log told of so far, without asking the controller."""
        with open(self.controller.log, errors="replace") as log:
            log.seek(self.read)
            self.seen += sum('"type":"inspected"' in line for line in log)
            self.read = log.tell()
        return self.seen


def run(servers: int, sites: int) -> dict:
    with Fleet(servers, sites) as fleet:
        fleet.apply_sites()
        pids = {"controller": fleet.controller.process.pid, "broker": fleet.broker.process.pid,
                **{name: agent.process.pid for name, agent in fleet.agents.items()}}
        load = {name: bmcs.process.pid for name, bmcs in fleet.bmcs.items()}
        product, simulated = CpuMeter(pids), CpuMeter(load)
        begin = time.monotonic()
        with PeakMemory(pids, every=1) as memory:
            fleet.apply_servers()
            registered = time.monotonic() - begin
            wait_until("all were inspected", lambda: fleet.inspected() >= servers, 3600, pause=0.5)
        took = time.monotonic() - begin
        requests = sum(len(asked) for site in fleet.sites for asked in
                       fleet.sim(site, "/requests")["servers"].values())
        page = fleet.rest("GET", "/api/v1/servers?limit=1000")[2]
        assert all("facts" in each["status"] for each in page["items"]), "a server without facts"
        agents = {name: memory.peak[name] for name in fleet.agents}
        return {"servers": servers, "sites": sites, "cores": os.cpu_count(), "load_average": os.getloadavg()[0],
                "seconds": took, "registered_after": registered, "requests_per_server": requests / servers,
                "product_cpu": sum(product.read().values()), "simulated_cpu": sum(simulated.read().values()),
                "agent_mib": max(agents.values()) / MIB, "controller_mib": memory.peak["controller"] / MIB}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--servers", type=int, default=1350)
    parser.add_argument("--sites", type=int, default=10)
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file")
    args = parser.parse_args()
    told = run(args.servers, args.sites)
    most = MINUTES * 60 * args.servers / FLEET  # the gate is for a whole fleet
    met = told["seconds"] <= most and told["agent_mib"] <= AGENT_MIB
    print(f"{args.servers} servers at {args.sites} sites, {told['cores']} cores, load average {told['load_average']:.1f}")
    print(f"  all inspected after {told['seconds']:.1f} s (gate {most:.0f} s), registered after {told['registered_after']:.1f} s")
    print(f"  {told['requests_per_server']:.1f} requests per server")
    print(f"  CPU ms per server: product {told['product_cpu'] * 1000 / args.servers:.1f}, "
          f"simulated BMCs {told['simulated_cpu'] * 1000 / args.servers:.1f}")
    print(f"  largest agent {told['agent_mib']:.1f} MiB (gate {AGENT_MIB}), controller {told['controller_mib']:.1f} MiB")
    print("all gates met" if met else "GATES MISSED")
    if args.json:
        args.json.write_text(json.dumps({"met": met, **told}, indent=1) + "\n")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
