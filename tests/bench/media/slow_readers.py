"""Thousands of readers that take their medium slowly, all open at once: what each of them costs, and whether others still
get their part at once."""
import resource
import select
import socket
import ssl
import time
from dataclasses import dataclass

KIB, MIB = 1024, 1 << 20
SIP = 4 * KIB                 # that a slow reader takes at a time
MOST_BYTES_PER_READER = 128 * KIB  # of the process; the kernel's socket buffers come on top
MOST_WAIT = 1.0               # seconds, for a 64-KiB range beside them


@dataclass
class Crowd:
    readers: int
    bytes_per_reader: float         # of the media process
    kernel_bytes_per_reader: float  # of socket buffers on this machine, both ends
    sips: int
    slowest_range: float            # seconds, of twenty 64-KiB ranges asked for beside them

    def text(self):
        return (f"{self.readers} slow readers over TLS: {self.bytes_per_reader / KIB:.0f} KiB each in the media process, "
                f"{self.kernel_bytes_per_reader / KIB:.0f} KiB in socket buffers of both ends; all took {self.sips} times "
                f"{SIP // KIB} KiB; a 64-KiB range beside them: {self.slowest_range * 1000:.0f} ms at most")

    def missed(self):
        found = []
        if self.bytes_per_reader > MOST_BYTES_PER_READER:
            found.append(f"slow readers: {self.bytes_per_reader / KIB:.0f} KiB each")
        if self.slowest_range > MOST_WAIT:
            found.append(f"slow readers: another waits {self.slowest_range:.1f} s for 64 KiB")
        return found


def socket_memory():
    for line in open("/proc/net/sockstat"):
        if line.startswith("TCP:"):
            words = line.split()
            return int(words[words.index("mem") + 1]) * resource.getpagesize()
    raise ValueError("no TCP in /proc/net/sockstat")


def open_reader(server, context):
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)
    raw.settimeout(30)
    raw.connect(server.address)
    reader = context.wrap_socket(raw)
    reader.sendall(f"GET {server.path} HTTP/1.1\r\nHost: media\r\n\r\n".encode())
    return reader


def sip_all(readers):
    for reader in readers:
        if not reader.recv(SIP):
            raise ConnectionError("a slow reader was cut off")


def time_range(server):
    connection = server.connection()
    begin = time.monotonic()
    connection.request("GET", server.path, headers={"Range": "bytes=1048576-1114111"})
    assert len(connection.getresponse().read()) == 65536
    took = time.monotonic() - begin
    connection.close()
    return took


def measure(server, count):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    context = ssl._create_unverified_context()
    memory, kernel = server.pss(), socket_memory()
    readers = []
    try:
        for _ in range(count):
            readers.append(open_reader(server, context))
        sips = 3
        for _ in range(sips):
            sip_all(readers)
        select.select([], [], [], 0.5)  # the server has filled what it may fill
        bytes_each, kernel_each = (server.pss() - memory) / count, (socket_memory() - kernel) / count
        slowest = max(time_range(server) for _ in range(20))
        sip_all(readers)  # nobody was cut off meanwhile
    finally:
        for reader in readers:
            reader.close()
    return Crowd(count, bytes_each, kernel_each, sips + 1, slowest)
