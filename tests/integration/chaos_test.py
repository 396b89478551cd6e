#!/usr/bin/env python3
"""A rollout over four sites while everything that can die, dies, and every link is cut. The truth is read from the BMCs and
from the agents' journals.

usage: chaos_test.py [--seeds 1,2,3] [--servers 40] [--pause 1.5]
"""
import argparse
import collections
import contextlib
import os
import pathlib
import random
import shutil
import subprocess
import time

from chaos.checker import check_journals, check_machines, check_outcomes
from chaos.links import Links
from chaos.nemesis import Nemesis
from mesh import Mesh, wait_until

SITES = ("par1", "lyo2", "ber3", "mad4")
SMALL_DISK = "1200m"  # the image cache never goes below one free GiB


class ChaosMesh(Mesh):
    """Everybody talks to the broker over a link of their own; one agent and, as root, nobody else has a small disk."""

    def __init__(self, sites, seed, **options):
        super().__init__(sites, **options)
        self.links = Links()
        self.names = [f"{site}-n{i + 1:03}" for site, count in sites.items() for i in range(count)]
        self.small_disks = {}
        self.base_agent_config = dict(self.agent_config)
        if os.geteuid() == 0:
            self.mount_small_disk(f"agent-{random.Random(seed).choice(SITES)}")

    def mount_small_disk(self, name):
        folder = self.folder / name
        folder.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)],
                                 capture_output=True)
        if mounted.returncode == 0:
            self.small_disks[name] = folder

    def __exit__(self, *how):
        try:
            super().__exit__(*how)
        finally:
            self.links.close()
            for folder in self.small_disks.values():
                subprocess.run(["umount", "-l", str(folder)], check=False)
            if how[0] is None and not self.keep:
                shutil.rmtree(self.folder, ignore_errors=True)

    def write_controller(self):
        port = self.links.to("controller", self.broker_port).port
        self.controller_config = {**self.controller_config, "broker": {"url": f"mqtts://localhost:{port}"}}
        super().write_controller()

    def start_site(self, index, site, count):
        port = self.links.to(site, self.broker_port).port
        self.agent_config = {**self.base_agent_config, "broker": {"url": f"mqtts://localhost:{port}"}}
        if f"agent-{site}" in self.small_disks:
            self.agent_config["diskReserve"] = str(16 << 20)
        super().start_site(index, site, count)

    def agent_folder(self, site):
        return self.folder / f"agent-{site}"

    def restart_dead(self):
        for process in [self.broker, self.controller, *self.media.values(), *self.agents.values()]:
            if not process.alive():
                process.start()


def one_seed(seed, servers, pause):
    begin = time.monotonic()
    sites = {site: servers // len(SITES) for site in SITES}
    hard = max(1, servers // 50)
    with ChaosMesh(sites, seed, install_ms=1500) as mesh:
        mesh.apply_basics(proof={"minimum": "callback", "within": "180s"}, maxRun="300s", stallAfter="20s")
        mesh.wait_ready(timeout=60 + servers)
        nemesis = Nemesis(mesh, seed)
        nemesis.hurt_bmcs(mesh.names, fatal=hard, harmless=servers // 4)
        mesh.start_rollout("web", select={"labels": {"role": "web"}}, parallel={"total": servers, "perSite": 20},
                           stopAfter={"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"})
        nemesis.start(pause)
        try:
            rage_until(mesh, 15 + servers // 4, 0.8)
        finally:
            nemesis.heal()
        healed = time.monotonic() - begin
        deployments = all_ended(mesh, nemesis, 120 + 2 * servers)
        resolve_stalled(mesh, deployments)
        wait_until("no medium is left", lambda: no_medium_left(mesh), 60, 1)
        exceptions = check_outcomes(deployments, nemesis)
        check_machines(mesh, deployments, exceptions, nemesis)
        events = settled_journals(mesh)
        done = collections.Counter(what.split(" for ")[0].split(" by ")[0] for _, what, _ in nemesis.history)
        print(f"seed {seed}: {len(deployments) - len(exceptions)} of {len(deployments)} SUCCEEDED, {events} events once and in "
              f"order, {len(nemesis.history)} faults, healed after {healed:.0f} s, {time.monotonic() - begin:.0f} s in all")
        print("  " + ", ".join(f"{count} x {what}" for what, count in sorted(done.items())), flush=True)


def all_ended(mesh, nemesis, timeout):
    try:
        return mesh.wait_done("web", timeout, supervise=[mesh.broker, mesh.controller, *mesh.media.values(), *mesh.agents.values()])
    except AssertionError:
        for name, deployment in mesh.deployments("web").items():
            if deployment["state"] not in ("SUCCEEDED", "FAILED"):
                print(f"  {name}: {deployment['state']} {deployment.get('stage')} {deployment.get('note')}")
        print(*nemesis.history, sep="\n")
        raise


def resolve_stalled(mesh, deployments):
    """An installer whose end nobody saw keeps its medium until somebody has looked at it."""
    for deployment in deployments.values():
        if deployment["state"] == "INDETERMINATE":
            mesh.cli("deployment", "resolve", deployment["id"], "--as", "failed", "--note", "it stands still")


def rage_until(mesh, most, share):
    """Faults go on until most of the rollout ended, or for `most` seconds."""
    end = time.monotonic() + most
    while time.monotonic() < end:
        time.sleep(1)
        with contextlib.suppress(OSError, AssertionError):
            states = [d["state"] for d in mesh.deployments("web").values()]
            if states and states.count("SUCCEEDED") >= share * len(states):
                return


def no_medium_left(mesh):
    return all(not server["media"] for server in mesh.truth().values())


def settled_journals(mesh):
    """A store belongs to its agent while that runs, so journals are read when all have stopped. An agent that was stopped
    before its last events were taken gets the time to send them."""
    for attempt in range(10):
        for agent in mesh.agents.values():
            agent.stop()
        with contextlib.suppress(AssertionError if attempt < 9 else ()):
            return check_journals(mesh)
        mesh.restart_dead()
        time.sleep(5)  # for hellos and acknowledgements, not for a result: that is read again
    raise AssertionError("unreachable")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="7")
    parser.add_argument("--servers", type=int, default=40)
    parser.add_argument("--pause", type=float, default=1.5, help="mean seconds between two faults")
    given = parser.parse_args()
    for seed in given.seeds.split(","):
        one_seed(int(seed), given.servers, given.pause)


if __name__ == "__main__":
    main()
