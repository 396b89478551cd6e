"""What goes wrong, drawn from a seed: the same seed gives the same faults, to the same targets, in the same order.

Every fault is written down before it is done, so that a failed deployment can be held against what was done to it.
`supervise` plays systemd: whoever died is started again.
"""
import contextlib
import os
import random
import signal
import threading
import time
import urllib.error

# What is done to single servers before they are installed. `may` names the failures it explains; empty: it must not
# even be noticed.
BMC_FAULTS = {
    "insert answered, connection dropped": (dict(fault={"op": "insert", "when": "after", "action": "drop"}), ()),
    "insert lost": (dict(fault={"op": "insert", "when": "before", "action": "drop"}), ()),
    "power-on done, answer dropped": (
        dict(fault={"op": "reset", "when": "after", "action": "drop", "resetType": "On"}), ()),
    "power-on lost": (dict(fault={"op": "reset", "when": "before", "action": "drop", "resetType": "On"}), ()),
    "busy at power-on": (dict(fault={"op": "reset", "action": "status", "status": 503, "times": 2}), ()),
    "eject lost": (dict(fault={"op": "eject", "when": "before", "action": "drop"}), ()),
    "login answered, connection dropped": (dict(fault={"op": "login", "when": "after", "action": "drop"}), ()),
    "asynchronous insert": (dict(asyncInsert=True), ()),
    "wants If-Match": (dict(requireIfMatch=True), ()),
    "boots the CD whatever Once says": (dict(cdFirst=True), ()),
    "never reads its medium": (dict(neverReads=True), ("MEDIA_NOT_REACHED", "BOOT_IGNORED", "ORDER_EXPIRED")),
    "stops reading half-way": (dict(stopsReadingAt=50), ("INSTALLER_STALLED", "INSTALLER_TIMEOUT")),
    "no virtual media": (dict(hasVirtualMedia=False), ("NO_VIRTUAL_MEDIA",)),
}
FATAL = [name for name, (_, may) in BMC_FAULTS.items() if may]
HARMLESS = [name for name, (_, may) in BMC_FAULTS.items() if not may]


class Nemesis:
    def __init__(self, mesh, seed):
        self.mesh, self.random = mesh, random.Random(seed)
        self.history = []  # (seconds, what, whom)
        self.hurt = {}     # server -> BMC fault
        self.begin = time.monotonic()
        self.stopped = threading.Event()
        self.held = []     # pids under SIGSTOP
        self.acts = [(5, self.kill), (2, self.kill_media), (3, self.freeze), (3, self.lose_broker), (4, self.cut),
                     (2, self.slow_down), (2, self.bmc_away)]
        if mesh.small_disks:
            self.acts.append((2, self.fill_disk))

    def note(self, what, whom):
        self.history.append((round(time.monotonic() - self.begin, 1), what, whom))

    def hurt_bmcs(self, servers, fatal, harmless):
        chosen = self.random.sample(sorted(servers), fatal + harmless)
        for index, server in enumerate(chosen):
            kinds = FATAL if index < fatal else HARMLESS
            self.hurt[server] = self.random.choice(kinds)
            self.note(self.hurt[server], server)
            self.mesh.set_bmc(server, **BMC_FAULTS[self.hurt[server]][0])

    # ---- acts; each ends what it began
    def someone(self):
        site = self.random.choice(sorted(self.mesh.sites))
        return self.random.choice([self.mesh.agents[site], self.mesh.agents[site], self.mesh.controller])

    def kill(self):
        process = self.someone()
        self.note("kill -9", process.name)
        process.kill()

    def kill_media(self):
        media = self.mesh.media[self.random.choice(sorted(self.mesh.sites))]
        self.note("kill -9 of the media server", media.name)
        media.kill()

    def freeze(self):
        process, span = self.someone(), self.random.uniform(0.5, 4)
        self.note(f"SIGSTOP for {span:.1f} s", process.name)
        if not process.alive():
            return
        pid = process.process.pid
        os.kill(pid, signal.SIGSTOP)
        self.held.append(pid)
        self.stopped.wait(span)
        self.held.remove(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def lose_broker(self):
        self.note("kill -9, all its data lost", "mosquitto")
        self.mesh.broker.kill()

    def link(self):
        name = self.random.choice(sorted(self.mesh.links.by_name))
        return name, self.mesh.links.by_name[name]

    def cut(self):
        (name, link), span = self.link(), self.random.uniform(0.5, 6)
        mode = self.random.choice(["refusing", "silent"])
        self.note(f"link {mode} for {span:.1f} s", name)
        link.set(mode)
        self.stopped.wait(span)
        link.set("open")

    def slow_down(self):
        (name, link), delay = self.link(), self.random.uniform(0.05, 0.4)
        self.note(f"link slower by {delay:.2f} s", name)
        link.set("open", delay)
        self.stopped.wait(3)
        link.set("open")

    def bmc_away(self):
        server = self.random.choice(sorted(self.mesh.names))
        span = self.random.uniform(0.5, 2.5)  # shorter than timeouts.unreachable
        self.note(f"BMC silent for {span:.1f} s", server)
        self.mesh.set_bmc(server, unreachable=True)
        self.stopped.wait(span)
        self.mesh.set_bmc(server, unreachable=False)

    def fill_disk(self):
        name = self.random.choice(sorted(self.mesh.small_disks))
        span = self.random.uniform(1, 4)
        self.note(f"disk full for {span:.1f} s", name)
        filler = self.mesh.small_disks[name] / "filler"
        with open(filler, "wb") as out, contextlib.suppress(OSError):
            for size in (1 << 30, 1 << 27, 1 << 24, 1 << 20, 1 << 16, 1 << 12):  # from coarse to the last page
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(out.fileno(), os.fstat(out.fileno()).st_size, size)
        self.stopped.wait(span)
        filler.unlink()

    # ---- threads
    def rage(self, pause):
        """Until `heal`: one act after the other, with a pause between them."""
        weights = [weight for weight, _ in self.acts]
        while not self.stopped.is_set():
            act = self.random.choices(self.acts, weights)[0][1]
            with contextlib.suppress(urllib.error.URLError, OSError):
                act()
            self.stopped.wait(self.random.uniform(0.3, 1.7) * pause)

    def supervise(self):
        while not self.stopped.is_set():
            self.mesh.restart_dead()
            self.stopped.wait(0.3)

    def start(self, pause):
        self.threads = [threading.Thread(target=self.rage, args=(pause,), daemon=True),
                        threading.Thread(target=self.supervise, daemon=True)]
        for thread in self.threads:
            thread.start()

    def heal(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(30)
        for pid in self.held:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.mesh.links.heal()
        self.mesh.restart_dead()
