"""Load by wrk, a program that others wrote: so many connections, whole files or random ranges of 64 KiB, for some seconds."""
import os
import pathlib
import re
import subprocess
import sys
import time
from dataclasses import dataclass

GIB = 1 << 30
RANGE = 64 * 1024

# wrk counts every byte that it reads, also of responses that the end of the run cuts off.
REPORT = """
function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format("SUMMARY bytes=%d micros=%d requests=%d failed=%d p50=%d p99=%d", summary.bytes, summary.duration,
    summary.requests, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""
RANGES = """
local number = 0
function setup(thread)
  number = number + 1
  thread:set("seed", number)
end
function init(args)
  math.randomseed(seed)
end
function request()
  local first = math.random(0, BLOCKS - 1) * 65536
  return wrk.format("GET", nil, {["Range"] = string.format("bytes=%d-%d", first, first + 65535)})
end
"""


@dataclass
class Load:
    """What one run brought. `busy` is the server's share of one core: below one, something else was the bottleneck."""
    rate: float        # GiB per second
    cpu: float         # seconds of the server's core per GiB, the kernel's part included
    busy: float
    p99: float         # milliseconds, of whole responses


def busy_seconds(cpus):
    """What these cores did since the machine started, for processes and interrupts; the server must be alone on them."""
    seconds = 0.0
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cpus:
            user, nice, system, _, _, irq, softirq = map(int, ticks[:7])
            seconds += (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
    return seconds


def write_script(folder, shape, image_bytes):
    script = pathlib.Path(folder) / f"{shape}.lua"
    script.write_text(REPORT if shape == "whole" else RANGES.replace("BLOCKS", str(image_bytes // RANGE)) + REPORT)
    return script


def run(server, script, connections, seconds, cpus):
    threads = min(len(cpus), connections)
    argv = ["wrk", "-t", threads, "-c", connections, "-d", f"{seconds}s", "--timeout", "60s", "-s", script, server.url]
    begin_cpu, begin = busy_seconds(server.place.cpus), time.monotonic()
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    took, cpu = time.monotonic() - begin, busy_seconds(server.place.cpus) - begin_cpu
    found = re.search(r"SUMMARY (.*)", done.stdout)
    if found is None:
        sys.exit(f"wrk failed: {done.stdout}{done.stderr}")
    facts = {name: int(value) for name, value in (pair.split("=") for pair in found.group(1).split())}
    if not facts["bytes"]:
        sys.exit(f"nothing was read in {seconds} s through {connections} connections: the machine is too busy, give more --seconds")
    if facts["failed"]:
        sys.exit(f"{type(server).__name__} at {connections} connections: {done.stdout}")
    gib = facts["bytes"] / GIB
    return Load(gib / (facts["micros"] / 1e6), cpu / gib, cpu / took, facts["p99"] / 1000)
