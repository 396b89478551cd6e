"""The line between server and load: two network namespaces with a pair of virtual Ethernet devices, MTU 1500, and each
end's packets handled by that end's cores, as on two machines.

Over loopback the kernel does the reader's half of TCP on whichever core happens to run, often the sender's: the sender's
processor time is then no measure of the sender, and segments of 64 KiB behave like no network's.
"""
import os
import pathlib
import shutil
import subprocess
import sys
from dataclasses import dataclass

HANDED_OVER = "METALMESH_BENCH_SERVER_SIDE"  # the server's namespace, to the part of us that runs in the client's


@dataclass
class Line:
    address: str       # where the server listens
    server_side: list  # what a server's command line begins with
    apart: bool        # whether each end pays for its own half

    def text(self):
        algorithm = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
        return f"two namespaces, veth, MTU 1500, {algorithm}" if self.apart else "loopback: processor time is not judged"


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def handle_packets_on(namespace, device, cpus):
    mask = f"{sum(1 << cpu for cpu in cpus):x}"
    for part in ("/proc/sys/net/ipv6/conf/all/disable_ipv6=1", f"/sys/class/net/{device}/queues/rx-0/rps_cpus={mask}"):
        path, value = part.split("=")
        subprocess.run(["ip", "netns", "exec", namespace, "sh", "-c", f"echo {value} > {path}"], check=True, capture_output=True, text=True)


def lay(server, client, server_cpus, client_cpus):
    for namespace in (server, client):
        ip("netns", "add", namespace)
        ip("-n", namespace, "link", "set", "lo", "up")
    ip("link", "add", "end0", "netns", server, "type", "veth", "peer", "name", "end1", "netns", client)
    for namespace, device, address, cpus in ((server, "end0", "192.0.2.1/24", server_cpus), (client, "end1", "192.0.2.2/24", client_cpus)):
        handle_packets_on(namespace, device, cpus)
        ip("-n", namespace, "addr", "add", address, "dev", device)
        ip("-n", namespace, "link", "set", device, "up")


def take_up(server_cpus, client_cpus):
    """The line. With the rights for it this program starts itself again at the client's end and does not return from here."""
    if HANDED_OVER in os.environ:
        return Line("192.0.2.1", ["ip", "netns", "exec", os.environ[HANDED_OVER]], True)
    server, client = (f"mm-bench-{os.getpid()}-{end}" for end in ("server", "client"))
    try:
        lay(server, client, server_cpus, client_cpus)
        sys.exit(subprocess.run(["ip", "netns", "exec", client, sys.executable, *sys.argv], env=os.environ | {HANDED_OVER: server}).returncode)
    except (OSError, subprocess.CalledProcessError) as why:
        reason = getattr(why, "stderr", None) or str(why)
        print(f"no line between two namespaces (root and iproute2 lay one): {reason.strip()}")
        return Line("127.0.0.1", [], False)
    finally:
        if shutil.which("ip"):
            for namespace in (server, client):
                subprocess.run(["ip", "netns", "del", namespace], capture_output=True)
