#!/usr/bin/env python3
"""Answers of generated orders, judged by what their installers use (tests/tools/answers). 50 orders of each family; with
METALMESH_LONG_TESTS 2,000: every wish of a host alone, all pairs, the rest at random. ANSWER_SEED repeats one."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

LONG = bool(os.environ.get("METALMESH_LONG_TESTS"))
FAMILIES = ["rhel", "debian", "ubuntu", "coreos", "flatcar", "esxi", "proxmox", "xcp-ng", "windows", "autoyast", "agama"]
TOOLS = pathlib.Path(__file__).resolve().parents[1] / "tools/answers"
BIN = pathlib.Path(os.environ.get("METALMESH_BIN", "build/ci/bin"))
CHECKERS = BIN.parents[1] / "answer-checkers"  # kept: they are fetched once


def main():
    subprocess.run([TOOLS / "get_checkers.sh", CHECKERS], check=True)
    python = CHECKERS / "venv/bin/python"
    if not (CHECKERS / "venv/done").exists():
        print("skipped: pykickstart and what cloud-init needs cannot be fetched from PyPI")
        sys.exit(77)
    seed = os.environ.get("ANSWER_SEED", str(int(time.time())) if LONG else "7")
    print(f"ANSWER_SEED={seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        judged = []
        for family in FAMILIES:
            out = pathlib.Path(folder) / family
            subprocess.run([BIN / "mm_answers", "--family", family, "--orders", "2000" if LONG else "50", "--seed", seed,
                            "--out", out], check=True, stdout=subprocess.DEVNULL)
            judged.append(f"{family}={out}")
        sys.exit(subprocess.run([python, TOOLS / "judge.py", CHECKERS, *judged]).returncode)


if __name__ == "__main__":
    main()
