#!/usr/bin/env python3
"""The change feed with real processes: 64 readers, quick and slow, of all kinds and of some, by Python and by curl, while a
rollout runs and the controller is killed in the middle. Each ends with what the lists tell, and hears nothing older after
something newer. And readers that sleep, which cost the controller next to nothing. METALMESH_LONG_TESTS: 1,000 servers."""
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import threading
import time

from mesh import ENV, Mesh, main, succeeded, wait_until

LONG = bool(os.environ.get("METALMESH_LONG_TESTS"))
SERVERS = 500 if LONG else 6  # of each of two sites
READERS = 64
SLOW_S = (0.005, 0.06) if LONG else (0.05, 0.6)  # between two reads: a slow reader is still to come to the end
LISTS = {"Site": "sites", "Credential": "credentials", "Server": "servers", "Image": "images", "Profile": "profiles",
         "Rollout": "rollouts", "Deployment": "deployments"}
FILTERS = ["", "&kind=Deployment&rollout=web", "&kind=Server&labelSelector=role%3Dweb", "&kind=Rollout,Site", "&site=par1"]


def number(thing):
    return int(thing.get("feed") or thing["metadata"]["feed"])


class Reader:
    """Follows the feed in a thread of its own, and comes back with its position when it is cut."""

    def __init__(self, mesh, index):
        self.mesh, self.filter = mesh, FILTERS[index % len(FILTERS)]
        self.way = ("quick", "slow", "curl")[index % 3]
        self.has, self.told, self.last, self.cuts, self.error, self.process = {}, {}, "0", 0, None, None
        self.stopped = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while not self.stopped:
                with contextlib.suppress(OSError):
                    self.follow()
                self.cuts += 1
                time.sleep(0.3)
        except Exception as error:  # noqa: BLE001: told at the end, with all the others
            self.error = repr(error)

    def headers(self):
        token = (self.mesh.pki / "admin.token").read_text().strip()
        return {"Authorization": f"Bearer {token}", "Accept": "text/event-stream", "Last-Event-ID": self.last}

    def follow(self):
        path = f"/api/v1/changes?after=0{self.filter}"
        if self.way == "curl":
            argv = ["curl", "-sS", "-N", "--fail-with-body", "--cacert", self.mesh.pki / "ca.crt"]
            for name, value in self.headers().items():
                argv += ["-H", f"{name}: {value}"]
            self.process = subprocess.Popen([str(a) for a in [*argv, f"https://localhost:{self.mesh.api_port}{path}"]],
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENV)
            self.take(self.process.stdout.read1)
            assert self.process.wait() != 22, "curl was refused"
            return
        raw = socket.socket()
        if self.way == "slow":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(20)
        raw.connect(("localhost", self.mesh.api_port))
        context = ssl.create_default_context(cafile=str(self.mesh.pki / "ca.crt"))
        connection = http.client.HTTPSConnection("localhost", self.mesh.api_port)
        with context.wrap_socket(raw, server_hostname="localhost") as connection.sock:
            connection.request("GET", path, headers=self.headers())
            reply = connection.getresponse()
            assert reply.status == 200, (reply.status, reply.read())
            self.take(reply.read1)

    def take(self, read):
        rest, message = b"", {}
        while not self.stopped:
            if self.way == "slow":
                time.sleep(random.uniform(*SLOW_S))
            try:
                data = read(1500 if self.way == "slow" else 65536)
            except (http.client.IncompleteRead, ConnectionError):
                return
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                name, _, value = line.decode().partition(": ")
                if name:
                    message[name] = value
                elif message:
                    self.hear(message)
                    message = {}

    def hear(self, message):
        if message.get("event") == "change":
            change = json.loads(message["data"])
            key = (change["kind"], change["name"])
            now = int(change["position"].replace(".", "-").rsplit("-", 1)[1])
            assert now > self.told.get(key, 0), ("older after newer", key, now, self.told[key])
            self.told[key] = now
            if change.get("deleted"):
                self.has.pop(key, None)
            else:
                self.has[key] = change[change["kind"].lower()]
        self.last = message.get("id", self.last)

    def wanted(self, there):
        def fits(kind, thing):
            if self.filter == FILTERS[1]:
                return kind == "Deployment" and thing["rollout"] == "web"
            if self.filter == FILTERS[2]:
                return kind == "Server" and thing["metadata"].get("labels", {}).get("role") == "web"
            if self.filter == FILTERS[3]:
                return kind in ("Rollout", "Site")
            if self.filter == FILTERS[4]:
                site = thing.get("site") or thing.get("spec", {}).get("site") or thing.get("metadata", {}).get("name")
                return kind in ("Site", "Credential", "Server", "Deployment") and site == "par1"
            return True
        return {key: thing for key, thing in there.items() if fits(key[0], thing)}

    def stop(self):
        self.stopped = True
        if self.process:
            self.process.kill()


def what_is_there(mesh):
    there = {}
    for kind, plural in LISTS.items():
        for thing in mesh.every(f"/{plural}"):
            there[(kind, thing.get("id") or thing["metadata"]["name"])] = thing
    return there


def looks(thing):
    """What a reader must agree with the list about; counts of what is heard and waits are no changes."""
    status = thing.get("status", {})
    return (number(thing), thing.get("state"), thing.get("spec"), status.get("phase"), status.get("state"),
            status.get("counts"), status.get("connected"), status.get("running"), status.get("deployment"))


def everybody_ends_with_what_the_lists_tell():
    with Mesh({"par1": SERVERS, "lyo2": SERVERS}, install_ms=1500) as mesh:
        readers = [Reader(mesh, index) for index in range(READERS)]
        mesh.apply_basics()
        mesh.wait_ready(timeout=300 if LONG else 60)
        watch = open(mesh.folder / "watch.json", "wb")  # noqa: SIM115: as long as the program writes
        cli = subprocess.Popen(mesh.cli_argv("get", "deployments", "--rollout", "web", "-w", "-o", "json"), stdout=watch,
                               stderr=subprocess.DEVNULL, env=ENV)
        mesh.start_rollout("web", select={"labels": {"role": "web"}}, parallel={"total": 40, "perSite": 20},
                           startWithin="7200s")
        wait_until("some run", lambda: any(d["state"] == "RUNNING" for d in mesh.deployments("web").values()))
        mesh.controller.kill()
        time.sleep(1)
        mesh.controller.start()
        mesh.wait_api()
        succeeded(mesh.wait_done("web", timeout=3000 if LONG else 120))
        mesh.apply("pad", {"kind": "Site", "metadata": {"name": "pad"}, "spec": {}})
        mesh.cli("delete", "site", "pad")

        def agree():
            there = what_is_there(mesh)
            for reader in readers:
                assert reader.error is None, reader.error
                wanted = {key: looks(thing) for key, thing in reader.wanted(there).items()}
                if wanted != {key: looks(thing) for key, thing in reader.has.items()}:
                    agree.why = (reader.way, reader.filter, [(key, wanted.get(key), key in reader.has and looks(reader.has[key]))
                                                             for key in {*wanted, *reader.has}
                                                             if key not in reader.has or key not in wanted or
                                                             wanted[key] != looks(reader.has[key])][:3])
                    return False
            return True
        try:
            wait_until("every reader has what the lists tell", agree, 300 if LONG else 40, pause=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}: {agree.why}") from error
        assert all(reader.cuts > 0 for reader in readers), "the controller was killed, and somebody did not notice"
        assert any("plan" in thing.get("status", {}) for thing in mesh.get("/rollouts")["items"])
        assert not any("plan" in thing.get("status", {}) for reader in readers for thing in reader.has.values())
        ends = {}

        def watched():
            for line in (mesh.folder / "watch.json").read_text().splitlines():
                change = json.loads(line)
                ends[change["name"]] = change.get("deployment", {}).get("state")
            return len(ends) == 2 * SERVERS and set(ends.values()) == {"SUCCEEDED"}
        wait_until("get -w has seen every end", watched, 30)
        cli.send_signal(signal.SIGINT)
        assert cli.wait(10) == -signal.SIGINT  # 130 in a shell
        metrics = mesh.rest("GET", "/metrics")[2].decode()
        told = sum(len(reader.told) for reader in readers)
        print(f"  {READERS} readers, {told} objects known to them; " +
              next(line for line in metrics.splitlines() if line.startswith("metalmesh_changes_total")))
        for reader in readers:
            reader.stop()


def resident_kib(process):
    with open(f"/proc/{process.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def sleepers_cost_next_to_nothing():
    sleepers, writes, bytes_each = 30, 400, 4000
    with Mesh({}) as mesh:
        context = ssl.create_default_context(cafile=str(mesh.pki / "ca.crt"))
        headers = {"Authorization": "Bearer " + (mesh.pki / "admin.token").read_text().strip()}
        connection = http.client.HTTPSConnection("localhost", mesh.api_port, context=context)

        def write(count):
            for i in range(count):
                body = {"spec": {"vars": {f"v{n}": f"{i}" + "x" * 1000 for n in range(bytes_each // 1000)}}}
                connection.request("PUT", f"/api/v1/sites/s{i % 200}", json.dumps(body),
                                   {**headers, "Content-Type": "application/json"})
                reply = connection.getresponse()
                assert reply.status in (200, 201), (reply.status, reply.read())
                reply.read()

        def grows():
            before = resident_kib(mesh.controller)
            write(writes)
            return resident_kib(mesh.controller) - before
        write(writes)
        alone = grows()  # what the store and the allocator take, whoever reads
        asleep = []
        for _ in range(sleepers):
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect(("localhost", mesh.api_port))
            asleep.append(context.wrap_socket(raw, server_hostname="localhost"))
            lines = [f"{name}: {value}" for name, value in {**headers, "Host": "localhost", "Accept": "text/event-stream"}.items()]
            asleep[-1].sendall(("\r\n".join(["GET /api/v1/changes HTTP/1.1", *lines]) + "\r\n\r\n").encode())
            assert asleep[-1].recv(12) == b"HTTP/1.1 200"
        write(100)  # their chunks are on their way, and sockets are full
        grown = grows()
        unbounded = sleepers * writes * bytes_each // 1024
        print(f"  {writes} changes of {bytes_each} bytes: {alone} KiB more with nobody there, {grown} with {sleepers} sleepers; "
              f"kept for each of them it were {unbounded}")
        assert grown - alone < unbounded / 4, (alone, grown)
        for one in asleep:
            one.close()


if __name__ == "__main__":
    main([everybody_ends_with_what_the_lists_tell, sleepers_cost_next_to_nothing])
