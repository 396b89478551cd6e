#!/usr/bin/env python3
"""Runs spin on order.pml: no error in any scenario, no cycle, and a counterexample for every mutant.

usage: check.py [--long]     --long also runs the scenarios that take minutes
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

MODEL = pathlib.Path(__file__).resolve().parent / "order.pml"
BUDGETS = ("ORDERS", "CRASHES", "REPEATS", "MEDIA_CRASHES", "HOST_RESETS", "LOSSES", "RETRIES", "RESOLVES",
           "TALK_LOSSES", "MEANWHILE", "WORKS", "LATE_INSERTS")


def budget(orders=1, crashes=0, repeats=0, media_crashes=0, host_resets=0, losses=0, retries=0, resolves=0,
           talk_losses=0, meanwhile=0, works=0, late_inserts=0):
    given = (orders, crashes, repeats, media_crashes, host_resets, losses, retries, resolves, talk_losses, meanwhile,
             works, late_inserts)
    return tuple(f"-D{name}={value}" for name, value in zip(BUDGETS, given))


# What may go wrong, and how often, in one scenario. The product of everything at once does not fit in a minute.
SCENARIOS = {
    "crashes, media, lost requests": budget(crashes=2, media_crashes=1, host_resets=1, losses=1),
    "retry, host resets twice": budget(crashes=1, host_resets=2, retries=1),
    "commands said again": budget(crashes=1, repeats=1, host_resets=1),
    "two orders at any time, said again": budget(orders=2, repeats=1, meanwhile=1),
    "a person's word": budget(crashes=1, host_resets=1, resolves=1),
    "the talk is lost": budget(crashes=1, host_resets=1, losses=1, talk_losses=2),
    "insert after ARM": budget(crashes=1, host_resets=1, losses=1, late_inserts=1),
    "one work of another kind": budget(crashes=2, repeats=1, host_resets=1, losses=2, resolves=1, works=1),
    "works of two kinds at any time": budget(orders=2, crashes=1, meanwhile=1, works=1),
}
LONG = {
    "two orders, crash, host reset": budget(orders=2, crashes=1, host_resets=1),
    "two orders, crash, said again": budget(orders=2, crashes=1, repeats=1),
    "works of two kinds, said again": budget(orders=2, repeats=1, meanwhile=1, works=1),
    "works of two kinds, host reset": budget(orders=2, host_resets=1, losses=1, meanwhile=1, works=1),
    "insert after ARM, retry": budget(crashes=1, host_resets=2, losses=1, retries=1, late_inserts=1),
    "everything once": budget(crashes=1, repeats=1, media_crashes=1, host_resets=1, losses=1, retries=1),
}

PLAIN = budget(crashes=1, host_resets=1)
AGAIN = budget(crashes=1, repeats=1)
ONE_WORK = budget(crashes=1, host_resets=1, losses=1, works=1)
ACYCLIC = {
    "no cycle: every run comes to its end": budget(crashes=1, host_resets=1, late_inserts=1),
    "no cycle, other kinds": ONE_WORK,
}
MUTANTS = {  # the planted bug, and the smallest scenario that shows it
    "FENCE_ALWAYS_OPEN": PLAIN,
    "EXPIRY_IGNORED": PLAIN,
    "OPTIMISTIC_CLOCK": PLAIN,
    "EFFECT_BEFORE_COMMIT": PLAIN,
    "ACK_BEFORE_COMMIT": PLAIN,
    "ANSWER_BEFORE_COMMIT": PLAIN,
    "RESUME_BLINDLY": PLAIN,
    "CANCEL_ALWAYS_GRANTED": PLAIN,
    "CONTROLLER_ASSUMES": PLAIN,
    "POWER_ON_BEFORE_DEAD": PLAIN,
    "POWER_OFF_WITH_FENCE_OPEN": PLAIN,
    "MOUNT_OUTLIVES_INSTALLER": budget(crashes=1, host_resets=1, losses=1),
    "NO_GENERATION_FENCE": AGAIN,
    "VOLATILE_TOMBSTONE": AGAIN,
    "TOMBSTONE_NOT_MAX": budget(orders=2, repeats=2),
    "ENDS_ARE_FINAL": budget(resolves=1),
    "TALK_ENDS_MEDIUM": budget(talk_losses=1),
    "INSERT_WITH_FENCE_OPEN": budget(host_resets=1, losses=1, late_inserts=1),
    "POWER_WHILE_BUSY": budget(orders=2, meanwhile=1, works=1),
    "POWER_CANCELLED_AFTER_ARM": ONE_WORK,
    "CYCLE_REPEATED": ONE_WORK,
    "CYCLE_BELIEVED": ONE_WORK,
    "READING_RAISES_GENERATION": ONE_WORK,
}


def run(argv, folder):
    """What it printed, its processor time in seconds and its memory in MiB at most."""
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        text = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 and argv[0] != "./pan":
        sys.exit(f"{' '.join(argv)}:\n{text}")
    return text, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024


def verify(flags, cycles=False, effort="-O1"):
    """(errors, what to print of it, what was violated). With `cycles` any cycle at all is an error."""
    with tempfile.TemporaryDirectory(prefix="metalmesh-model-") as folder:
        run(["spin", *flags, "-a", str(MODEL)], folder)
        kind = ["-DNP", "-DNOFAIR"] if cycles else ["-DSAFETY"]
        run(["gcc", "-w", effort, "-DCOLLAPSE", "-DMEMLIM=4000", *kind, "-o", "pan", "pan.c"], folder)
        text, seconds, memory = run(["./pan", "-m100000", *(["-l"] if cycles else [])], folder)
    errors = re.search(r"errors: (\d+)", text)
    states = re.search(r"(\d+) states, stored", text)
    if not errors or not states or "Search not completed" in text and errors[1] == "0":
        sys.exit(f"spin did not finish {' '.join(flags)}:\n{text}")
    violated = re.search(r"pan:1: (.*) \(at depth", text)
    return int(errors[1]), f"{states[1]:>10} states {seconds:6.1f} s {memory:5} MiB", violated[1] if violated else ""


def main():
    begin = time.monotonic()
    scenarios = {**SCENARIOS, **(LONG if "--long" in sys.argv else {})}
    with concurrent.futures.ThreadPoolExecutor(min(2, len(os.sched_getaffinity(0)))) as pool:
        safe = {name: pool.submit(verify, flags) for name, flags in scenarios.items()}
        acyclic = {name: pool.submit(verify, flags, True) for name, flags in ACYCLIC.items()}
        planted = {  # found so soon that the compiler would be most of it
            name: pool.submit(verify, (*flags, f"-DMUT_{name}"), effort="-O0") for name, flags in MUTANTS.items()
        }
        wrong = []
        for name, future in {**safe, **acyclic}.items():
            errors, effort, violated = future.result()
            print(f"{'ok' if errors == 0 else 'BAD':4}{effort}  {name}  {violated}", flush=True)
            wrong += [name] if errors else []
        for name, future in planted.items():
            errors, effort, violated = future.result()
            print(f"{'ok' if errors else 'BAD':4}{effort}  mutant {name}: {violated or 'NOT CAUGHT'}", flush=True)
            wrong += [] if errors else [name]
    print(f"failed: {', '.join(wrong)}" if wrong else
          f"{len(scenarios) + len(ACYCLIC)} runs without error, {len(MUTANTS)} mutants, {time.monotonic() - begin:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
