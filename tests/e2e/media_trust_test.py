#!/usr/bin/env python3
"""What the BMC of a real machine does with media, without booting it: trust, refusals, and nothing left behind."""
import base64
import http.server
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import threading
import urllib.request

from machine import SERVER, main, wait_until
from mesh import BIN, ENV, Process, free_port


class Medium(http.server.BaseHTTPRequestHandler):
    """Enough of a file for QEMU to open it."""

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "1048576")
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()

    def log_message(self, *_):
        pass


class Bmc:
    """metalmesh-bmcsim with one real machine, and a server for its media."""

    def __init__(self, *arguments):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="metalmesh-"))
        for name in ("ours", "theirs"):
            subprocess.run([str(BIN / "metalmesh"), "pki", "init", "--dir", str(self.folder / name), "--host", "127.0.0.1",
                            "--site", "par1"], check=True, env=ENV, stdout=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "ours/par1.crt", self.folder / "ours/par1.key")
        self.media = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Medium)
        self.media.socket = context.wrap_socket(self.media.socket, server_side=True)
        threading.Thread(target=self.media.serve_forever, daemon=True).start()
        self.url = f"https://127.79.{os.getpid() % 250}.1:{free_port()}"
        address, port = self.url.removeprefix("https://").split(":")
        self.process = Process("bmcsim", [BIN / "metalmesh-bmcsim", "serve", "--count", 1, "--first-address", address, "--port",
                                          port, "--qemu", SERVER, "--qemu-dir", self.folder, *arguments], self.folder)

    def __enter__(self):
        self.process.start()
        wait_until("the BMC is ready", lambda: "ready" in self.process.text() or not self.process.alive())
        assert self.process.alive(), self.process.text()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.media.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method, data=json.dumps(body).encode() if body else None)
        request.add_header("Authorization", "Basic " + base64.b64encode(b"admin:password").decode())
        with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=30) as reply:
            return json.loads(reply.read())

    def insert(self):
        """The task, when it has ended."""
        image = f"https://127.0.0.1:{self.media.server_port}/m/medium.iso"
        task = self.call("POST", "/redfish/v1/Systems/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia", {"Image": image})
        def ended():
            now = self.call("GET", task["@odata.id"])
            return now if now["TaskState"] != "Running" else None
        return wait_until("the insertion ends", ended)

    def inserted(self):
        return self.call("GET", "/redfish/v1/Systems/1/VirtualMedia/Cd")["Inserted"]


def trusts_the_ca_it_was_given():
    bmc = Bmc()
    bmc.process.argv += ["--media-ca", str(bmc.folder / "ours/ca.crt")]
    with bmc:
        assert bmc.insert()["TaskState"] == "Completed"
        assert bmc.inserted()


def refuses_media_of_another_ca():
    bmc = Bmc()
    bmc.process.argv += ["--media-ca", str(bmc.folder / "theirs/ca.crt")]
    with bmc:
        task = bmc.insert()
        assert task["TaskState"] == "Exception", task
        assert "certificate" in task["Messages"][0]["Message"], task
        assert not bmc.inserted()


def trusts_anything_when_told_so():
    bmc = Bmc("--qemu-trust-any-media")
    bmc.process.argv += ["--media-ca", str(bmc.folder / "theirs/ca.crt")]
    with bmc:
        assert bmc.insert()["TaskState"] == "Completed"


def leaves_no_machine_behind_when_killed():
    with Bmc() as bmc:
        mine = str(bmc.folder / SERVER / "serial.log")
        def running():
            return [p.name for p in pathlib.Path("/proc").glob("[0-9]*")
                    if b"qemu-system" in (line := command_line(p)) and mine.encode() in line]
        assert len(running()) == 1, running()
        bmc.process.kill()
        wait_until("the machine is gone", lambda: not running(), 10)


def command_line(process):
    try:
        return (process / "cmdline").read_bytes()
    except OSError:  # it ended
        return b""


if __name__ == "__main__":
    main([trusts_the_ca_it_was_given, refuses_media_of_another_ca, trusts_anything_when_told_so,
          leaves_no_machine_behind_when_killed])
