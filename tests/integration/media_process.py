"""The media process alone, with a test in the agent's place: orders go in and reports come out over its socket."""
import http.client
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading

from mesh import BIN, ENV, free_port, wait_until

CLOSED, OPEN, LAUNCHED, DEAD = 1, 2, 3, 4


def varint(number):
    low = bytearray()
    while number > 0x7F:
        low.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(low + bytearray([number]))


def field(number, value):
    """One field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields_of(message):
    """{number: last value} of a message of varints and strings."""
    found, at = {}, 0
    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(message):
        key = number()
        if key & 7 == 0:
            found[key >> 3] = number()
        else:
            length = number()
            found[key >> 3] = message[at:at + length]
            at += length
    return found


class MediaProcess:
    def __init__(self, tls=True, preload=None, limits=(), **media):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="metalmesh-media-"))
        self.tls, self.port = tls, free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=media", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.folder / "key.pem",
                        "-out", self.folder / "cert.pem"], check=True, capture_output=True)
        settings = {"listen": f"127.0.0.1:{self.port}", "certificate": self.folder / "cert.pem", "key": self.folder / "key.pem",
                    "plainHttp": "false" if tls else "true", **media}
        (self.folder / "agent.yaml").write_text(f"site: par1\ndataDir: {self.folder}/data\nmedia:\n" +
                                                "".join(f"  {key}: {value}\n" for key, value in settings.items()))
        self.control = self.folder / "bad"
        self.env = {**ENV}
        if preload:
            shim = self.folder / "bad_sector.so"
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, preload, "-ldl"], check=True)
            self.env |= {"LD_PRELOAD": str(shim), "BAD_FILE": ".iso", "BAD_CONTROL": str(self.control)}
        self.argv = [*limits, BIN / "metalmesh-agent", "media", "--config", self.folder / "agent.yaml"]
        self.process = self.link = None
        self.tokens = []
        self.events, self.changed = [], threading.Condition()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        if self.link:
            self.link.close()
        self.process.kill()
        self.process.wait()
        if kind is not None:
            print(self.log()[-3000:])
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([str(a) for a in self.argv], stdout=log, stderr=log, env=self.env)
        def up():
            self.link = socket.socket(socket.AF_UNIX)
            try:
                self.link.connect(str(self.folder / "data/media.sock"))
                return True
            except OSError:
                self.link.close()
        wait_until("the media process lets its agent in", up, 20)
        threading.Thread(target=self.listen, args=(self.link,), daemon=True).start()

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def listen(self, link):
        rest = b""
        while True:
            try:
                got = link.recv(65536)
            except OSError:
                return
            if not got:
                return
            rest += got
            while len(rest) >= 4 and len(rest) >= 4 + int.from_bytes(rest[:4], "big"):
                length = int.from_bytes(rest[:4], "big")
                with self.changed:
                    self.events.append(fields_of(rest[4:4 + length]))
                    self.changed.notify_all()
                rest = rest[4 + length:]

    def told(self, kind):
        """The reports of this kind (number in MediaEvent), as fields."""
        with self.changed:
            return [fields_of(event[kind]) for event in self.events if kind in event]

    def order(self, command):
        self.link.sendall(len(command).to_bytes(4, "big") + command)

    def mount(self, token, image, state=LAUNCHED, answer=b"", placeholder=None, patience=0):
        facts = field(1, os.stat(image).st_size) + field(2, str(image)) + field(6, "ab" * 32)
        if placeholder:
            facts += field(3, field(1, placeholder[0]) + field(2, placeholder[1]))
        self.order(field(1, field(1, token) + field(2, f"d-{token}") + field(3, facts) + (field(4, answer) if answer else b"") +
                         field(5, state) + field(10, patience)))
        self.tokens.append(token)
        self.order(field(4, b"".join(field(1, each) for each in self.tokens)))
        wait_until(f"{token} is served", lambda: self.status(f"/m/{token}.iso", method="HEAD") == 200, 10)

    def connection(self, source=None, timeout=20):
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout, source_address=source)
        context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, source_address=source, context=context)

    def ask(self, path, headers=None, method="GET", connection=None):
        own = connection or self.connection()
        try:
            own.request(method, path, headers=headers or {})
            reply = own.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            if connection is None:
                own.close()

    def status(self, path, headers=None, method="GET"):
        return self.ask(path, headers, method)[0]

    def pss_mib(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def standing_reader(port, path):
    """A whole image is asked for, and nothing of it is taken."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", port))
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return reader




