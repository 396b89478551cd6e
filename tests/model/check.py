#!/usr/bin/env python3
"""Runs spin on install.pml: no error in any scenario, no cycle, and a counterexample for every mutant.

usage: check.py [--long]     --long also runs the scenarios that take minutes
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile
import time

MODEL = pathlib.Path(__file__).resolve().parent / "install.pml"
BUDGETS = ("ORDERS", "CRASHES", "REPEATS", "MEDIA_CRASHES", "HOST_RESETS", "LOSSES", "RETRIES", "RESOLVES",
           "TALK_LOSSES")


def budget(orders=1, crashes=0, repeats=0, media_crashes=0, host_resets=0, losses=0, retries=0, resolves=0,
           talk_losses=0):
    given = (orders, crashes, repeats, media_crashes, host_resets, losses, retries, resolves, talk_losses)
    return tuple(f"-D{name}={value}" for name, value in zip(BUDGETS, given))


# What may go wrong, and how often, in one scenario. The product of everything at once does not fit in a minute.
SCENARIOS = {
    "crashes, media, lost requests": budget(crashes=2, media_crashes=1, host_resets=1, losses=1),
    "retry, host resets twice": budget(crashes=1, host_resets=2, retries=1),
    "commands said again": budget(crashes=1, repeats=1, host_resets=1),
    "two orders, said again": budget(orders=2, repeats=1),
    "a person's word": budget(crashes=1, host_resets=1, resolves=1),
    "the talk is lost": budget(crashes=1, host_resets=1, losses=1, talk_losses=2),
}
LONG = {
    "two orders, crash, host reset": budget(orders=2, crashes=1, host_resets=1),
    "two orders, crash, said again": budget(orders=2, crashes=1, repeats=1),
    "everything once": budget(crashes=1, repeats=1, media_crashes=1, host_resets=1, losses=1, retries=1),
}

PLAIN = budget(crashes=1, host_resets=1)
AGAIN = budget(crashes=1, repeats=1)
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
}


def run(argv, folder):
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0 and argv[0] != "./pan":
        sys.exit(f"{' '.join(argv)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def verify(flags, cycles=False):
    """(errors, states, what was violated). With `cycles` any cycle at all is an error."""
    with tempfile.TemporaryDirectory(prefix="metalmesh-model-") as folder:
        run(["spin", *flags, "-a", str(MODEL)], folder)
        kind = ["-DNP", "-DNOFAIR"] if cycles else ["-DSAFETY"]
        run(["gcc", "-w", "-O1", "-DCOLLAPSE", "-DMEMLIM=4000", *kind, "-o", "pan", "pan.c"], folder)
        text = run(["./pan", "-m100000", *(["-l"] if cycles else [])], folder)
    errors = re.search(r"errors: (\d+)", text)
    states = re.search(r"(\d+) states, stored", text)
    if not errors or not states or "Search not completed" in text and errors[1] == "0":
        sys.exit(f"spin did not finish:\n{text}")
    violated = re.search(r"pan:1: (.*) \(at depth", text)
    return int(errors[1]), int(states[1]), violated[1] if violated else ""


def main():
    begin = time.monotonic()
    scenarios = {**SCENARIOS, **(LONG if "--long" in sys.argv else {})}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        safe = {name: pool.submit(verify, flags) for name, flags in scenarios.items()}
        acyclic = pool.submit(verify, PLAIN, True)
        planted = {name: pool.submit(verify, (*flags, f"-DMUT_{name}")) for name, flags in MUTANTS.items()}
    wrong = []
    for name, future in [*safe.items(), ("no cycle: every run comes to its end", acyclic)]:
        errors, states, violated = future.result()
        print(f"{'ok' if errors == 0 else 'BAD':4}{states:>10} states  {name}  {violated}")
        wrong += [name] if errors else []
    for name, future in planted.items():
        errors, states, violated = future.result()
        print(f"{'ok' if errors else 'BAD':4}{states:>10} states  mutant {name}: {violated or 'NOT CAUGHT'}")
        wrong += [] if errors else [name]
    print(f"{len(scenarios) + 1} runs without error, {len(MUTANTS)} mutants, {time.monotonic() - begin:.0f} s"
          if not wrong else f"failed: {', '.join(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
