#!/usr/bin/env python3
"""The demo, with every byte on the loopback captured, and every file that is left searched: no secret is in clear anywhere but
in the files that are there to hold it. As root."""
import base64
import collections
import gzip
import pathlib
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/integration"))
from mesh import BIN, ENV, TEMPLATE, main, wait_until  # noqa: E402
from up_mesh import UpMesh  # noqa: E402

SITES = {"par1": 3, "ams1": 2}
OUTGOING = 4  # the loopback shows each packet as it leaves and as it comes


class Capture(threading.Thread):
    """What is said over the loopback, by flow."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 128 << 20)  # SO_RCVBUFFORCE
        self.socket.bind(("lo", 0))
        self.flows, self.ended = collections.defaultdict(bytearray), False

    def run(self):
        self.socket.settimeout(0.5)
        while not self.ended:
            try:
                packet, address = self.socket.recvfrom(1 << 17)
            except TimeoutError:
                continue
            ip = packet[14:]
            if address[2] == OUTGOING or len(ip) < 40 or ip[0] >> 4 != 4 or ip[9] != 6:
                self.flows["rest"] += b"" if address[2] == OUTGOING else packet
                continue
            tcp = ip[(ip[0] & 15) * 4:int.from_bytes(ip[2:4], "big")]
            self.flows[ip[12:20] + tcp[:4]] += tcp[(tcp[12] >> 4) * 4:]

    def lost(self):
        return int.from_bytes(self.socket.getsockopt(263, 6, 8)[4:], sys.byteorder)  # PACKET_STATISTICS

    def has(self, needle):
        return any(needle in flow for flow in list(self.flows.values()))  # which grow meanwhile


def said_in_clear(port_text):
    """So that it is known that the capture would show it."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        client.sendall(port_text)
        server.accept()[0].recv(100)


def shapes(secret):
    return [secret.encode(), base64.b64encode(secret.encode()), base64.b64encode(b"admin:" + secret.encode())]


def key_lines(pki):
    """One line out of the middle of each private key, and the key of the store."""
    for path in sorted(pki.rglob("*.key")):
        lines = path.read_text().splitlines()
        yield path, lines[1] if len(lines) > 1 else lines[0]


def the_demo_tells_nobody():
    canary = secrets.token_hex(16)
    fetch = "Fetch-" + secrets.token_hex(12)
    bmc, join = "Bmc-" + secrets.token_hex(12), "K10" + secrets.token_hex(16)
    hashed = "$6$rounds=5000$" + secrets.token_hex(8) + "$" + secrets.token_hex(32)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mm-capture-"))
    capture = Capture()
    capture.start()
    with UpMesh(folder) as mesh:
        mesh.start("--port", "0", *[word for site in SITES for word in ("--site", site)])
        image, profile = mesh.make_image()
        image["spec"]["iso"]["urls"].append(f"https://ann:{fetch}@127.0.0.1:9/mm.iso?X-Amz-Signature={fetch}")
        profile["spec"].update(vars={"joinToken": join}, host={"root": {"passwordHash": hashed}}, template={
            "inline": TEMPLATE + "join={{joinToken}} root={{host.root.password_hash}}\n"})
        mesh.apply("typed", [{"kind": "Credential", "metadata": {"name": f"{site}-bmc"}, "spec": {"site": site}} for site in SITES] +
                   [image, profile])
        for site, count in SITES.items():
            mesh.apply(f"servers-{site}", mesh.simulate(site, count, password=bmc))
        mesh.inspect()
        mesh.cli("user", "create", "eve", "--role", "viewer", "--keep-in", folder / "eve.token")
        eve = (folder / "eve.token").read_text().strip()
        mesh.apply("rollout", [{"kind": "Rollout", "metadata": {"name": "web"},
                                "spec": {"action": "install", "select": {"labels": {"role": "web"}}, "image": "mm", "profile": "base",
                                         "stopAfter": {"noCanary": True}}}])
        mesh.cli("rollout", "plan", "web")
        plan = mesh.get("rollout", "web")["status"]["plan"]
        mesh.cli("rollout", "start", "web", "--plan", plan["digest"], "--confirm", len(plan["servers"]))
        mesh.cli("rollout", "watch", "web")
        ends = mesh.get("deployments", "--rollout", "web")["items"]
        assert [d["state"] for d in ends] == ["SUCCEEDED"] * sum(SITES.values()), ends
        mesh.cli("backup", folder / "backup")
        # What people send away: all that a BMC shows, what was said with it, and what each end recorded.
        mesh.cli("inspect", "par1-n001", "--capture", folder / "capture.json")
        mesh.cli("support-bundle", "--data", mesh.data, "--output", folder / "bundle.tar.gz")
        for site in SITES:
            subprocess.run([str(BIN / "metalmesh-agent"), "--config", str(mesh.data / f"sites/{site}/agent.yaml"), "support-bundle", "--output",
                            str(folder / f"{site}.tar.gz")], check=True, env=ENV, stdout=subprocess.DEVNULL)
        time.sleep(3)  # ends are acknowledged
        said_in_clear(canary.encode())
        token = (mesh.data / "pki/admin.token").read_text().strip()
        kept = {"BMC password": bmc, "join token": join, "root's hash": hashed, "an image URL's password": fetch, "admin's token": token, "viewer's token": eve,
                **{str(path.relative_to(mesh.data)): line for path, line in key_lines(mesh.data / "pki")}}
        mesh.up.stop(30)
        wait_until("it was captured", lambda: capture.has(canary.encode()), 10)
        capture.ended = True
        capture.join()
        found = {name for name, secret in kept.items() if any(capture.has(shape) for shape in shapes(secret))}
        sizes = sum(map(len, capture.flows.values()))
        print(f"{len(capture.flows)} flows, {sizes >> 20} MiB, {capture.lost()} packets lost: " + (", ".join(sorted(found)) or "no secret"))
        assert not found, found

        # What is there to hold it, and what the person herself wrote.
        holders = {"BMC password": {f"mesh/sites/{site}/credentials.yaml" for site in SITES}, "admin's token": {"mesh/pki/admin.token"},
                   "viewer's token": {"eve.token"}, "join token": {"typed.yaml"}, "root's hash": {"typed.yaml"},
                   "an image URL's password": {"typed.yaml"}}
        for packed in folder.glob("*.gz"):
            packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        sent_away = {path.name for path in folder.glob("*.tar")}
        assert {"bundle.tar", "par1.tar", "ams1.tar"} <= sent_away, sent_away
        for name in ("bundle.tar", "par1.tar"):
            assert b"recording/" in (folder / name).read_bytes(), name
        files = [path for path in folder.rglob("*") if path.is_file()]
        for name, secret in kept.items():
            here = {str(path.relative_to(folder)) for path in files if any(shape in path.read_bytes() for shape in shapes(secret))}
            assert here == holders.get(name, {f"mesh/{name}"}), (name, here)
            for path in here - {"typed.yaml"}:
                own = folder / path
                assert own.stat().st_mode & 0o077 == 0 or own.parent.stat().st_mode & 0o077 == 0, path
        print(f"{len(files)} files: {len(kept)} secrets, each in its own file alone")


main([the_demo_tells_nobody])
