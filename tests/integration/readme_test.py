#!/usr/bin/env python3
"""The README's tour, typed as it stands: its ```sh terminal block in one shell, all ```sh tour blocks in another, with a
home of their own and this build's programs where the reader has them."""
import ctypes
import fcntl
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile

from mesh import BIN, ENV, ROOT, Process, main, wait_until


# Agents take a credential up within a second; a reader is never as fast as this shell.
TAKEN_UP = 'until grep -q "credentials of this site names=par1-bmc" ~/.local/state/metalmesh/log/agent-par1.log; do sleep 0.1; done\n'


def blocks(kind):
    return re.findall(rf"^```sh {kind}\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def own_network():
    """A loopback of its own, where that is allowed: the tour uses the ports that readers use, and so may others here."""
    new_network, up_and_running, set_flags = 0x40000000, 0x41, 0x8914
    if ctypes.CDLL(None).unshare(new_network) == 0:
        with socket.socket() as any_socket:
            fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", up_and_running))


def checkout(folder):
    """Looks like a built checkout and takes what the tour writes."""
    (folder / "build/ci").mkdir(parents=True)
    (folder / "build/ci/bin").symlink_to(BIN)
    (folder / "tests").symlink_to(ROOT / "tests")
    return folder


def the_tour_works_as_it_is_written():
    own_network()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mm-readme-"))
    here, home = checkout(folder / "checkout"), folder / "home"
    home.mkdir()
    env = {**ENV, "HOME": str(home)}
    env.pop("XDG_STATE_HOME", None)
    [in_first] = blocks("terminal")
    typed = "".join(block + (TAKEN_UP if "credential set" in block else "") for block in blocks("tour"))
    assert typed.count("\n") > 30 and TAKEN_UP in typed, "the tour was not found"
    up = Process("up", ["bash", "-c", f"cd '{here}' && exec {in_first}"], folder, {"HOME": str(home)})
    try:
        up.start()

        def ready():
            assert up.alive(), up.text()
            return "The mesh is up" in up.text()
        wait_until("the mesh is up", ready, 60)
        shell = subprocess.run(["bash", "-euxo", "pipefail", "-c", typed + "\nkill %1\n"], cwd=here, env=env, capture_output=True,
                               text=True, timeout=300)
        said = shell.stdout + shell.stderr
        assert shell.returncode == 0, said
        for promised in ("par1-n001: SUCCEEDED", "installed", "excluded"):
            assert promised in said, (promised, said)
        assert "agent par1 ended (killed by signal 9" in up.text() and "agent par1 is ready again" in up.text(), up.text()
        os.kill(up.process.pid, signal.SIGINT)
        assert up.process.wait(30) == 0, up.text()
    except AssertionError:
        print(up.text())
        raise
    finally:
        up.kill()


if __name__ == "__main__":
    main([the_tour_works_as_it_is_written])
