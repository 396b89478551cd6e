"""What answers in the place of somebody else: an API or a BMC of the attacker's, each with a lie of its own."""
import gzip
import http.server
import json
import ssl
import threading

from attacker import BAD, BEL, rss
from mesh import wait_until


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # whoever is lied to hangs up


class Liar(http.server.BaseHTTPRequestHandler):
    """An API or a BMC of the attacker's. What it is told is kept."""
    protocol_version = "HTTP/1.1"
    told, elsewhere = [], ""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Liar.told.append(f"{self.server.lie} {self.command} {self.path} {self.headers.get('Authorization', '')}")
        getattr(self, self.server.lie.replace("-", "_"))()
        self.close_connection = True
    do_GET = do_POST = do_PUT = do_HEAD = answer

    def send(self, body, *headers, status=200):
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

    def away(self):
        self.send(b"", ("Location", self.server.elsewhere), status=307)

    def words(self):
        text = "it is " + BEL + "\u202e over"
        self.send(json.dumps({"title": text, "detail": text, "status": 409, "next": text, "items": []}).encode(), ("Content-Type", "application/problem+json"),
                  status=409)

    def root(self, **more):
        return {"@odata.id": "/redfish/v1/", "RedfishVersion": "1.15.0", "UUID": "1", "Systems": {"@odata.id": "/redfish/v1/Systems"}, **more}

    def escapes(self):
        self.send(json.dumps(self.root(Product=BEL, Vendor=BEL + "\u202e", Name="a\r\nb\0")).encode())

    def packed(self):
        self.send(Liar.bomb, ("Content-Encoding", "gzip"))

    def deep(self):
        self.send(b"[" * 3_000_000)

    def wide(self):
        self.send(json.dumps(self.root(**{f"k{i}": {"@odata.id": f"/redfish/v1/{i}"} for i in range(30_000)})).encode())

    def markup(self):
        self.send(b'<!DOCTYPE x [<!ENTITY a "' + b"a" * 1000 + b'">' + b"&a;" * 10_000)

    def headers_without_end(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(100_000)) + b"\r\n")

    def a_line_too_many(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: a\r\nLocation: http://127.0.0.1:1/\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    def two_lengths(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 200\r\n\r\n{}")

    def wrong_length(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}")


def liar(mesh, lie):
    server = Quiet(("127.0.0.1", 0), Liar)
    server.lie, server.elsewhere = lie, Liar.elsewhere
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(mesh.pki / "api.crt", mesh.pki / "api.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


LIES = ("away", "escapes", "packed", "deep", "wide", "markup", "headers_without_end", "a_line_too_many", "two_lengths", "wrong_length")


class Liars:
    """BMCs that lie, each in its own way. They are looked at while the rest of the table goes on."""

    def __init__(self, mesh):
        self.mesh, self.agent = mesh, mesh.agents["par1"]
        Liar.bomb = gzip.compress(b'{"a": "' + b" " * 100_000_000 + b'"}', 1)
        self.other = liar(mesh, "escapes")
        Liar.elsewhere = f"https://127.0.0.1:{self.other.server_port}/stolen"
        self.servers = {lie: liar(mesh, lie) for lie in LIES}
        self.before = rss(self.agent)
        mesh.apply("liars", *[{"kind": "Server", "metadata": {"name": self.name(lie)}, "spec": {"site": "par1", "state": "new", "bmc": {
            "address": f"127.0.0.1:{server.server_port}", "credential": "par1-bmc"}}} for lie, server in self.servers.items()])

    @staticmethod
    def name(lie):
        return "lie-" + lie.replace("_", "-")

    def harm_nobody(self, _):
        mesh = self.mesh

        def looked_at():
            return all(any(c["type"] == "Reachable" for c in mesh.get(f"/servers/{self.name(lie)}")["status"].get("conditions", [])) for lie in LIES)
        wait_until("all were looked at", looked_at, 40)
        assert rss(self.agent) - self.before < 60, rss(self.agent) - self.before
        assert not [t for t in Liar.told if "stolen" in t or "Basic" in t], Liar.told
        shown = "".join(mesh.cli("describe", "server", self.name(lie)).stdout for lie in LIES[:2]) + mesh.cli("events").stdout
        assert not any(c in shown for c in BAD), [line for line in shown.splitlines() if any(c in line for c in BAD)]
        for server in [*self.servers.values(), self.other]:
            server.shutdown()
