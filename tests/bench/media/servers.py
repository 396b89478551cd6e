"""The two servers that are compared, each with one process that serves, TLS or not, and the same bytes.

Ours is the product's media process, fed over its Unix socket as an agent does it: one mount, LAUNCHED, of an image with
changed files. Nginx is Debian's with one worker, and serves a copy of what ours serves.
"""
import http.client
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from wire import Line

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "install"))
from meters import pss

LAUNCHED = 3
TOKEN = "bench"
PATH = f"/m/{TOKEN}.iso"


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=media", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)


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


def mount_command(image, changes):
    """MediaCommand.mount of schemas/wire/media.proto."""
    facts = field(1, image.stat().st_size) + field(2, str(image)) + field(6, "00" * 32)
    files = b"".join(field(7, field(1, path) + field(2, content)) for path, content in changes.items())
    return field(1, field(1, TOKEN) + field(2, "bench") + field(3, facts) + field(5, LAUNCHED) + files)


def all_mounts_command():
    return field(4, field(1, TOKEN))


@dataclass
class Place:
    """Where a server runs."""
    folder: pathlib.Path
    line: Line
    cpus: set

    def free_port(self):
        ask = "import socket; s = socket.socket(); s.bind(('', 0)); print(s.getsockname()[1])"
        return int(subprocess.check_output([*self.line.server_side, sys.executable, "-c", ask]))


class Server:
    """A process that serves `path` at `port` of its place's address."""

    def __init__(self, place, tls):
        self.place, self.tls, self.process, self.port = place, tls, None, place.free_port()

    def launch(self, argv, log):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen([*self.place.line.server_side, *(str(a) for a in argv)], stdout=out, stderr=out,
                                            preexec_fn=lambda: os.sched_setaffinity(0, self.place.cpus))

    @property
    def address(self):
        return self.place.line.address, self.port

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.place.line.address}:{self.port}{self.path}"

    def connection(self):
        if not self.tls:
            return http.client.HTTPConnection(*self.address, timeout=10)
        return http.client.HTTPSConnection(*self.address, timeout=10, context=ssl._create_unverified_context())

    def wait_until_served(self):
        for _ in range(200):
            connection = self.connection()
            try:
                connection.request("HEAD", self.path)
                if connection.getresponse().status == 200:
                    return self
            except OSError:
                pass
            finally:
                connection.close()
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        sys.exit(f"{type(self).__name__} does not serve {self.url}:\n{pathlib.Path(self.log).read_text()[-2000:]}")

    def download(self, into):
        connection = self.connection()
        connection.request("GET", self.path)
        with open(into, "wb") as out:
            shutil.copyfileobj(connection.getresponse(), out, 1 << 20)
        connection.close()

    def agreed_tls(self):
        """Protocol and cipher as the load generator, which is OpenSSL as well, agrees on them."""
        if not self.tls:
            return None
        report = subprocess.run(["openssl", "s_client", "-connect", "%s:%d" % self.address], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True).stdout
        return next(line for line in report.splitlines() if line.startswith("New, ")), [
            line for line in report.splitlines() if line.startswith(("Server public key", "Server Temp Key"))]

    def pid(self):
        return self.process.pid

    def pss(self):
        return pss(self.pid())

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Metalmesh(Server):
    path = PATH

    def __init__(self, place, tls, binary, image, changes, name="bench"):
        super().__init__(place, tls)
        folder = place.folder
        home = folder / f"metalmesh-{'tls' if tls else 'plain'}-{name}"
        home.mkdir()
        config = home / "agent.yaml"
        config.write_text(f"site: bench\ndataDir: {home}/data\nmedia:\n  listen: {place.line.address}:{self.port}\n"
                          f"  certificate: {folder}/cert.pem\n  key: {folder}/key.pem\n"
                          f"  plainHttp: {'false' if tls else 'true'}\n")
        self.launch([binary, "media", "--config", config], home / "log")
        self.link = self.connect(home / "data/media.sock")
        for command in (mount_command(image, changes), all_mounts_command()):
            self.link.sendall(len(command).to_bytes(4, "big") + command)
        threading.Thread(target=self.drain, daemon=True).start()
        self.wait_until_served()

    def connect(self, path):
        for _ in range(200):
            link = socket.socket(socket.AF_UNIX)
            try:
                link.connect(str(path))
                return link
            except OSError:
                link.close()
                time.sleep(0.05)
        sys.exit(f"the media process does not come up:\n{pathlib.Path(self.log).read_text()}")

    def drain(self):
        """What it reports of reads; an agent takes it, too."""
        try:
            while self.link.recv(65536):
                pass
        except OSError:
            pass

    def stop(self):
        self.link.close()
        super().stop()


NGINX = """daemon off;
{user}worker_processes 1;
pid {home}/pid;
error_log {home}/error.log warn;
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=16 inactive=600s;
  keepalive_requests 1000000000;
  keepalive_timeout 90s;
  {temp}
  server {{
    listen {address}:{port} backlog=1024{ssl};
    {certificate}
    root {folder}/www;
  }}
}}
"""


class Nginx(Server):
    path = "/image.iso"

    def __init__(self, place, tls):
        super().__init__(place, tls)
        folder = place.folder
        home = folder / f"nginx-{'tls' if tls else 'plain'}"
        home.mkdir()
        temp = " ".join(f"{name}_temp_path {home}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        certificate = (f"ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;"
                       if tls else "")
        (home / "nginx.conf").write_text(NGINX.format(home=home, address=place.line.address, folder=folder, port=self.port, temp=temp, certificate=certificate,
                                                      ssl=" ssl" if tls else "", user="user root;\n" if os.getuid() == 0 else ""))
        self.launch(["/usr/sbin/nginx", "-e", home / "error.log", "-p", home, "-c", home / "nginx.conf"], home / "log")
        self.wait_until_served()

    def pid(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])  # the worker; the master serves nobody
