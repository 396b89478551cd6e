"""What a process costs, read from the kernel: CPU time, and memory with shared pages divided (PSS).

Nothing is asked of the process itself, so measuring adds nothing to what is measured.
"""
import pathlib
import threading
import time

MIB = 1024 * 1024


def cpu_seconds(pid: int) -> float:
    """All threads, ended ones too. The clock's id is what clock_getcpuclockid(3) gives for `pid`."""
    scheduler_clock = 2
    return time.clock_gettime((~pid << 3) | scheduler_clock)


class ThreadCpu:
    """CPU seconds of a process without the threads whose names begin with `without`: those that are there now."""

    def __init__(self, pid: int, without: str):
        tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
        self.files = [task / "schedstat" for task in tasks if not (task / "comm").read_text().startswith(without)]

    def read(self) -> float:
        return sum(int(file.read_text().split()[0]) for file in self.files) / 1e9


def _field(path: str, name: str) -> int:
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"{path} has no {name}")


def pss(pid: int) -> int:
    return _field(f"/proc/{pid}/smaps_rollup", "Pss")


def rss(pid: int) -> int:
    return _field(f"/proc/{pid}/status", "VmRSS")


class PeakMemory:
    """Samples the PSS of named processes until the block ends; keeps the moment at which their sum peaked."""

    def __init__(self, pids: dict, every=0.25):
        self.pids, self.every = pids, every
        self.peak = {name: 0 for name in pids}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def total(self) -> int:
        return sum(self.peak.values())

    def _run(self):
        while True:
            now = {name: pss(pid) for name, pid in self.pids.items()}
            if sum(now.values()) > self.total():
                self.peak = now
            if self._stop.wait(self.every):
                return


class CpuMeter:
    """CPU seconds by name since `start`."""

    def __init__(self, pids: dict):
        self.pids = pids
        self.start()

    def start(self):
        self.before = self._read()

    def read(self) -> dict:
        return {name: value - self.before[name] for name, value in self._read().items()}

    def _read(self) -> dict:
        return {name: cpu_seconds(pid) for name, pid in self.pids.items()}
