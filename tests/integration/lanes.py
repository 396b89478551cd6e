"""Tests of one script that wait most of the time, some of them at once, each in a process of its own."""
import concurrent.futures
import signal
import subprocess
import sys

import mesh


def main(alone, lanes, tests):
    """As mesh.main. All of them are those of `alone`, one after the other, as they measure seconds, then `tests`, as many at a time
    as there are lanes, in their order: the longest first."""
    if sys.argv[1:]:
        mesh.main([*alone, *tests])
        return
    running = set()

    def run(test):
        process = subprocess.Popen([sys.executable, sys.argv[0], test.__name__], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        running.add(process)
        said, _ = process.communicate()
        running.discard(process)
        print(said, end="", flush=True)
        return process.returncode == 0

    def end(*_):
        for process in list(running):
            process.terminate()  # each ends its own mesh
        sys.exit(1)

    signal.signal(signal.SIGTERM, end)
    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        good = [result for test in alone for result in pool.map(run, [test])]
        good += pool.map(run, tests)
    failed = [test.__name__ for test, fine in zip([*alone, *tests], good) if not fine]
    assert not failed, failed
