#!/usr/bin/env python3
"""What stands still around us stops nothing of ours: a log that nobody reads, few descriptors and strangers who hold
connections, file systems that do not answer, an image that rots. Each during installs: all of them end right, an abort is
answered within 3 s, and every process ends within 10 s of SIGTERM. METALMESH_LONG_TESTS: 60 servers with few descriptors, and
a box that sleeps."""
import contextlib
import os
import resource
import signal
import socket
import subprocess
import time

from mesh import ROOT, Mesh, Skipped, main, succeeded, wait_until

LONG = bool(os.environ.get("METALMESH_LONG_TESTS"))
INSTALLS = 20
HELD = 2  # servers of a second rollout, to be aborted
DESCRIPTORS = 256
EAGER = {"total": 100, "perSite": 100}
TOLERANT = {"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"}
WEEKS = 8 * 24 * 3600


class Still:
    """A mesh in which something stands still: installs while it does, and what must be true in the end."""

    def __init__(self, mesh, servers=INSTALLS):
        self.mesh, self.names = mesh, sorted(mesh.truth())
        self.web, self.held = self.names[:servers], self.names[servers:servers + HELD]

    def begin(self):
        self.mesh.start_rollout("web", select={"servers": self.web}, parallel=EAGER, stopAfter=TOLERANT)
        wait_until("installers run", lambda: sum(bool(s["installs"]) for s in self.truth_of(self.web)) >= len(self.web) // 2, 60)

    def truth_of(self, names):
        truth = self.mesh.truth()
        return [truth[name] for name in names]

    def end(self, timeout=120):
        """All ended right; an abort and SIGTERM are obeyed in time."""
        succeeded(self.mesh.wait_done("web", timeout))
        self.mesh.check_truth(installed=self.web, untouched=self.held)
        self.abort_in_time()
        self.stop_in_time()

    def abort_in_time(self):
        for server in self.held:
            self.mesh.set_bmc(server, fault={"op": "patch_boot", "when": "before", "action": "drop", "times": 100000})
        self.mesh.start_rollout("held", select={"servers": self.held}, parallel=EAGER, stopAfter=TOLERANT)
        begin = time.monotonic()
        self.mesh.cli("rollout", "stop", "held")
        took = time.monotonic() - begin
        assert took < 3, f"an abort took {took:.1f} s"
        ends = self.mesh.wait_done("held", 60)
        assert {d["state"] for d in ends.values()} == {"CANCELLED"}, ends

    def stop_in_time(self):
        for process in [*self.mesh.agents.values(), *self.mesh.media.values(), self.mesh.controller]:
            begin = time.monotonic()
            code = process.stop(timeout=10)
            assert code == 0, f"{process.name} ended with {code}"
            print(f"  {process.name} ended {time.monotonic() - begin:.1f} s after SIGTERM")


def restart(mesh, processes, **popen):
    """The same programs, started in another way."""
    for process in processes:
        process.stop()
        process.popen = popen
        process.start()
    mesh.wait_api()


def ours(mesh):
    return [mesh.controller, *mesh.media.values(), *mesh.agents.values()]


def basics(mesh, **profile):
    mesh.apply_basics(**profile)
    mesh.apply("site", {"kind": "Site", "metadata": {"name": "par1"}, "spec": {"limits": {"parallel": 60}}})
    mesh.wait_ready()


def nobody_reads_the_log():
    with Mesh({"par1": INSTALLS + HELD}, install_ms=3000) as mesh:
        read, write = os.pipe()
        with contextlib.suppress(AttributeError, OSError):
            import fcntl
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(write, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(write, b"x" * 4096)  # full from the beginning
        os.set_blocking(write, True)
        for process in ours(mesh):
            process.argv += ["--log-level", "debug"]
        restart(mesh, ours(mesh), stderr=write)
        basics(mesh)
        still = Still(mesh)
        still.begin()
        still.end()
        os.close(read)
        os.close(write)


class Strangers:
    """Connections that ask nothing, as many as there may be, opened again when they are closed."""

    def __init__(self, addresses, each):
        self.addresses, self.each, self.sockets = addresses, each, []

    def __enter__(self):
        self.crowd()
        return self

    def crowd(self):
        for address in self.addresses:
            for _ in range(self.each):
                with contextlib.suppress(OSError):
                    self.sockets.append(socket.create_connection(address, timeout=2))

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()


def few_descriptors():
    servers = 60 if LONG else INSTALLS + HELD
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    with Mesh({"par1": servers}, install_ms=3000) as mesh:
        few = (DESCRIPTORS, DESCRIPTORS)
        restart(mesh, ours(mesh), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few))
        api, media = ("127.0.0.1", mesh.api_port), address_of_media(mesh)
        with Strangers([api, media], 400) as strangers:
            basics(mesh)
            faults = [c for s in mesh.get("/servers")["items"] for c in s["status"].get("conditions", []) if c.get("status") == "False"]
            assert not faults, faults[:3]
            still = Still(mesh, servers - HELD)
            strangers.crowd()
            still.begin()
            strangers.crowd()
            still.end(240)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def address_of_media(mesh):
    import json
    listen = json.loads((mesh.folder / "agent-par1.yaml").read_text())["media"]["listen"]
    return listen.rsplit(":", 1)[0], int(listen.rsplit(":", 1)[1])


def a_file_system_that_does_not_answer():
    with Mesh({"par1": INSTALLS + HELD + 1}, install_ms=3000) as mesh:
        shim = mesh.folder / "dead_path.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(shim),
                        str(ROOT / "tests/tools/dead_path.c"), "-ldl"], check=True)
        dead = mesh.folder / "nfs"
        dead.mkdir()
        for agent in mesh.agents.values():
            agent.env |= {"LD_PRELOAD": str(shim), "DEAD_PATH": str(dead)}
        restart(mesh, mesh.agents.values())
        mesh.apply_basics()
        for index in range(3):
            mesh.apply(f"dead{index}", {"kind": "Image", "metadata": {"name": f"dead{index}"}, "spec": {
                "family": "placeholder", "iso": {"urls": [f"file://{dead}/{index}.iso"], "sha256": f"{index}" * 64}}})
            mesh.cli("image", "prefetch", f"dead{index}", "--site", "par1")
        time.sleep(2)  # they hang now
        basics(mesh)
        still = Still(mesh)
        waiting = still.names[-1]
        still.begin()
        mesh.start_rollout("dead", image="dead0", select={"servers": [waiting]}, parallel=EAGER, stopAfter=TOLERANT)
        wait_until("it is told what is waited for, and why", lambda: "has not answered" in
                   mesh.deployments("dead")[waiting].get("note", ""), 60)
        still.end()


def rot(mesh):
    """One bit of the site's image flips, as on a disk that goes bad, and the next look at it is due. Its source is gone."""
    path = mesh.folder / f"agent-par1/images/{mesh.image_sha256}.iso"
    before = path.stat()
    with open(path, "r+b") as file:
        file.seek(before.st_size // 2)
        byte = file.read(1)
        file.seek(before.st_size // 2)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    long_ago = time.time() - WEEKS
    os.utime(path.with_suffix(".ok"), (long_ago, long_ago))
    mesh.image.rename(mesh.image.with_suffix(".gone"))
    return path


def an_image_that_rots():
    with Mesh({"par1": INSTALLS + HELD}, install_ms=15_000) as mesh:
        basics(mesh)
        still = Still(mesh)
        still.begin()
        wait_until("all are launched", lambda: all(s["installs"] for s in still.truth_of(still.web)), 60)
        rot(mesh)
        agent = next(iter(mesh.agents.values()))
        wait_until("the agent notices", lambda: "an image has rotted on this disk" in agent.text(), 30)
        succeeded(mesh.wait_done("web", 120))
        mesh.image.with_suffix(".gone").rename(mesh.image)
        told = [e["message"] for e in mesh.check_events() if e["type"] == "image"]
        assert any("damaged" in message for message in told), told
        still.end()


def a_box_that_sleeps():
    """Agent and media server stop for longer than an installer may be silent, as when their machine is moved."""
    if not LONG:
        raise Skipped("minutes of sleep; METALMESH_LONG_TESTS=1")
    with Mesh({"par1": INSTALLS + HELD}, install_ms=12_000) as mesh:
        basics(mesh)
        still = Still(mesh)
        still.begin()
        wait_until("all are launched", lambda: all(s["installs"] for s in still.truth_of(still.web)), 60)
        box = [*mesh.agents.values(), *mesh.media.values()]
        for process in box:
            process.process.send_signal(signal.SIGSTOP)
        time.sleep(25)  # the installers may be silent for 8 s, 16 at most
        for process in reversed(box):
            process.process.send_signal(signal.SIGCONT)
        still.end(180)


if __name__ == "__main__":
    main([nobody_reads_the_log, few_descriptors, a_file_system_that_does_not_answer, an_image_that_rots,
          a_box_that_sleeps])
