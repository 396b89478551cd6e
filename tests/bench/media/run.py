#!/usr/bin/env python3
"""The media server against nginx: throughput, CPU seconds per GiB and latency, and what thousands of slow readers cost.

Both serve the same bytes (ours a composed image, nginx a copy of it) from the page cache with one process on one core, the
same certificate and what OpenSSL agrees on by itself, which is compared. wrk is on the other cores, at the other end of a
line of its own (wire.py; needs root; on loopback CPU is told, not judged). Runs alternate between the two; the medians
count. Gates: rate and CPU at least 0.8 of nginx's, and the p99 of a 64-KiB range with 500 readers at most 1 / 0.8 of
nginx's. The aim is 1.0. Exit code 1 when a gate is missed.

  METALMESH_BIN=build/release/bin tests/bench/media/run.py [--quick] [--seconds 3] [--runs 5] [--json FILE] [--only tls-500-ranges]
"""
import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import load
import slow_readers
import wire
from servers import Metalmesh, Nginx, Place, make_certificate

BIN = pathlib.Path(os.environ.get("METALMESH_BIN", "build/release/bin")).resolve()
MAKE_ISO = pathlib.Path(__file__).resolve().parents[2] / "tools/make_iso.sh"
GATE, AIM = 0.8, 1.0
IMAGE_MB = 256
CHANGES = {"/ks.cfg": b"# answer\n" * 500, "/EFI/BOOT/grub.cfg": b"# menu\n" * 100}
CASES = [(scheme, connections, shape) for scheme in ("plain", "tls") for connections in (1, 50, 500) for shape in ("whole", "ranges")]
READERS = 2000


def name_of(case):
    return "-".join(str(part) for part in case)


def median(loads):
    return load.Load(*(statistics.median(getattr(one, field.name) for one in loads) for field in dataclasses.fields(load.Load)))


def same_bytes(ours, theirs, folder):
    """Nginx's copy comes from ours; both schemes of both servers must then give it again."""
    whole = folder / "www/image.iso"
    for server in (*ours.values(), *theirs.values()):
        server.download(folder / "again")
        if subprocess.run(["cmp", whole, folder / "again"]).returncode != 0:
            sys.exit(f"{type(server).__name__} serves other bytes")
    (folder / "again").unlink()
    if ours["tls"].agreed_tls() != theirs["tls"].agreed_tls():
        sys.exit(f"TLS differs: {ours['tls'].agreed_tls()}, {theirs['tls'].agreed_tls()}")


def measure(case, ours, theirs, scripts, options, client_cpus):
    scheme, connections, shape = case
    seconds = options.seconds + (2 if connections == 500 else 0)  # so many handshakes take a while
    seen = {"metalmesh": [], "nginx": []}
    pair = [("metalmesh", ours[scheme]), ("nginx", theirs[scheme])]
    for number in range(options.runs):
        for name, server in (pair if number % 2 else reversed(pair)):
            seen[name].append(load.run(server, scripts[shape], connections, seconds, client_cpus))
    return {name: median(loads) for name, loads in seen.items()}


def compare_medians(case, result):
    """Ratios where more is better, by what is compared."""
    mine, other = result["metalmesh"], result["nginx"]
    ratios = {"rate": mine.rate / other.rate, "cpu": other.cpu / mine.cpu}
    if case[1:] == (500, "ranges"):
        ratios["p99"] = other.p99 / mine.p99
    return ratios


def print_case(case, result, ratios):
    mine, other = result["metalmesh"], result["nginx"]
    latency = f"{mine.p99:8.1f} {other.p99:8.1f}" if case[2] == "ranges" else ""
    print(f"{case[0]:>5} {case[1]:>5} {case[2]:>6} | {mine.rate:6.2f} {other.rate:6.2f} {ratios['rate']:5.2f} | "
          f"{mine.cpu:6.3f} {other.cpu:6.3f} {ratios['cpu']:5.2f} | {mine.busy:4.0%} {other.busy:4.0%} | {latency}"
          + (f" {ratios['p99']:5.2f}" if "p99" in ratios else ""), flush=True)


def compare(ours, theirs, folder, options, client_cpus):
    size = (folder / "www/image.iso").stat().st_size
    scripts = {shape: load.write_script(folder, shape, size) for shape in ("whole", "ranges")}
    print("                   |  GiB/s                | CPU s per GiB        | busy      | p99 ms\n"
          "  how conns   what |   ours  nginx ratio |   ours  nginx ratio | ours  nginx |     ours    nginx ratio")
    missed, short, records = [], [], []
    for case in CASES:
        if options.only and name_of(case) not in options.only:
            continue
        result = measure(case, ours, theirs, scripts, options, client_cpus)
        ratios = compare_medians(case, result)
        print_case(case, result, ratios)
        judged = {what: ratio for what, ratio in ratios.items() if what != "cpu" or theirs[case[0]].place.line.apart}
        missed += [f"{name_of(case)}: {what} {ratio:.2f} of nginx" for what, ratio in judged.items() if ratio < GATE]
        short += [f"{name_of(case)}: {what} {ratio:.2f}" for what, ratio in judged.items() if GATE <= ratio < AIM]
        records.append({"case": name_of(case), "ratios": ratios} | {name: dataclasses.asdict(one) for name, one in result.items()})
    return missed, short, records


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run of a second each, 500 slow readers")
    parser.add_argument("--seconds", type=int, default=3, help="per run")
    parser.add_argument("--runs", type=int, default=5, help="per server and case")
    parser.add_argument("--only", nargs="*", metavar="CASE", help="such as tls-500-ranges")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.runs = 1, 1
    cpus = sorted(os.sched_getaffinity(0))
    server_cpus, client_cpus = {cpus[0]}, set(cpus[1:] or cpus)
    line = wire.take_up(server_cpus, client_cpus)
    started = []

    def keep(server):
        started.append(server)
        return server

    print(f"load average at the start: {os.getloadavg()[0]:.1f}; the servers have core {cpus[0]}, wrk has {sorted(client_cpus)}; {line.text()}")
    with tempfile.TemporaryDirectory(prefix="media-bench-") as name:
        folder = pathlib.Path(name)
        try:
            (folder / "www").mkdir()
            place = Place(folder, line, server_cpus)
            make_certificate(folder)
            image = folder / "base.iso"
            subprocess.run([MAKE_ISO, image, str(IMAGE_MB)], check=True, stderr=subprocess.DEVNULL)
            ours = {scheme: keep(Metalmesh(place, scheme == "tls", BIN / "metalmesh-agent", image, CHANGES))
                    for scheme in ("plain", "tls")}
            ours["plain"].download(folder / "www/image.iso")
            theirs = {scheme: keep(Nginx(place, scheme == "tls")) for scheme in ("plain", "tls")}
            same_bytes(ours, theirs, folder)
            print(f"{IMAGE_MB} MiB, TLS: {ours['tls'].agreed_tls()}")
            missed, short, records = compare(ours, theirs, folder, options, client_cpus)
            crowd = None
            if not options.only:
                ours["tls"].stop()  # what an earlier crowd left in its heap would hide this one
                started[started.index(ours["tls"])] = fresh = Metalmesh(place, True, BIN / "metalmesh-agent", image, CHANGES, "crowd")
                crowd = slow_readers.measure(fresh, 500 if options.quick else READERS)
        finally:
            for server in started:
                server.stop()
    if crowd is not None:
        print(crowd.text())
        missed += crowd.missed()
    print(f"load average at the end: {os.getloadavg()[0]:.1f}")
    if options.json:
        options.json.write_text(json.dumps({"cases": records, "readers": crowd and dataclasses.asdict(crowd)}, indent=1) + "\n")
    if short:
        print("below the aim: " + "; ".join(short))
    print("missed: " + "; ".join(missed) if missed else "all gates held" + ("" if line.apart else ", processor time not judged"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
