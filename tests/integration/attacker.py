"""Somebody who reaches every port of a mesh and has a token of each kind but an admin's: how she says what no client would, and what
is made of the answers."""
import contextlib
import http.client
import json
import re
import socket
import ssl

BEL = "\x1b]0;owned\x07\x1b[2J"
BAD = "\x1b\x07\r\u202e\u2028"


class Attacker:
    def __init__(self, mesh):
        self.mesh, self.site = mesh, "par1"
        self.admin = (mesh.pki / "admin.token").read_text().strip()
        self.media_port = int(json.loads((mesh.folder / f"agent-{self.site}.yaml").read_text())["media"]["listen"].rsplit(":", 1)[1])
        self.unverified = ssl._create_unverified_context()
        self.verified = ssl.create_default_context(cafile=str(mesh.pki / "ca.crt"))
        self.tokens = {}
        for role in ("viewer", "operator", "approver"):
            self.tokens[role] = self.token(f"thief-{role}", "--role", role)
        mesh.apply("elsewhere", {"kind": "Site", "metadata": {"name": "lyo1"}, "spec": {}})
        self.tokens["elsewhere"] = self.token("thief-elsewhere", "--role", "operator", "--site", "lyo1")

    def token(self, name, *how):
        kept = self.mesh.folder / f"{name}.token"
        self.mesh.cli("user", "create", name, *how, "--keep-in", kept)
        return kept.read_text().strip()

    def tls(self, port=None):
        raw = socket.create_connection(("127.0.0.1", port or self.mesh.api_port), timeout=5)
        return self.unverified.wrap_socket(raw)

    def say(self, data, port=None, wait=0.15):
        """Everything that comes back, until the other end is done or quiet; `wait`: for the first of it."""
        if isinstance(data, str):
            data = data.encode("latin-1")
        told = b""
        with self.tls(port) as sock:
            sock.settimeout(wait)
            try:
                sock.sendall(data)
                while True:
                    piece = sock.recv(65536)
                    told += piece
                    sock.settimeout(0.04)
                    if not piece:
                        break
            except (TimeoutError, OSError):
                pass
        return told

    def raw(self, line="GET /api/v1/servers HTTP/1.1", *headers, body="", token="viewer", port=None, host="Host: localhost"):
        head = [line, host, *headers]
        if token:
            head.append("Authorization: Bearer " + self.tokens.get(token, token))
        return self.say("\r\n".join(h for h in head if h) + "\r\nConnection: close\r\n\r\n" + body, port, 2)

    def rest(self, method, path, body=None, token="viewer", headers=None, raw=None):
        """(status, body, as JSON where it is)"""
        sent = {**({"Authorization": "Bearer " + self.tokens.get(token, token)} if token else {}), **(headers or {})}
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        if data is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPSConnection("localhost", self.mesh.api_port, timeout=20, context=self.verified)
        try:
            connection.request(method, "/api/v1" + path, data, sent)
            reply = connection.getresponse()
            text = reply.read().decode(errors="replace")
        finally:
            connection.close()
        with contextlib.suppress(ValueError):
            text = json.loads(text)
        return reply.status, text


def codes(told):
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d+)", told)]


def refused(told, *, many=1):
    got = codes(told)
    assert len(got) <= many and all(400 <= code < 600 for code in got) and b'"spec"' not in told, told[:400]


def rss(process):
    """MiB"""
    with open(f"/proc/{process.process.pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS:"))
