#!/usr/bin/env python3
"""Readers of one media process: what one of them meets (a bad sector, a short file, a slow line, a lack of descriptors)
is nobody else's, and none of it is kept from the agent."""
import http.client
import os
import socket
import ssl
import threading
import time

from mesh import ROOT, main, wait_until
from media_process import MediaProcess, standing_reader

BAD_SECTOR = ROOT / "tests/tools/bad_sector.c"
UNREADABLE = 7  # in MediaEvent
MIB = 1 << 20


def image_of(media, size, name="base.iso"):
    path = media.folder / name
    path.write_bytes(os.urandom(MIB) * (size // MIB))
    return path


def taken(media, path, headers=None):
    """(bytes, how it ended) of one GET: "whole", "reset" or "short"."""
    connection = media.connection()
    try:
        connection.request("GET", path, headers=headers or {})
        reply = connection.getresponse()
        return len(reply.read()), "whole"
    except ConnectionResetError:
        return 0, "reset"
    except http.client.IncompleteRead as error:
        return len(error.partial), "short"
    finally:
        connection.close()


def end_of(media, path):
    """How the connection ends on the wire: "cut" by a reset (which a TLS library may call an end without a farewell), or
    "in order"."""
    reader = socket.create_connection(("127.0.0.1", media.port))
    if media.tls:
        context = ssl.create_default_context(cafile=str(media.folder / "cert.pem"))
        reader = context.wrap_socket(reader, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    try:
        while reader.recv(65536):
            pass
        return "in order"
    except OSError:  # of which ConnectionResetError and SSLError are two
        return "cut"
    finally:
        reader.close()


class Metronome:
    """Reads 64 KiB again and again and remembers the longest it had to wait."""

    def __init__(self, media, path, first):
        self.media, self.path, self.first = media, path, first
        self.longest, self.reads, self.errors, self.stopped = 0.0, 0, [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        connection = self.media.connection()
        while not self.stopped.is_set():
            begin = time.monotonic()
            try:
                status, _, body = self.media.ask(self.path, {"Range": f"bytes={self.first}-{self.first + 65535}"}, connection=connection)
                assert status == 206 and len(body) == 65536, status
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.errors.append(repr(error))
                connection = self.media.connection()
            self.longest = max(self.longest, time.monotonic() - begin)
            self.reads += 1
            time.sleep(0.01)
        connection.close()

    def __enter__(self):
        self.thread.start()
        wait_until("it reads", lambda: self.reads > 3, 10)
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join(20)


def a_bad_sector_is_its_readers_own():
    for tls in (True, False):
        with MediaProcess(tls=tls, preload=BAD_SECTOR) as media:
            image = image_of(media, 8 * MIB)
            media.mount("bad", image)
            media.mount("good", image)
            bad = 5 * MIB + 8192
            media.control.write_text(f"{bad} {bad + 4096} 4000 5")  # EIO
            with Metronome(media, "/m/good.iso", 0) as other:
                begin = time.monotonic()
                first = taken(media, "/m/bad.iso", {"Range": f"bytes={bad}-{bad + 65535}"})
                took = time.monotonic() - begin
                begin = time.monotonic()
                again = taken(media, "/m/bad.iso", {"Range": f"bytes={bad}-{bad + 65535}"})
                took_again = time.monotonic() - begin
            assert other.longest < 1.5, f"another reader waited {other.longest:.1f} s for this one's sector"
            assert not other.errors, other.errors
            assert first[1] == "reset" and took > 3.5, (first, took)
            assert again[1] == "reset" and took_again < 1.5, (again, took_again)
            behind = media.ask("/m/bad.iso", {"Range": f"bytes={bad + 4096}-{bad + 4096 + 65535}"})
            assert behind[0] == 206 and len(behind[2]) == 65536, "what lies behind it can be read"
            told = wait_until("the agent hears of it", lambda: media.told(UNREADABLE), 5)
            assert len(told) == 1, told
            assert (told[0][1].decode(), told[0][2].decode(), told[0][3]) == (str(image), "ab" * 32, bad), told
            assert "Input/output error" in told[0][4].decode() and f"at byte {bad}" in media.log(), (told, media.log())
            media.control.unlink()
            time.sleep(10.5)
            assert media.status("/m/bad.iso", {"Range": f"bytes={bad}-{bad + 4095}"}) == 206, "it is asked again, later"
            print(f"{'TLS' if tls else 'plain'}: the reader of the sector {took:.1f} s, again {took_again:.2f} s, another one at most "
                  f"{other.longest:.2f} s")


def a_slow_disk_is_waited_for():
    """Two readers of the same stretch wait for one read, and get every byte."""
    with MediaProcess(preload=BAD_SECTOR) as media:
        image = image_of(media, 8 * MIB)
        media.mount("tok", image)
        media.control.write_text(f"{3 * MIB} {3 * MIB + 4096} 2000 0")
        bodies = []
        def read():
            bodies.append(media.ask("/m/tok.iso")[2])
        readers = [threading.Thread(target=read) for _ in range(2)]
        begin = time.monotonic()
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        took = time.monotonic() - begin
        assert bodies == [image.read_bytes()] * 2
        assert 1.5 < took < 12, took


def a_short_file_ends_in_a_reset():
    for tls in (True, False):
        with MediaProcess(tls=tls) as media:
            image = image_of(media, 8 * MIB)
            media.mount("tok", image)
            os.truncate(image, 3 * MIB)
            end = end_of(media, "/m/tok.iso")
            assert end == "cut", f"{end}: that is a short file for whoever does not count"
            told = wait_until("the agent hears of it", lambda: media.told(UNREADABLE), 5)
            assert told[0][3] == 3 * MIB and "shorter" in told[0][4].decode(), told


def small_reads_get_through_under_a_cap():
    with MediaProcess(tls=False, bandwidth=8_000_000) as media:
        image = image_of(media, 64 * MIB)
        media.mount("tok", image)
        stop = threading.Event()
        def stream(number):
            reader = media.connection(source=(f"127.0.1.{number}", 0))
            reader.request("GET", "/m/tok.iso")
            reply = reader.getresponse()
            while not stop.is_set() and reply.read(65536):
                pass
            reader.close()
        streams = [threading.Thread(target=stream, args=(n,), daemon=True) for n in range(1, 41)]
        for thread in streams:
            thread.start()
        time.sleep(2)
        firmware = media.connection(source=("127.0.2.1", 0))
        begin, reads = time.monotonic(), 0
        while time.monotonic() - begin < 4:
            status, _, body = media.ask("/m/tok.iso", {"Range": f"bytes={reads * 2048}-{reads * 2048 + 2047}"}, connection=firmware)
            assert status == 206 and len(body) == 2048
            reads += 1
        stop.set()
        print(f"{reads / 4:.0f} reads of 2 KiB a second beside 40 streams under 8 MB/s")
        assert reads / 4 > 30, reads / 4


def standing_readers_share_what_they_wait_for():
    with MediaProcess(tls=False) as media:
        image = image_of(media, 8 * MIB)
        media.mount("tok", image, answer=b"x" * (4 * MIB), placeholder=(2 * MIB, 4 * MIB))
        before = media.pss_mib()
        readers = [standing_reader(media.port, "/m/tok.iso") for _ in range(200)]
        time.sleep(2)
        grown = media.pss_mib() - before
        for reader in readers:
            reader.close()
        print(f"200 standing readers of a placeholder of 4 MiB: {grown:.0f} MiB")
        assert grown < 60, f"{grown:.0f} MiB"


def a_lack_of_descriptors_reaches_no_installer():
    with MediaProcess(tls=False, limits=("prlimit", "--nofile=128:128")) as media:
        image = image_of(media, 2 * MIB)
        media.mount("tok", image)
        kept = media.connection()
        part = {"Range": "bytes=0-9"}
        assert media.ask("/m/tok.iso", part, connection=kept)[0] == 206
        time.sleep(2.5)  # nobody reads for a while
        idle = []
        for _ in range(200):
            idle.append(socket.create_connection(("127.0.0.1", media.port)))
        time.sleep(1.5)
        seen = [media.ask("/m/tok.iso", part, connection=kept)[0] for _ in range(5)]
        assert seen == [206] * 5, seen
        for connection in idle:
            connection.close()
        wait_until("newcomers are served again", lambda: media.status("/m/tok.iso", part) == 206, 10)


def http_as_rfc_9110_says():
    with MediaProcess() as media:
        image = image_of(media, 2 * MIB)
        media.mount("tok", image)
        content = image.read_bytes()
        _, headers, _ = media.ask("/m/tok.iso", method="HEAD")
        etag = headers["ETag"]
        part = {"Range": "bytes=10-19"}
        for path, sent, status, body in [
                ("/m/tok.iso", {"Range": "Bytes=10-19"}, 206, content[10:20]),
                ("/m/tok.iso?session=1", part, 206, content[10:20]),
                ("/m/%74ok%2Eiso", part, 206, content[10:20]),
                ("/m/tok.iso", {**part, "If-Match": etag}, 206, content[10:20]),
                ("/m/tok.iso", {**part, "If-Match": '"other"'}, 412, None),
                ("/m/tok.iso", {**part, "If-Range": etag}, 206, content[10:20]),
                ("/m/tok.iso", {**part, "If-Range": f"W/{etag}"}, 200, content),
                ("/m/tok.iso", {"If-None-Match": etag}, 304, b"")]:
            seen = media.ask(path, sent)
            assert seen[0] == status and (body is None or seen[2] == body), (path, sent, seen[0], len(seen[2]))
        two = media.connection()
        two.putrequest("GET", "/m/tok.iso")
        two.putheader("Range", "bytes=10-19")
        two.putheader("Range", "bytes=30-39")
        two.endheaders()
        reply = two.getresponse()
        assert reply.status == 200 and reply.read() == content, reply.status
        status, headers, body = media.ask("/m/tok.iso", {"Range": "bytes=1000-1009,10-19"})
        assert status == 206 and headers["Content-Type"].startswith("multipart/byteranges; boundary="), headers
        assert body.index(b"bytes 1000-1009/") < body.index(b"bytes 10-19/"), "in the order of the request"


if __name__ == "__main__":
    main([a_bad_sector_is_its_readers_own, a_slow_disk_is_waited_for, a_short_file_ends_in_a_reset, small_reads_get_through_under_a_cap,
          standing_readers_share_what_they_wait_for, a_lack_of_descriptors_reaches_no_installer, http_as_rfc_9110_says])
