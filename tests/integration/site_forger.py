"""Whoever stole a site's box: its certificate, its key, and what its site is told on the bus. It says what an agent could say, and what
none would, signed like an agent's words."""
import contextlib
import hashlib
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import mqtt_frames as mqtt
from chaos import journal

HUGE = 2**64 - 2
SUCCEEDED, CANCELLED, FAILED = 1, 4, 3
NASTY = "\x1b]0;owned\x07\x1b[2J\u202e\r\n2026-01-01 forged"


def varint(value):
    out = b""
    while True:
        value, digit = value >> 7, value & 127
        out += bytes([digit | (128 if value else 0)])
        if not value:
            return out


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def message(**by_number):
    """f1=..., f2=...: the fields in the order of their numbers."""
    return b"".join(field(int(name[1:]), value) for name, value in by_number.items() if value not in (0, b"", ""))


class Forger(threading.Thread):
    """Connects under the site's name, again and again: a broker lets in one of a name, so the living agent and this one take turns."""

    def __init__(self, mesh, site, targets=list):
        super().__init__(daemon=True)
        self.pki, self.port, self.site, self.targets = mesh.pki, mesh.broker_port, site, targets
        self.over, self.sent, self.heard, self.number, self.overheard = False, 0, 0, 0, []
        self.context = ssl.create_default_context(cafile=str(mesh.pki / "ca.crt"))
        self.context.load_cert_chain(mesh.pki / f"{site}.crt", mesh.pki / f"{site}.key")
        self.key = (mesh.pki / f"site-keys/{site}.key").read_bytes()  # as it was stolen
        spki = subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER"], input=self.key, capture_output=True, check=True).stdout
        self.key_id = hashlib.sha256(spki).digest()[:16]

    def sealed(self, kind, payload):
        with tempfile.NamedTemporaryFile() as said, tempfile.NamedTemporaryFile() as key:
            said.write(b"metalmesh/1\0" + kind.encode() + b"\0" + payload)
            key.write(self.key)
            said.flush(), key.flush()
            signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", key.name, "-rawin", "-in", said.name], capture_output=True,
                                       check=True).stdout
        return message(f1=kind, f2=payload, f3=message(f1=self.key_id, f2=signature))

    def say(self, sock, kind, payload):
        self.number = self.number % 60000 + 1
        sock.sendall(mqtt.publish(f"mm/1/{self.site}/up", self.sealed(kind, payload), self.number))
        self.sent += 1

    def hello(self, **more):
        return message(**{"f1": os.urandom(16).hex(), "f2": os.urandom(8).hex(), "f3": 1, "f8": os.urandom(16), "f11": "0.9 " + NASTY, **more})

    def events(self):
        """Facts about what is not its own."""
        for server, deployment, generation in self.targets():
            about = {"f2": server, "f3": deployment, "f4": generation}
            yield message(**about) + field(13, b"")
            for outcome in (CANCELLED, FAILED, SUCCEEDED):
                yield message(**about, f15=message(f1=outcome, f3=NASTY, f5=1))
        yield message(f2="nobody" + NASTY, f15=message(f1=SUCCEEDED, f3="x" * 30000))

    def answer(self, sock, payload):
        """To a Welcome: facts behind the last one that the controller has of this site, and acknowledgements of what was never sent."""
        told = dict(journal.fields(dict(journal.fields(payload))[2]))
        name, at, head = told.get(6, b"").decode(), told.get(7, 0), told.get(8, b"")
        entries = list(self.events())
        self.say(sock, "data", b"".join([message(f1=name, f2=at + 1, f3=head), *(field(4, e) for e in entries)]))
        self.say(sock, "data", message(f1=name, f2=HUGE, f3=b"x" * 32, f4=entries[-1]))
        self.say(sock, "ack", message(f1=told.get(9, b"").decode(), f2=HUGE, f3=HUGE, f4=b"x" * 32))
        self.say(sock, "resync", message(f1=told.get(9, b"").decode(), f2=1))
        self.say(sock, "blob_want", message(f1=hashlib.sha256(b"").hexdigest(), f2=HUGE))
        for epoch in (HUGE, told.get(5, 0) + 1):
            self.say(sock, "hello", self.hello(f1=name, f3=at + 1, f4=head, f5=told.get(9, b"").decode(), f6=HUGE, f9=told.get(3, b""), f12=epoch,
                                               f14=1, f15=NASTY, f16=HUGE))

    def run(self):
        while not self.over:
            with contextlib.suppress(OSError), socket.create_connection(("localhost", self.port), timeout=3) as raw, \
                    self.context.wrap_socket(raw, server_hostname="localhost") as sock:
                sock.settimeout(0.3)
                sock.sendall(mqtt.connect(self.site))
                sock.sendall(mqtt.subscribe(f"mm/1/{self.site}/down") + mqtt.subscribe("mm/1/+/down") + mqtt.subscribe("mm/1/+/up"))
                self.say(sock, "hello", self.hello())
                self.listen(sock)

    def listen(self, sock):
        buffer, end = b"", time.monotonic() + 1.5
        while time.monotonic() < end:
            try:
                got = sock.recv(1 << 20)
            except TimeoutError:
                continue
            if not got:
                break
            buffer += got
            while len(packet := self.first(buffer)) > 0:
                buffer = buffer[len(packet):]
                if packet[0] >> 4 != mqtt.PUBLISH:
                    continue
                at = next(i for i in range(1, 5) if packet[i] < 128) + 1
                topic, payload, _ = mqtt.published(packet[0] & 15, packet[at:])
                if topic != f"mm/1/{self.site}/down":
                    self.overheard.append(topic)
                self.heard += 1
                if dict(journal.fields(payload))[1] == b"welcome":
                    self.answer(sock, payload)

    @staticmethod
    def first(buffer):
        """The first whole packet of it."""
        size = shift = 0
        for at in range(1, min(len(buffer), 5)):
            size, shift = size | (buffer[at] & 127) << shift, shift + 7
            if buffer[at] < 128:
                return buffer[:at + 1 + size] if len(buffer) >= at + 1 + size else b""
        return b""
