"""An image source that misbehaves: HTTP with ranges and ETag, which cuts connections where it is told to."""
import http.server
import pathlib
import random
import re
import socket
import ssl
import struct
import threading

PIECE = 65536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing throws away what is on its way


class ImageSource:
    """Serves `path` at `url`. `cuts` connections are reset at random places; `status` answers without content; `tls`:
    certificate and key."""

    def __init__(self, path, cuts=0, seed=1, status=None, tls=None):
        self.path, self.status = pathlib.Path(path), status
        self.size = self.path.stat().st_size
        dice = random.Random(seed)
        self.cut_places = sorted(dice.randrange(1, self.size) for _ in range(cuts))
        self.served, self.requests, self.cuts_done = 0, [], 0
        self.lock = threading.Lock()
        source = self

        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                source.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, tls))
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://{'localhost' if tls else '127.0.0.1'}:{self.server.server_port}/image.iso"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, client):
        wanted = re.fullmatch(r"bytes=(\d+)-", client.headers.get("Range", ""))
        begin = int(wanted[1]) if wanted else 0
        with self.lock:
            self.requests.append(dict(client.headers))
            cut = next((place for place in self.cut_places if place > begin), None)
            if cut is not None:
                self.cut_places.remove(cut)
        client.close_connection = True
        if self.status:
            client.send_response(self.status)
            client.send_header("Content-Length", "0")
            client.end_headers()
            return
        client.send_response(206 if wanted else 200)
        if wanted:
            client.send_header("Content-Range", f"bytes {begin}-{self.size - 1}/{self.size}")
        client.send_header("ETag", '"one"')
        client.send_header("Content-Length", str(self.size - begin))
        client.end_headers()
        client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE)
        self.send(client, begin, self.size if cut is None else cut)
        if cut is not None:
            client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.connection.close()
            with self.lock:
                self.cuts_done += 1

    def send(self, client, begin, end):
        with open(self.path, "rb") as file:
            file.seek(begin)
            while begin < end:
                piece = file.read(min(PIECE, end - begin))
                try:
                    client.wfile.write(piece)
                except OSError:
                    return
                begin += len(piece)
                with self.lock:
                    self.served += len(piece)
