#!/usr/bin/env python3
"""The media server is a process of its own: whoever of the two dies, agent or media server, fifty servers read on or
find their media again within a second, and nothing starts an installer that the agent has not put into its journal."""
import http.client
import os
import signal
import ssl
import subprocess
import threading
import time
import urllib.parse

from mesh import BIN, ENV, Mesh, main, wait_until

SERVERS = 50
HELD = 5  # of them are kept from being armed: their media stay shut
IMAGE_MB = 4


class Reader:
    """Reads one medium again and again over kept TLS connections and remembers everything that a BMC would not like."""

    def __init__(self, mesh, url, first, last):
        target = urllib.parse.urlsplit(url)
        self.path, self.range = target.path, f"bytes={first}-{last}"
        context = ssl.create_default_context(cafile=str(mesh.pki / "ca.crt"))
        self.connection = http.client.HTTPSConnection(target.hostname, target.port, context=context, timeout=30)
        self.answers, self.errors, self.stopped = set(), [], threading.Event()
        self.reads, self.connects = 0, 0
        self.thread = threading.Thread(target=self.run, daemon=True)

    def ask(self):
        if self.connection.sock is None:
            self.connects += 1
        self.connection.request("GET", self.path, headers={"Range": self.range})
        reply = self.connection.getresponse()
        return reply.status, reply.headers.get("ETag"), reply.read()

    def run(self):
        while not self.stopped.wait(0.05):
            try:
                self.answers.add(self.ask())
                self.reads += 1
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
                self.connection.close()

    def stop(self):
        self.stopped.set()
        self.thread.join(35)
        self.connection.close()


def status_of(mesh, url, first):
    reader = Reader(mesh, url, first, first)
    try:
        return reader.ask()[0]
    finally:
        reader.connection.close()


def kernel_at(mesh):
    """A byte that the fence guards: the kernel begins with the first bytes of its key stream."""
    report = subprocess.run(["isoinfo", "-i", str(mesh.image), "-R", "-l"], check=True, capture_output=True, text=True).stdout
    line = next(text for text in report.splitlines() if text.endswith(" vmlinuz "))
    return int(line.split("[")[1].split()[0]) * 2048


def all_alike(readers):
    """Every reader saw one status, one ETag and one content, on the connection that it began with."""
    for reader in readers:
        assert not reader.errors, reader.errors[:3]
        assert len(reader.answers) == 1 and next(iter(reader.answers))[0] == 206, [a[:2] for a in reader.answers]
        assert reader.connects == 1, reader.connects
        assert reader.reads > 0


def fifty_readers_and_two_deaths():
    patient = {"timeouts": {"unreachable": "300s", "bmcLost": "300s", "firstRead": "300s", "stall": "300s"}}
    with Mesh({"par1": SERVERS}, install_ms=300_000, agent_config=patient) as mesh:
        agent, media = mesh.agents["par1"], mesh.media["par1"]
        mesh.apply_basics(maxRun="900s", stallAfter="900s", proof={"minimum": "callback", "within": "60s"})
        mesh.apply("site", {"kind": "Site", "metadata": {"name": "par1"}, "spec": {"limits": {"parallel": SERVERS}}})
        mesh.wait_ready()
        names = sorted(mesh.truth())
        held, launched = names[:HELD], names[HELD:]
        for server in held:
            mesh.set_bmc(server, fault={"op": "patch_boot", "when": "before", "action": "drop", "times": 100000})
        mesh.start_rollout("web", select={"labels": {"role": "web"}}, parallel={"total": 100, "perSite": 100},
                           stopAfter={"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"})
        wait_until("the others install", lambda: sum(len(s["installs"]) for s in mesh.truth().values()) == len(launched), 60)
        urls = {name: server["media"] for name, server in mesh.truth().items()}
        assert all(urls.values()), urls
        guarded = kernel_at(mesh)

        readers = [Reader(mesh, urls[name], guarded, guarded + 65535) for name in launched]
        readers += [Reader(mesh, urls[name], 32768, 34815) for name in held]
        for reader in readers:
            reader.thread.start()
        wait_until("everyone reads", lambda: all(reader.reads for reader in readers), 30)

        agent.kill()
        reads = [reader.reads for reader in readers]
        wait_until("they read on without the agent", lambda: all(r.reads > n + 3 for r, n in zip(readers, reads)), 20)
        assert {status_of(mesh, urls[name], guarded) for name in held} == {503}
        agent.start()
        wait_until("the agent is back", lambda: media.text().count("the agent is there") == 2, 20)
        reads = [reader.reads for reader in readers]
        wait_until("they read on with the next agent", lambda: all(r.reads > n + 3 for r, n in zip(readers, reads)), 20)
        assert {status_of(mesh, urls[name], guarded) for name in held} == {503}
        for reader in readers:
            reader.stop()
        all_alike(readers)
        known = {name: next(iter(reader.answers)) for name, reader in zip(launched + held, readers)}

        media.kill()
        begin = time.monotonic()
        media.start()
        back = served_again(mesh, urls, launched, guarded)
        took = time.monotonic() - begin
        assert {status_of(mesh, urls[name], guarded) for name in held} == {503}
        assert took < 1.0 + back["asking"], (took, back)
        for name in launched[:10]:
            again = Reader(mesh, urls[name], guarded, guarded + 65535)
            assert again.ask() == known[name], name
            again.connection.close()
        truth = mesh.truth()
        assert [len(truth[name]["installs"]) for name in names] == [0] * HELD + [1] * len(launched), truth
        print(f"{sum(r.reads for r in readers)} reads by {len(readers)} readers across the agent's death; media back {took:.2f} s "
              "after the media server's start")


def served_again(mesh, urls, launched, guarded):
    """Until every launched medium is served; what the questions alone took, at most."""
    asking = 0.0
    for name in launched:
        while True:
            begin = time.monotonic()
            try:
                status = status_of(mesh, urls[name], guarded)
            except OSError:
                continue  # it does not listen yet
            if status == 206:
                asking += time.monotonic() - begin
                break
            assert status == 503, (name, status)  # early, but never wrong
    return {"asking": asking}


def the_medium_outlives_both_deaths():
    """The media process is started again while the agent is down: what runs is served, what ended is not, and what was
    read is not forgotten."""
    with Mesh({"par1": 3}, install_ms=300_000, agent_config={"timeouts": {"stall": "300s", "firstRead": "300s"}}) as mesh:
        agent, media = mesh.agents["par1"], mesh.media["par1"]
        mesh.apply_basics(maxRun="900s", stallAfter="900s", proof={"minimum": "callback", "within": "60s"})
        mesh.wait_ready()
        ended, *running = sorted(mesh.truth())
        mesh.start_rollout("web", select={"labels": {"role": "web"}})
        wait_until("all install", lambda: sum(len(s["installs"]) for s in mesh.truth().values()) == 3, 60)
        urls = {name: server["media"] for name, server in mesh.truth().items()}
        guarded = kernel_at(mesh)
        half = os.stat(mesh.image).st_size // 2 // 65536 * 65536
        for name in running:
            Reader(mesh, urls[name], 0, half - 1).ask()  # once its kernel was read it starts nothing any more
        first = {name: Reader(mesh, urls[name], 0, half - 1).ask() for name in running}
        assert {status for status, _, _ in first.values()} == {206}
        time.sleep(0.3)
        mesh.set_bmc(ended, power=False)  # its medium dies
        # Nobody reads it meanwhile: that would be a sign of life.
        wait_until("it is over", lambda: mesh.deployments("web")[ended]["state"] == "INDETERMINATE", 60)
        wait_until("it is served no more", lambda: status_of(mesh, urls[ended], guarded) in (404, 410), 20)
        agent.kill()
        media.kill()
        media.start()
        for name in running:
            wait_until("it is served without the agent", lambda name=name: answers(mesh, urls[name], guarded) == 206, 10)
            again = Reader(mesh, urls[name], 0, half - 1)
            assert again.ask() == first[name], name
            again.connection.close()
        assert status_of(mesh, urls[ended], guarded) == 503, "what ended is not remembered"
        media.kill()
        media.start()
        for name in running:
            wait_until("it is served again", lambda name=name: answers(mesh, urls[name], guarded) == 206, 10)
            assert Reader(mesh, urls[name], half, 10 ** 9).ask()[0] == 206  # the other half, in another life
        told = len(agent.text())
        agent.start()
        wait_until("what both lives served counts together",
                   lambda: agent.text()[told:].count("its installer has finished reading the medium") == len(running), 30)
        assert {name: status_of(mesh, urls[name], guarded) for name in running} == dict.fromkeys(running, 206)


def answers(mesh, url, first):
    try:
        return status_of(mesh, url, first)
    except OSError:
        return None  # it does not listen yet


def nothing_is_launched_without_the_agent():
    with Mesh({"par1": 2}) as mesh:
        agent, media = mesh.agents["par1"], mesh.media["par1"]
        mesh.apply_basics()
        mesh.wait_ready()
        for server in mesh.truth():
            mesh.set_bmc(server, postMs=60000)  # no read but ours
        mesh.start_rollout("web", select={"labels": {"role": "web"}}, stopAfter={"noCanary": True})
        wait_until("both hosts are in POST", lambda: all(s["on"] for s in mesh.truth().values()), 30)
        urls = {name: server["media"] for name, server in mesh.truth().items()}
        guarded = kernel_at(mesh)
        agent.kill()
        answers = {}

        def read(name):
            begin = time.monotonic()
            answers[name] = (status_of(mesh, urls[name], guarded), time.monotonic() - begin)
        early = threading.Thread(target=read, args=("par1-n001",))
        early.start()
        early.join(2)
        assert early.is_alive(), f"answered without an agent: {answers}"
        agent.start()
        early.join(10)
        assert answers["par1-n001"][0] == 206, answers
        launched_in_log(mesh, 1)
        agent.kill()
        read("par1-n002")
        status, waited = answers["par1-n002"]
        assert status == 503 and 8 < waited < 14, answers
        assert mesh.truth()["par1-n002"]["installs"] == []
        agent.start()
        wait_until("the next agent launches it", lambda: status_of(mesh, urls["par1-n002"], guarded) == 206, 20)
        launched_in_log(mesh, 2)


def launched_in_log(mesh, count):
    """A byte that left the fence is in the agent's journal, and so, some time later, in the controller's log."""
    wait_until(f"{count} launches are told", lambda: sum("launched" in e.get("event", {}) for e in mesh.events()) == count, 20)


def it_ends_when_it_is_told_and_is_alone():
    with Mesh({"par1": 1}) as mesh:
        agent, media = mesh.agents["par1"], mesh.media["par1"]
        wait_until("they met", lambda: "the agent is there" in media.text(), 20)
        assert (mesh.folder / "agent-par1/media.sock").stat().st_mode & 0o777 == 0o600
        second = subprocess.run([str(BIN / "metalmesh-agent"), "media", "--config", str(mesh.folder / "agent-par1.yaml")],
                                capture_output=True, text=True, timeout=20, env=ENV)
        assert second.returncode == 1 and "another process serves the media" in second.stderr, second
        assert media.stop() == 0, media.text()
        wait_until("the agent says so", lambda: "the media server is gone" in agent.text(), 10)
        media.start()
        wait_until("they met again", lambda: media.text().count("the agent is there") == 2, 20)
        assert agent.stop() == 0
        os.kill(media.process.pid, signal.SIGINT)
        assert media.process.wait(10) == 0, media.text()


if __name__ == "__main__":
    main([fifty_readers_and_two_deaths, the_medium_outlives_both_deaths, nothing_is_launched_without_the_agent, it_ends_when_it_is_told_and_is_alone])
