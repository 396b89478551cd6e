"""Who has stolen one thing: an operator's token, a medium's URL, a disk, a machine's identity, a site's keys. Each tries it at the same
mesh, one after the other, and the last attack ends it."""
import contextlib
import http.server
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

import attack_kinds  # noqa: F401, more lines of the table
import attack_table
import next_steps_test
from mesh import ENV, TEMPLATE, wait_until

SECRET = "K10a1b2c3d4e5f60718293a4b5c6d7e8f9"


class Trap(http.server.BaseHTTPRequestHandler):
    """A BMC of the attacker's: it keeps what it is told."""
    protocol_version = "HTTP/1.1"
    told = []

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        Trap.told.append(f"GET {self.path} {self.headers.get('Authorization', '')}")
        self.answer(200, {"@odata.id": "/redfish/v1/", "RedfishVersion": "1.15.0", "UUID": "1", "Systems": {"@odata.id": "/redfish/v1/Systems"},
                          "Links": {"Sessions": {"@odata.id": "/redfish/v1/SessionService/Sessions"}}})

    def do_POST(self):
        Trap.told.append(f"POST {self.path} {self.rfile.read(int(self.headers['Content-Length'])).decode()}")
        self.answer(401, {})

    def log_message(self, *_):
        pass


def trap(mesh):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trap)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(mesh.pki / "api.crt", mesh.pki / "api.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def reachable(mesh, server):
    found = [c for c in mesh.get(f"/servers/{server}")["status"].get("conditions", []) if c["type"] == "Reachable"]
    return found[0]["reason"] if found else ""


def no_password_goes_to_whom_nobody_stands_for(mesh):
    """An operator's token names an address; whoever answers there at first contact gets the site's password."""
    server = trap(mesh)
    mesh.apply_basics(vars={"joinToken": SECRET}, template={"inline": TEMPLATE + "join={{joinToken}}\n"})
    spec = {"site": "par1", "bmc": {"address": f"127.0.0.1:{server.server_port}", "credential": "par1-bmc"}, "state": "new"}
    mesh.apply("trap", {"kind": "Server", "metadata": {"name": "trap"}, "spec": spec})
    wait_until("the trap was looked at", lambda: reachable(mesh, "trap") == "BMC_KEY_UNKNOWN", 30)
    assert Trap.told and all(t.startswith("GET /redfish/v1") and "Basic" not in t for t in Trap.told), Trap.told
    # With a key that the attacker says is right, it is in none of the networks of the site's own file.
    seen = len(Trap.told)
    key = mesh.get("/servers/trap")["status"]["bmcKeySha256"]
    outside = {**spec, "bmc": {**spec["bmc"], "address": f"127.250.0.1:{server.server_port}", "keySha256": key}}
    mesh.apply("trap", {"kind": "Server", "metadata": {"name": "trap"}, "spec": outside})
    wait_until("it is not to be asked", lambda: reachable(mesh, "trap") == "BMC_NOT_ALLOWED", 30)
    assert len(Trap.told) == seen and "password" not in json.dumps(Trap.told), Trap.told
    mesh.cli("delete", "server", "trap", "--confirm", "trap", check=False)
    server.shutdown()
    # And people get through: a key that somebody has looked at, a delivery that somebody lets in.
    first = "par1-n001"
    wait_until("its key is shown", lambda: reachable(mesh, first) == "BMC_KEY_UNKNOWN", 30)
    assert mesh.truth()[first]["sessions"] == 0
    said = mesh.cli("server", "accept", first).stdout
    assert "is approved" in said, said
    wait_until("it is ready", lambda: mesh.get(f"/servers/{first}")["status"]["phase"] == "ready", 30)
    keys_come_with_a_list(mesh, "par1-n002")
    network = mesh.get(f"/servers/{first}")["spec"]["bmc"]["address"].split(":")[0].rsplit(".", 1)[0] + ".0/24"
    mesh.cli("site", "first-contact", "par1", "--network", network, "--for", "1h", "--reason", "delivery")
    mesh.wait_ready()


def keys_come_with_a_list(mesh, server):
    """Of a delivery, as its vendor sends it: who has the key that is listed is logged in to, and nobody else."""
    wait_until("its key is shown", lambda: reachable(mesh, server) == "BMC_KEY_UNKNOWN", 30)
    listed, key = mesh.folder / "delivery.csv", mesh.get(f"/servers/{server}")["status"]["bmcKeySha256"]
    listed.write_text(f"name,bmc_key\n{server},{'0' * 64}\n")
    mesh.cli("import", listed)
    wait_until("another key than the listed one is told", lambda: reachable(mesh, server) == "BMC_KEY_CHANGED", 30)
    assert mesh.truth()[server]["sessions"] == 0
    listed.write_text(f"name,bmc_key\n{server},{key}\n")
    mesh.cli("import", listed)
    wait_until("it is ready by its key", lambda: mesh.get(f"/servers/{server}")["status"]["phase"] == "ready", 30)


def a_medium_and_a_callback_are_nobody_elses(mesh):
    """A viewer at a BMC knows the URL of its medium, and with it the answer file; whoever has that can call back."""
    mesh.set_bmc("par1-n001", postMs=4000)
    mesh.start_rollout("borrowed", select={"servers": ["par1-n001"]})

    def armed():
        return mesh.deployments("borrowed")["par1-n001"].get("stage") == "WATCH" and mesh.truth()["par1-n001"]["media"]
    url = wait_until("its medium is open", armed, 60, pause=0.05)
    host, port, path = re.match(r"https://([^/:]+):(\d+)(/.*)", url).groups()
    with socket.create_connection((host, int(port)), timeout=5, source_address=("127.0.0.66", 0)) as raw, \
            ssl._create_unverified_context().wrap_socket(raw) as thief:
        thief.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        said = thief.recv(100)
    assert b" 403 " in said, said
    # Meanwhile: a system that is to have another address is not the one that calls from here.
    server = mesh.get("/servers/par1-n002")
    server["spec"]["host"] = {"network": {"links": [{"name": "eno1", "addresses": ["10.21.0.60/24"]}]}}
    mesh.apply("elsewhere", {"kind": "Server", "metadata": server["metadata"], "spec": server["spec"]},
               {"kind": "Profile", "metadata": {"name": "quick"}, "spec": {
                   **mesh.get("/profiles/base")["spec"], "vars": {"joinToken": SECRET}, "proof": {"minimum": "callback", "within": "4s"}, "template": {
                       "inline": TEMPLATE + "net={{host.network.primary.name}} {{host.network.primary.ipv4.cidr}}\n"}}})
    mesh.start_rollout("called", profile="quick", select={"servers": ["par1-n002"]})
    ends = mesh.wait_done("borrowed")
    assert ends["par1-n001"]["state"] == "SUCCEEDED", ends
    assert any("127.0.0.66 wanted to read" in e.get("message", "") for e in mesh.events()), "told"
    [end] = mesh.wait_done("called").values()
    assert end["state"] == "UNPROVEN" and end["fault"]["code"] == "PROOF_MISSING", end
    assert "127.0.0.1 called in its place" in end["fault"]["seen"] and "10.21.0.60/32" in end["fault"]["seen"], end


def secrets_are_written_and_not_read(mesh):
    secrets = {"hash": "$6$rounds=5000$saltsalt$0123456789abcdef0123456789abcdef", "token": "K10f3a9c2e4b6d8f0a1c3e5b7d9f1a3c"}
    spec = {**mesh.get("/profiles/base")["spec"], "vars": {"joinToken": secrets["token"]}, "host": {"root": {"passwordHash": secrets["hash"]}},
            "template": {"inline": f"rootpw --iscrypted {secrets['hash']}\n"}}
    mesh.apply("secretive", {"kind": "Profile", "metadata": {"name": "secretive"}, "spec": spec})
    shown = mesh.get("/profiles/secretive")
    everything = json.dumps([shown, mesh.get("/profiles"), mesh.get("/profiles/secretive/versions/1"), mesh.get("/changes?kind=Profile"),
                             mesh.cli("get", "profile", "secretive", "-o", "yaml").stdout, mesh.events()])
    assert "joinToken" in everything and "0123456789abcdef" not in everything and secrets["token"] not in everything, everything
    assert mesh.rest("PUT", "/api/v1/profiles/secretive", shown)[0] == 200
    assert mesh.get("/profiles/secretive")["metadata"]["version"] == shown["metadata"]["version"], "nothing was changed by that"


def what_was_installed_with_is_on_no_disk(mesh):
    """Two installs were given it. Whoever takes a disk home later finds it at neither end."""
    wait_until("its site has wiped it", lambda: found_on_disk(mesh) == [], 10)
    mesh.cli("backup", mesh.folder / "kept")
    assert found_on_disk(mesh, "kept") == [] and (mesh.folder / "kept/BACKUP").exists()


def found_on_disk(mesh, *folders):
    folders = [str(mesh.folder / folder) for folder in folders or ("controller", "agent-par1")]
    return subprocess.run(["grep", "-rlaF", SECRET, *folders], capture_output=True, text=True).stdout.splitlines()


def newcomer_is_let_in(mesh):
    """A site that the broker has not seen yet, as far as the broker's answer to it."""
    context = ssl._create_unverified_context()
    context.load_cert_chain(mesh.pki / "new1.crt", mesh.pki / "new1.key")
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", mesh.broker_port), timeout=5) as raw, \
            context.wrap_socket(raw) as sock:
        sock.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x1e\x00\x00")
        return sock.recv(4) == b"\x20\x02\x00\x00"
    return False


def a_stale_list_keeps_newcomers_out_and_is_told(mesh):
    """The list of revoked certificates has ended: nobody new, and who is there stays."""
    mesh.cli("pki", "init", "--dir", mesh.pki, "--site", "new1")
    assert newcomer_is_let_in(mesh)
    mesh.cli("pki", "renew-list", "--dir", mesh.pki, "--for", "1s")
    time.sleep(1.5)
    mesh.broker.process.send_signal(signal.SIGHUP)
    wait_until("newcomers are refused", lambda: not newcomer_is_let_in(mesh), 10)

    def alarm():
        said = mesh.cli("controller", "status").stdout
        return said if "ALARM" in said else None
    said = wait_until("people are told", alarm, 15)
    assert "refuses every newcomer" in said and "metalmesh pki renew-list" in said, said
    assert mesh.get("/sites/par1")["status"]["connected"]
    said = mesh.cli("doctor", "site", "par1", check=False).stdout
    assert "list of revoked certificates ended" in said, said
    mesh.cli("pki", "renew-list", "--dir", mesh.pki)
    mesh.broker.process.send_signal(signal.SIGHUP)
    wait_until("newcomers are let in again", lambda: newcomer_is_let_in(mesh), 10)
    wait_until("it is over", lambda: alarm() is None, 15)


def installers_words(mesh, server):
    """The hook, as its installer would run it on this machine, and where its system would call."""
    url = mesh.truth()[server]["media"]
    with urllib.request.urlopen(url, context=ssl._create_unverified_context(), timeout=10) as reply:
        medium = reply.read()
    begin = medium.index(b"mm_url=")
    end = medium.index(b"\nfi\n", medium.index(b"ip addr del", begin)) + 3
    return medium[begin:end].decode(), re.search(rb"callback=(https://\S+)", medium)[1].decode()


def hook_of(mesh, rollout, server):
    mesh.start_rollout(rollout, profile="checked", select={"servers": [server]}, reinstall=True)
    wait_until("it is launched", lambda: mesh.deployments(rollout)[server].get("launched"), 60, pause=0.05)
    return installers_words(mesh, server)


def run_hook(mesh, hook, identity, name):
    """On a machine that tells this of itself."""
    folder = mesh.folder / name
    (folder / "dmi").mkdir(parents=True)
    (folder / "net").mkdir()
    (folder / "dmi/product_uuid").write_text(identity["uuid"] + "\n")
    (folder / "dmi/product_serial").write_text(identity["serial"] + "\n")
    # The folder's own name may begin like a file of the hook's: those first.
    for there, here in (("/tmp/metalmesh-", f"{folder}/"), ("/sys/class/dmi/id", f"{folder}/dmi"), ("/sys/class/net", f"{folder}/net"),
                        ("/dev/console", "/dev/null"), ("mm_calls=no", "mm_calls=yes")):
        hook = hook.replace(there, here)
    return subprocess.run(["timeout", "20", "sh", "-c", hook], capture_output=True, text=True, env=ENV), folder / "key"


def an_installer_shows_its_machine_and_its_system_a_key(mesh):
    """Who knows the answer file has both URLs, and gets neither a go nor a success; another machine is told to stop."""
    name = "par1-n003"
    mesh.set_bmc(name, installMs=9000)
    mesh.apply("checked", {"kind": "Profile", "metadata": {"name": "checked"}, "spec": {
        **mesh.get("/profiles/base")["spec"], "vars": {"joinToken": SECRET}, "verifyInInstaller": "require",
        "proof": {"minimum": "callback", "within": "30s"}, "template": {"inline": TEMPLATE + "{{{check.script}}}\n"}}})
    identity = mesh.get(f"/servers/{name}")["status"]["seen"]
    hook, _ = hook_of(mesh, "other", name)
    said, _ = run_hook(mesh, hook.replace("sleep 3600", "exit 9"), {"uuid": "6b1c" + identity["uuid"][4:], "serial": "CZ2404040X"}, "other-machine")
    assert said.returncode == 9, said
    [end] = mesh.wait_done("other").values()
    assert end["state"] == "INDETERMINATE" and end["fault"]["code"] == "INSTALLER_REFUSED" and "CZ2404040X" in end["fault"]["seen"], end
    typist = next_steps_test.Typist(mesh)
    for command in next_steps_test.commands_in(end["fault"]["next"]):
        typist.type(command)
    mesh.set_bmc(name, power=False)
    wait_until("its medium is out", lambda: any("out of the custody" in e.get("message", "") for e in mesh.events()), 30)
    again = {"profile": "checked", "select": {"servers": [name]}, "reinstall": True}
    wait_until("it may be installed", lambda: mesh.rollout("again", **again).get("servers"), 30)
    hook, callback = hook_of(mesh, "checked", name)
    said, key = run_hook(mesh, hook, identity, "its-installer")
    assert said.returncode == 0 and key.stat().st_mode & 0o077 == 0, said
    hook = hook.replace("sleep 3600", "exit 9")
    said, stolen = run_hook(mesh, hook, identity, "thief")
    assert said.returncode == 9 and "got no go" in said.stdout + said.stderr, said
    wait_until("that is told", lambda: any("asked for the go of its installer" in e.get("message", "") for e in mesh.events()), 10)
    wait_until("its system runs", lambda: mesh.deployments("checked")[name].get("stage") == "VERIFY", 60)

    def call(body):
        return subprocess.run(["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--data", body, callback],
                              capture_output=True, text=True, env=ENV).stdout
    assert call("booted") == "403" and call("booted " + stolen.read_text().strip()) == "403"
    assert mesh.deployments("checked")[name]["state"] == "RUNNING"
    assert call("booted " + key.read_text().strip()) == "204"
    [end] = mesh.wait_done("checked").values()
    assert end["state"] == "SUCCEEDED" and "its installer showed the ordered machine, and got its go" in end["evidence"], end


def a_revoked_site_is_out_at_once(mesh):
    mesh.cli("site", "revoke", "par1", "--confirm", "par1", "--reason", "the box was stolen")
    mesh.cli("pki", "revoke", "--dir", mesh.pki, "--site", "par1")
    before = mesh.events()[-1]["id"]
    time.sleep(1.5)  # of its Hellos
    assert not [e for e in mesh.events() if e["id"] == before][1:], "nothing of it is heard"
    assert not mesh.get("/sites/par1")["status"].get("connected")
    mesh.broker.process.send_signal(signal.SIGHUP)
    agent = mesh.agents["par1"]
    agent.stop()
    (mesh.pki / "par1.crt").write_text((mesh.pki / "revoked/par1.crt").read_text())  # the thief has both
    (mesh.pki / "par1.key").write_text(mesh.stolen_key)
    (mesh.pki / "par1.key").chmod(0o600)
    (mesh.pki / "site-keys/par1.key").write_text(mesh.stolen_signing_key)
    (mesh.pki / "site-keys/par1.key").chmod(0o600)
    seen = len(mesh.broker.text())
    agent.start()
    wait_until("the broker refuses its certificate", lambda: "certificate" in mesh.broker.text()[seen:], 20)
    again = mesh.rest("POST", "/api/v1/sites/par1/revoke", {"confirm": "par1", "reason": "x"})
    assert again[0] == 409, again
    seen = len(mesh.broker.text())
    mesh.controller.stop()
    mesh.controller.start()  # its own certificate is still good
    wait_until("the controller is back on the broker", lambda: "as controller" in mesh.broker.text()[seen:], 20)
    assert "as par1" not in mesh.broker.text()[seen:], "and the site is not"


def tries_all(mesh):
    """Of a mesh whose BMCs nobody has vouched for yet."""
    mesh.stolen_key, mesh.stolen_signing_key = [(mesh.pki / f).read_text() for f in ("par1.key", "site-keys/par1.key")]
    no_password_goes_to_whom_nobody_stands_for(mesh)
    a_medium_and_a_callback_are_nobody_elses(mesh)
    an_installer_shows_its_machine_and_its_system_a_key(mesh)
    secrets_are_written_and_not_read(mesh)
    what_was_installed_with_is_on_no_disk(mesh)
    attack_table.all_of(mesh)
    a_stale_list_keeps_newcomers_out_and_is_told(mesh)
    a_revoked_site_is_out_at_once(mesh)
