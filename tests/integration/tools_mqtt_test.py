#!/usr/bin/env python3
"""Tools and dashboards over the broker, by programs that others wrote: mosquitto_pub and mosquitto_sub, each with a
certificate of its own, from a plan to its result; the same twice; what is refused, each with its code. METALMESH_LONG_TESTS: 200 hostile
subscribers and 10,000 messages of garbage from a core of their own, and npm's mqtt."""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import uuid

from mesh import BIN, ENV, ROOT, Mesh, Skipped, main, succeeded, wait_until

LONG = os.environ.get("METALMESH_LONG_TESTS") == "1"
INSTALL = {"action": "install", "image": "mm", "profile": "base", "startWithin": "600s", "launchWithin": "600s"}


def tls(mesh, tool):
    """A program of that identity has one connection at a time: the broker takes the certificate's name for its client id."""
    return ["-h", "localhost", "-p", str(mesh.broker_port), "-q", "1", "--cafile", str(mesh.pki / "ca.crt"),
            "--cert", str(mesh.pki / f"{tool}.crt"), "--key", str(mesh.pki / f"{tool}.key")]


def run(argv, payload=None, check=True, timeout=30):
    done = subprocess.run([str(a) for a in argv], input=payload, capture_output=True, text=True, env=ENV, timeout=timeout)
    assert not check or done.returncode == 0, (argv[0], done.returncode, done.stdout, done.stderr)
    return done.stdout


def ask(mesh, tool, request, token=None, wait=20):
    """(accepted or rejected, its body): the first answer. One connection after another: the broker keeps what comes in between."""
    token = token or uuid.uuid4().hex
    topic = f"mm/tools/{tool}/requests/{token}"
    payload = request if isinstance(request, str) else json.dumps(request)
    run(["mosquitto_sub", *tls(mesh, tool), "-E", "-t", f"{topic}/+"])  # forgets what was kept before
    run(["mosquitto_sub", *tls(mesh, tool), "-i", tool, "-c", "-E", "-t", f"{topic}/+"])
    run(["mosquitto_pub", *tls(mesh, tool), "-i", tool, "-c", "-t", topic, "-s"], payload)
    said = run(["mosquitto_sub", *tls(mesh, tool), "-i", tool, "-c", "-C", 1, "-W", wait, "-F", "%t %p", "-t", f"{topic}/+"])
    topic, body = said.strip().split(" ", 1)
    return topic.rsplit("/", 1)[1], json.loads(body)


def refused(mesh, tool, request, code, token=None):
    what, body = ask(mesh, tool, request, token)
    assert what == "rejected" and body["code"] == code and body["message"] and body["next"], (code, what, body)
    return body


def rollout(name, **spec):
    return {"metadata": {"name": name}, "spec": {**INSTALL, **spec}}


def furnish(mesh):
    mesh.apply_basics()
    mesh.wait_ready()
    for tool in mesh.tools:
        mesh.rest("PUT", f"/api/v1/users/{tool}", {"spec": {"role": "operator"}})


def from_a_plan_to_its_result():
    with Mesh({"par1": 4}, tools=["tool-ci", "tool-board", "tool-lyon"]) as mesh:
        furnish(mesh)
        mesh.rest("PUT", "/api/v1/users/tool-board", {"spec": {"role": "viewer"}})
        three = rollout("web", select={"servers": ["par1-n001", "par1-n002", "par1-n003"]})

        what, planned = ask(mesh, "tool-ci", {"do": "plan", "rollout": three})
        assert what == "accepted" and planned["servers"] == 3 and planned["state"] == "planned" and planned["waitsFor"], planned
        what, still = ask(mesh, "tool-ci", {"do": "start", "rollout": three})
        assert (what, still["state"]) == ("accepted", "planned"), "without expect it only plans"
        refused(mesh, "tool-ci", {"do": "start", "rollout": three, "expect": {"servers": 12}}, "expect-differs")
        assert mesh.get("/rollouts/web")["status"]["state"] == "planned" and not mesh.deployments("web")

        begin = {"do": "start", "rollout": {"metadata": {"name": "web"}}, "expect": {"servers": 3, "digest": planned["digest"]}}
        what, started = ask(mesh, "tool-ci", begin, "t-web")
        assert what == "accepted" and started["digest"] == planned["digest"] and "duplicate" not in started, started
        what, again = ask(mesh, "tool-ci", begin, "t-web")
        assert what == "accepted" and again["duplicate"] and again["digest"] == started["digest"], again
        told = run(["mosquitto_sub", *tls(mesh, "tool-ci"), "-C", 1, "-W", 60, "-t", "mm/tools/tool-ci/requests/t-web/result"], timeout=70)
        result = json.loads(told)
        assert result["rollout"] == "web" and result["state"] == "done" and result["counts"] == {"SUCCEEDED": 3} and not result.get("causes"), result
        succeeded(mesh.deployments("web"))

        mesh.controller.kill()
        mesh.controller.start()
        mesh.wait_api()
        wait_until("it listens to tools again", lambda: "controller-tools" in mesh.broker.text().rsplit("Socket error", 1)[-1], 20)
        time.sleep(1)
        what, later = ask(mesh, "tool-ci", begin, "t-web")
        assert what == "accepted" and later["duplicate"] and later["state"] == "done", "also after the controller was killed"
        mesh.check_truth([f"par1-n{i:03}" for i in (1, 2, 3)], ["par1-n004"])

        refusals(mesh)
        mesh.check_truth([f"par1-n{i:03}" for i in (1, 2, 3)], ["par1-n004"])
        mesh.check_events()


def refusals(mesh):
    one = {"do": "start", "rollout": rollout("more", select={"servers": ["par1-n004"]}), "expect": {"servers": 1}}
    refused(mesh, "tool-ci", one, "token-used", "t-web")
    refused(mesh, "tool-ci", {**one, "deadline": "2020-01-01T00:00:00Z"}, "expired")
    refused(mesh, "tool-ci", "garbage", "malformed-request")
    refused(mesh, "tool-ci", {**one, "exspect": {}}, "malformed-request")
    refused(mesh, "tool-ci", {"do": "plan", "rollout": {"metadata": {"name": "none"}}}, "not-found")
    refused(mesh, "tool-board", one, "forbidden")
    mesh.rest("PUT", "/api/v1/sites/lyo1", {"spec": {}})
    mesh.rest("PUT", "/api/v1/users/tool-lyon", {"spec": {"role": "operator", "sites": ["lyo1"]}})
    assert ask(mesh, "tool-lyon", one)[0] == "rejected", "another site's servers"
    mesh.rest("PUT", "/api/v1/users/tool-lyon", {"spec": {"role": "operator", "actions": ["inspect"]}})
    refused(mesh, "tool-lyon", one, "forbidden")
    mesh.cli("user", "disable", "tool-lyon")
    refused(mesh, "tool-lyon", one, "forbidden")
    # A site's box is no tool, whatever users there are.
    mesh.rest("PUT", "/api/v1/users/par1x", {"spec": {"role": "admin"}})
    for agent in mesh.agents.values():
        agent.stop()
    refused(mesh, "par1", one, "forbidden")
    # Nor does one tool ask, or listen, in another's name.
    topic = "mm/tools/tool-ci/requests/stolen"
    heard = run(["mosquitto_rr", *tls(mesh, "tool-board"), "-t", topic, "-e", "mm/tools/tool-ci/#", "-W", 2, "-s"], json.dumps(one), check=False)
    assert heard == "", heard
    # This broker keeps nothing: what is asked to be kept does not arrive at all (paho_bus_test looks at one that does).
    run(["mosquitto_pub", *tls(mesh, "tool-ci"), "-r", "-t", "mm/tools/tool-ci/requests/kept", "-s"], json.dumps(one), check=False)
    assert mesh.rest("GET", "/api/v1/rollouts/more")[0] == 404, "nothing of all that was carried out"


class Board:
    """mosquitto_sub with that tool's identity, for as long as it is looked at: (topic, CloudEvent) as they come."""

    def __init__(self, mesh, tool):
        self.argv = ["mosquitto_sub", *tls(mesh, tool), "-F", "%t %p", "-t", f"mm/tools/{tool}/events/+", "-t", f"mm/tools/{tool}/rollouts/+"]
        self.lines = mesh.folder / f"{tool}-heard.log"
        self.listen()

    def listen(self):
        """It ends with its connection."""
        with open(self.lines, "ab") as lines:
            self.process = subprocess.Popen(self.argv, stdout=lines, stderr=subprocess.DEVNULL, env=ENV)

    def heard(self):
        lines = [line.split(" ", 1) for line in self.lines.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [(topic, json.loads(event)) for topic, event in lines]

    def events(self):
        return [event for topic, event in self.heard() if "/events/" in topic]

    def close(self):
        self.process.kill()
        self.process.wait()


def valid(topic, event):
    """CloudEvents 1.0, JSON format: what its specification asks of each attribute."""
    assert event["specversion"] == "1.0", event
    for name in ("id", "source", "type"):
        assert isinstance(event[name], str) and event[name], (name, event)
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in event), event.keys()
    assert event["datacontenttype"] == "application/json" and isinstance(event["data"], dict), event
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", event["time"]) or event["type"] == "metalmesh.rollout.deleted", event
    if "/events/" in topic:
        assert event["source"] == "/api/v1/events" and event["type"] == "metalmesh.event." + topic.rsplit("/", 1)[1], (topic, event)
        assert event["data"]["id"] == event["id"], event
    else:
        assert event["source"] == "/api/v1/changes" and event["data"]["position"] == event["id"], event
        assert event["subject"] == "rollouts/" + topic.rsplit("/", 1)[1], (topic, event)


def nothing_is_missing_unseen(events, mine):
    """What came again says the same; and each says which came before it, by which who missed one sees that."""
    seen = {}
    for event in events:
        assert seen.setdefault(event["id"], event).get("data") == event["data"], event
        if "previousid" in event:
            assert mine.index(event["id"]) == mine.index(event["previousid"]) + 1, ("not told of", event)
    return list(seen)


def of_user(mesh, tool):
    """The ids of all events that this user may read by REST."""
    token = f"{tool}-token-0123456789abcdef"
    mesh.rest("POST", f"/api/v1/users/{tool}/tokens", {"sha256": hashlib.sha256(token.encode()).hexdigest()})
    after, found = "0", []
    while True:
        status, _, page = mesh.rest("GET", f"/api/v1/events?limit=500&after={after}", headers={"Authorization": f"Bearer {token}"})
        assert status == 200, page
        if not page.get("items"):
            return found
        found += [event["id"] for event in page["items"]]
        after = found[-1]


def boards_follow_an_install():
    """Three dashboards, one of the mesh and one of each site: what REST says to such a user, and nothing else; over kills of the
    broker and the controller."""
    tools = ["tool-all", "tool-par", "tool-lyo"]
    with Mesh({"par1": 2, "lyo1": 1}, tools=[*tools, "tool-thief"], install_ms=3000) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.rest("PUT", "/api/v1/users/tool-all", {"spec": {"role": "viewer"}})
        mesh.rest("PUT", "/api/v1/users/tool-par", {"spec": {"role": "viewer", "sites": ["par1"]}})
        mesh.rest("PUT", "/api/v1/users/tool-lyo", {"spec": {"role": "viewer", "sites": ["lyo1"]}})
        boards = {tool: Board(mesh, tool) for tool in tools}
        thief = run_beside(["mosquitto_sub", *tls(mesh, "tool-thief"), "-t", "#", "-t", "mm/tools/+/events/+", "-t", "mm/tools/tool-all/rollouts/+"])
        try:
            time.sleep(1)
            mesh.start_rollout("par", select={"sites": ["par1"]})
            succeeded(mesh.wait_done("par", 120))
            mesh.start_rollout("lyo", select={"sites": ["lyo1"]})
            succeeded(mesh.wait_done("lyo", 120))
            wait_until("the board of all hears of both ends", lambda: {"par", "lyo"} <= ended(boards["tool-all"]), 20)
            wait_until("and each site's of its own", lambda: "par" in ended(boards["tool-par"]) and "lyo" in ended(boards["tool-lyo"]), 20)
            for tool, board in boards.items():
                heard = board.heard()
                for topic, event in heard:
                    assert topic.startswith(f"mm/tools/{tool}/"), topic
                    valid(topic, event)
                mine = of_user(mesh, tool)
                ids = nothing_is_missing_unseen(board.events(), mine)
                first = mine.index(ids[0])
                assert len(ids) > 5 and ids == mine[first:first + len(ids)], (tool, "is told what REST shows, in its order, and nothing else")
            text = {tool: json.dumps(board.heard()) for tool, board in boards.items()}
            assert "lyo1" not in text["tool-par"] and "par1" not in text["tool-lyo"], "another's site"
            broker_and_controller_die(mesh, boards["tool-all"])
        finally:
            thief.kill()
            for board in boards.values():
                board.close()
        assert thief.communicate()[0] == "", "who is no user of the mesh hears nothing"


def run_beside(argv):
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENV)


def ended(board):
    return {event["subject"].split("/")[1] for topic, event in board.heard()
            if "/rollouts/" in topic and event["data"].get("rollout", {}).get("status", {}).get("state") == "done"}


def broker_and_controller_die(mesh, board):
    def touch(what):
        assert mesh.rest("PUT", "/api/v1/sites/lyo1", {"spec": {"vars": {"round": what}}})[0] == 200
        return of_user(mesh, "tool-all")[-1]
    mesh.broker.kill()
    for i in range(20):
        touch(f"away-{i}")
    mesh.broker.start()
    time.sleep(1)
    board.process.wait(10)
    board.listen()
    time.sleep(2)
    newest = touch("back")
    wait_until("what comes after the broker was away", lambda: newest in [event["id"] for event in board.events()], 60)
    nothing_is_missing_unseen(board.events(), of_user(mesh, "tool-all"))
    touch("before")
    mesh.controller.kill()
    mesh.controller.start()
    mesh.wait_api()
    def complete():
        mine, heard = of_user(mesh, "tool-all"), {event["id"] for event in board.events()}
        return heard == set(mine[min(mine.index(one) for one in heard):])
    touch("after")
    wait_until("after the controller was killed what it had not said, and what the broker lost", complete, 60)
    nothing_is_missing_unseen(board.events(), of_user(mesh, "tool-all"))


def the_readme_of_the_broker_is_right():
    """Its example, typed as it stands, prints an event and a rollout."""
    [typed] = re.findall(r"^```sh dashboard\n(.*?)^```$", (ROOT / "broker-config/README.md").read_text(), re.MULTILINE | re.DOTALL)
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        client = mesh.folder / "client.yaml"
        client.write_text(f"server: https://localhost:{mesh.api_port}\nca: pki/ca.crt\ntokenFile: pki/admin.token\n")
        env = {**ENV, "PATH": f"{BIN}:{ENV.get('PATH', os.defpath)}", "METALMESH_CONFIG": str(client), "PKI": str(mesh.pki), "PORT": str(mesh.broker_port)}
        printed, said = mesh.folder / "printed", mesh.folder / "typed.log"
        with open(printed, "wb") as out, open(said, "wb") as errors:
            shell = subprocess.Popen(["bash", "-eux", "-c", typed], cwd=mesh.folder, env=env, stdout=out, stderr=errors, start_new_session=True)
        try:
            wait_until("it listens", lambda: "as tool-board (" in mesh.broker.text() or shell.poll() is not None, 30)
            mesh.rollout("seen", select={"sites": ["*"]})
            wait_until("an event and a rollout are printed", lambda: all(word in printed.read_text() for word in
                                                                        ('"type":"metalmesh.event.', '"type":"metalmesh.rollout.changed"')), 20)
        finally:
            print(f"  typed: {said.read_text()[-300:]}" if shell.poll() is not None else "", end="", flush=True)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()


def node():
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return found if int(re.match(r"v(\d+)", version).group(1)) >= 20 else None


CLIENT = """
import mqtt from "mqtt";
import { readFileSync } from "node:fs";
const [port, pki, tool, request] = process.argv.slice(2);
const file = (name) => readFileSync(`${pki}/${name}`);
const client = mqtt.connect({ protocol: "mqtts", host: "localhost", port, protocolVersion: 4, clientId: tool,
  ca: file("ca.crt"), cert: file(`${tool}.crt`), key: file(`${tool}.key`) });
const root = `mm/tools/${tool}`;
client.on("connect", async () => {
  await client.subscribeAsync([`${root}/requests/+/+`, `${root}/events/+`], { qos: 1 });
  await client.publishAsync(`${root}/requests/from-node`, request, { qos: 1 });
});
client.on("message", (topic, payload) => {
  console.log(topic + " " + payload);
  if (topic.endsWith("/result") || topic.endsWith("/rejected")) client.end();
});
setTimeout(() => process.exit(1), 90000).unref();
"""


def a_client_of_npm_follows_it():
    if not LONG:
        raise Skipped("packages of npm; METALMESH_LONG_TESTS=1")
    with tempfile.TemporaryDirectory(prefix="mm-mqtt-") as name, Mesh({"par1": 1}, tools=["tool-ci"]) as mesh:
        folder = pathlib.Path(name)
        (folder / "package.json").write_text('{"private": true, "type": "module"}\n')
        (folder / "client.js").write_text(CLIENT)
        if node() is None or subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "mqtt@5"], cwd=folder, timeout=300,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            raise Skipped("npm, Node 20 or the registry is not there")
        furnish(mesh)
        request = {"do": "start", "rollout": rollout("web", select={"sites": ["*"]}), "expect": {"servers": 1}}
        done = subprocess.run([node(), "client.js", str(mesh.broker_port), str(mesh.pki), "tool-ci", json.dumps(request)], cwd=folder,
                              capture_output=True, text=True, env=ENV, timeout=120)
        heard = dict(line.split(" ", 1) for line in done.stdout.splitlines())
        assert any(topic.startswith("mm/tools/tool-ci/events/") and json.loads(body)["specversion"] == "1.0" for topic, body in heard.items()), heard
        assert json.loads(heard["mm/tools/tool-ci/requests/from-node/result"])["counts"] == {"SUCCEEDED": 1}, (done.stdout, done.stderr)


def install_seconds(mesh, name, servers):
    for server in servers:
        if mesh.get(f"/servers/{server}")["status"].get("protected"):
            mesh.cli("server", "unprotect", server, "--reason", "test")
    begin = time.monotonic()
    mesh.start_rollout(name, select={"servers": servers}, reinstall=True, poweredOn="force")
    succeeded(mesh.wait_done(name, 180))
    return time.monotonic() - begin


def garbage_and_hostile_subscribers_change_nothing():
    """Each with a certificate: half of them are users of the mesh."""
    if not LONG:
        raise Skipped("minutes of load; METALMESH_LONG_TESTS=1")
    hostile, senders = [f"tool-h{i}" for i in range(200)], [f"tool-g{i}" for i in range(10)]
    with Mesh({"par1": 6}, install_ms=4000, tools=["tool-ci", *hostile, *senders]) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        for tool in ["tool-ci", *hostile[::2], *senders[::2]]:
            assert mesh.rest("PUT", f"/api/v1/users/{tool}", {"spec": {"role": "operator"}})[0] == 201
        product = [mesh.broker, mesh.controller, *mesh.agents.values(), *mesh.media.values(), *mesh.bmcs.values()]
        for each in product:
            subprocess.run(["taskset", "-a", "-c", "-p", "0", str(each.process.pid)], check=True, stdout=subprocess.DEVNULL)
        servers = [f"par1-n{i:03}" for i in range(1, 7)]
        calm = [install_seconds(mesh, f"calm{i}", servers) for i in range(3)]
        other = ["taskset", "-c", "1"]
        lines = "".join(f'{{"do": "start", "garbage": {i}}}\n' for i in range(1000))
        flood = []
        try:
            for tool in hostile:
                flood.append(subprocess.Popen([*other, "mosquitto_sub", *tls(mesh, tool), "-t", "#", "-t", "mm/tools/+/events/+", "-t", "mm/1/+/up",
                                               "-t", f"mm/tools/{tool}/events/+"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV))
            time.sleep(5)
            begin, loud = time.monotonic(), []
            for round_number in range(3):
                sent = [subprocess.Popen([*other, "mosquitto_pub", *tls(mesh, tool), "-l", "-t", f"mm/tools/{tool}/requests/g{round_number}"],
                                         stdin=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV)
                        for tool in senders]
                for each in sent:
                    each.stdin.write(lines)
                    each.stdin.close()
                loud.append(install_seconds(mesh, f"loud{round_number}", servers))
                assert all(each.wait(120) == 0 for each in sent)
            print(f"  30,000 messages of garbage in {time.monotonic() - begin:.0f} s", flush=True)
            what, body = ask(mesh, "tool-ci", {"do": "plan", "rollout": {"metadata": {"name": "heard"}, "spec": {"action": "inspect", "select": {"servers": servers}}}})
            assert what == "accepted" and body["servers"] == 6, "who behaves is heard meanwhile"
        finally:
            for each in flood:
                each.kill()
                each.wait()
        print(f"  calm {[f'{t:.1f}' for t in calm]} s, under load {[f'{t:.1f}' for t in loud]} s", flush=True)
        assert statistics.median(loud) <= 1.2 * statistics.median(calm), (calm, loud)
        assert all(each.alive() for each in product)
        mesh.check_events()
        for name, server in mesh.truth().items():
            assert not server["violations"] and len(server["installs"]) == 6 and all(i["completed"] for i in server["installs"]), (name, server)


main([from_a_plan_to_its_result, boards_follow_an_install, the_readme_of_the_broker_is_right, a_client_of_npm_follows_it, garbage_and_hostile_subscribers_change_nothing])
