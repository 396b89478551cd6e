#!/usr/bin/env python3
"""Who may see and do what, over every operation of the specification and with real processes: a person of one site has nothing of
another, a viewer reads no secret wherever it was written, and a token that is taken back ends what it opened."""
import base64
import contextlib
import hashlib
import json
import os
import re
import secrets
import ssl
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import rest_spec
from attacker import Attacker
from mesh import BIN, ENV, TEMPLATE, Mesh, main, wait_until

OTHER = "lyo1"  # a site that is not hers
LONG = os.environ.get("METALMESH_LONG_TESTS") == "1"
SOON = 2.0  # seconds in which a stream ends

# What an operation of the specification is asked with, so that it would do something.
BODIES = {
    "putSite": {"spec": {"vars": {"a": "b"}}}, "putCredential": {"spec": {"site": OTHER, "note": "hers"}},
    "putServer": {"spec": {"site": OTHER, "bmc": {"address": "127.0.0.9:9", "credential": f"{OTHER}-bmc"}}},
    "clearQuarantine": {"note": "x"}, "openFirstContact": {"network": "127.0.0.0/8", "duration": "3600s", "reason": "x"},
    "revokeSite": {"confirm": OTHER, "reason": "x"}, "discoverBmcs": {"ranges": ["127.0.0.1"]},
    "protectServer": {"reason": "x"}, "unprotectServer": {"duration": "3600s", "reason": "x", "breakGlass": True}, "approveUnprotect": {"note": "x"},
    "cleanServer": {"reason": "x"}, "adoptServer": {"reason": "x"}, "releaseServer": {"reason": "x"},
    "reidentifyServer": {"confirm": "x", "reason": "x"}, "replaceServer": {"confirm": "x", "reason": "x"}, "moveServer": {"site": "par1", "address": "127.0.0.9:9"},
    "putImage": {"spec": {"family": "placeholder", "iso": {"urls": ["https://x/"], "sha256": "0" * 64}}}, "prefetchImage": {"sites": [OTHER]},
    "putProfile": {"spec": {"family": "placeholder", "template": {"inline": "x"}}}, "putSettingsProfile": {"spec": {"bios": {"A": "b"}}},
    "putPostureException": {"spec": {"findings": ["legacyBoot"], "select": {"sites": [OTHER]}, "reason": "x", "until": "2099-01-01T00:00:00Z"}},
    "putHardwareType": {"spec": {"manufacturer": "a", "model": "b"}}, "putUser": {"spec": {"role": "viewer"}},
    "addToken": {"sha256": "1" * 64, "duration": "3600s"}, "widenLimit": {"perHour": 9000, "reason": "x"},
    "putRollout": {"spec": {"action": "inspect", "select": {"sites": [OTHER]}}}, "startRollout": {"plan": "x", "confirm": 1},
    "stopRollout": {"reason": "x"}, "pauseRollout": {"reason": "x"}, "continueRollout": {"wave": 1, "confirm": 1, "reason": "x"},
    "skipServers": {"sites": [OTHER], "reason": "x"}, "setRollout": {"parallel": {"total": 1}, "reason": "x"}, "resolveDeployment": {"as": "failed", "note": "x"}, "cancelDeployment": {"reason": "x"},
    "continueController": {"reason": "x"}, "settleDamage": {"row": "s/lyo1", "reason": "x"}, "startBackup": {"folder": "/nonexistent/x"},
}
# What all sites share is hers to read, and says nothing of other sites.
SHARED = ("version", "families", "images", "profiles", "settingsprofiles", "hardwaretypes", "limits", "controller")


def wishes(mesh):
    """What people asked for. Versions rise by what sites report, too: who did something is in the log."""
    kinds = ("sites", "credentials", "servers", "rollouts", "users", "images", "profiles")
    return {(kind, each["metadata"]["name"]): each["spec"] for kind in kinds for each in mesh.every(f"/{kind}")}


class Tried:
    """Asks in the name of whoever has a token; what was asked of which operation is kept."""

    def __init__(self, mesh):
        self.mesh, self.seen = mesh, {}
        self.context = ssl.create_default_context(cafile=str(mesh.pki / "ca.crt"))

    def ask(self, token, method, path, body=None, headers=None):
        status, _, text = self.mesh.rest(method, path, body=body, token=False, headers={"Authorization": "Bearer " + token, **(headers or {})})
        return status, text if isinstance(text, str) else json.dumps(text) if not isinstance(text, bytes) else text.decode(errors="replace")

    def stream(self, token, path, seconds):
        """What a stream from the beginning tells in that time."""
        request = urllib.request.Request(f"https://localhost:{self.mesh.api_port}{path}", headers={
            "Authorization": "Bearer " + token, "Accept": "text/event-stream", "Last-Event-ID": "0"})
        told, end = b"", time.monotonic() + seconds
        with contextlib.suppress(TimeoutError, OSError), urllib.request.urlopen(request, context=self.context, timeout=1) as reply:
            while time.monotonic() < end:
                told += reply.read1(65536)
        return told.decode(errors="replace")

    def token_of(self, name, *how):
        kept = self.mesh.folder / f"{name}.token"
        self.mesh.cli("user", "create", name, *how, "--keep-in", kept)
        return kept.read_text().strip()


def starts(mesh, name, **spec):
    """A rollout that installs nothing, to its end."""
    mesh.apply(name, {"kind": "Rollout", "metadata": {"name": name}, "spec": spec})
    mesh.cli("rollout", "plan", name)
    plan = mesh.get(f"/rollouts/{name}")["status"]["plan"]
    mesh.cli("rollout", "start", name, "--plan", plan["digest"], "--confirm", len(plan["servers"]))
    mesh.wait_done(name)


def has_a_history(mesh):
    """Each site has everything that an object can be: servers, a deployment, a rollout with a plan, a discovery, a doctor's words."""
    mesh.apply_basics()
    mesh.wait_ready()
    documents = [{"kind": "SettingsProfile", "metadata": {"name": "bios1"}, "spec": {"bios": {"BootMode": "Uefi"}}},
                 {"kind": "HardwareType", "metadata": {"name": "type1"}, "spec": {"manufacturer": "*", "model": "*"}}]
    for site in mesh.sites:
        documents.append({"kind": "PostureException", "metadata": {"name": f"{site}-except"}, "spec": {
            "findings": ["legacyBoot"], "select": {"servers": [f"{site}-n001"]}, "reason": f"as {site} is", "until": "2099-01-01T00:00:00Z"}})
    mesh.apply("history", *documents)
    for site in mesh.sites:
        starts(mesh, f"{site}-power", action="power", power={"change": "on"}, select={"servers": [f"{site}-n001"]})
        mesh.rollout(f"{site}-planned", select={"sites": [site]})
        mesh.rest("POST", f"/api/v1/sites/{site}/discovery", {"ranges": ["127.0.0.1"]})
        mesh.rest("POST", f"/api/v1/sites/{site}/doctor")
        mesh.cli("image", "prefetch", "mm", "--site", site)
    mesh.cli("user", "create", "zoe", "--role", "viewer", "--site", OTHER, "--keep-in", mesh.folder / "zoe.token")


def names_of(mesh, operation, server=f"{OTHER}-n001"):
    """Objects of the other site, for what is between the braces."""
    deployment = next(iter(mesh.deployments(f"{OTHER}-power").values()))["id"]
    zoe = hashlib.sha256((mesh.folder / "zoe.token").read_text().strip().encode()).hexdigest()[:12]
    named = {"sites": OTHER, "credentials": f"{OTHER}-bmc", "servers": server, "images": "mm", "profiles": "base", "settingsprofiles": "bios1",
             "hardwaretypes": "type1", "postureexceptions": f"{OTHER}-except", "users": "zoe", "families": "debian", "limits": OTHER,
             "rollouts": f"{OTHER}-planned"}
    return {"name": named.get(operation.collection, OTHER), "server": server, "number": "1", "kind": "site",
            "id": zoe if operation.collection == "users" else deployment}


QUERIES = {"renderProfile": f"?server={OTHER}-n001", "readEvents": "?after=0&limit=1000", "readChanges": "?after=0&limit=1000"}


def marks_of(mesh):
    """By what the other site would be known: its name, and what its servers are."""
    truth = [s for name, s in mesh.truth().items() if name.startswith(OTHER)]
    return [OTHER, *(s[key] for s in truth for key in ("serial", "uuid"))]


def a_person_of_one_site_has_nothing_of_another():
    with Mesh({"par1": 1, OTHER: 2}) as mesh:
        has_a_history(mesh)
        tried, marks = Tried(mesh), marks_of(mesh)
        token = tried.token_of("eve", "--role", "approver", "--site", "par1")
        # What comes as a stream of lines is told line by line: apply_test.py.
        all_operations = [o for o in rest_spec.operations() if o.id != "applyObjects"]
        assert {o.id for o in all_operations if o.takes_body} <= set(BODIES), "each is asked with what it takes"
        before = wishes(mesh)
        acts = len(mesh.acts(OTHER))
        wrong, counts = [], {}

        def told(operation, asked_for, status, text):
            counts[status] = counts.get(status, 0) + 1
            said = text
            for asked in set(re.findall(r"[\w.-]+", urllib.parse.unquote(asked_for))):
                said = re.sub(rf"(?<![\w-]){re.escape(asked)}(?![\w-])", "", said)  # what she asked for by name she knows
            for mark in marks:
                if mark in said:
                    wrong.append(f"{operation}: {status}: tells {mark}: {said[:400]}")

        for operation in all_operations:
            path = operation.filled(**names_of(mesh, operation)) + QUERIES.get(operation.id, "")
            body = BODIES.get(operation.id, {} if operation.method != "GET" else None)
            status, text = tried.ask(token, operation.method, path, body)
            told(operation, f"{path} {json.dumps(body)}", status, text)
            shared = operation.collection in SHARED or not operation.path.startswith("/api") or operation.collection in ("events", "changes")
            lists = operation.method == "GET" and "{" not in operation.path
            if operation.method == "GET" and (shared or lists):
                if status not in (200, 403, 404 if operation.id == "renderProfile" else 200):
                    wrong.append(f"{operation}: {status}: {text[:300]}")
            elif status not in (403, 404):
                wrong.append(f"{operation}: {status}: {text[:300]}")
            # Whether it is there at all is not told either: another name gets the same answer.
            if "{" in operation.path and not shared:
                names = {**names_of(mesh, operation, f"{OTHER}-n777"), **({"name": "nothing"} if operation.collection != "servers" else {}),
                         "id": "nothing"}
                other = operation.filled(**names) + QUERIES.get(operation.id, "").replace("n001", "n777")
                again = tried.ask(token, operation.method, other, BODIES.get(operation.id, {} if operation.method != "GET" else None))
                if operation.method in ("GET", "DELETE") and again[0] != status:
                    wrong.append(f"{operation}: {status} for what is there, {again[0]} for what is not")
        for path in ("/api/v1/events", "/api/v1/changes?after=0"):
            text = tried.stream(token, path, 1.5)
            assert "par1-n001" in text, "hers is told"
            told("the stream of", path, 200, text)
        # What belongs to a server of the other site is refused without a word of which.
        theirs = mesh.get(f"/servers/{OTHER}-n001")
        for field in (  # an address is one within its site: that one may be hers
                      {"bmc": {"address": "127.0.0.9:9", "credential": "par1-bmc"}, "identity": {"serial": theirs["status"]["seen"]["serial"]}},
                      {"bmc": {"address": "127.0.0.9:9", "credential": "par1-bmc"}, "identity": {"uuid": theirs["status"]["seen"]["uuid"]}}):
            status, text = tried.ask(token, "PUT", "/api/v1/servers/twin", {"spec": {"site": "par1", "state": "new", **field}})
            told("a server with what another one has", json.dumps(field), status, text)
        assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)
        after = wishes(mesh)
        assert before == after, [(key, before.get(key), after.get(key)) for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
        done = [e["message"] for e in mesh.events() if e.get("actor") == "eve" and not e["message"].startswith("refused: ")]
        assert not done, done
        assert acts == len(mesh.acts(OTHER)), "no BMC there was asked anything"
        print(f"{len(all_operations)} operations: " + ", ".join(f"{count} x {status}" for status, count in sorted(counts.items())))
        is_the_binding_alone(mesh, all_operations)


def is_the_binding_alone(mesh, all_operations):
    """The same requests by somebody of all sites are not refused: it was the site that she is bound to, and nothing else."""
    last = {"deleteServer", "deleteSite", "revokeSite", "deleteCredential", "deleteRollout", "deleteUser", "deleteImage", "deleteProfile", "retireServer",
            "deleteHardwareType", "deleteSettingsProfile", "deletePostureException", "moveServer", "putUser", "revokeToken", "putImage", "putProfile",
            "addToken", "startBackup", "approveUnprotect"}  # the last is for another person than the one who broke the glass
    refused = []
    for operation in all_operations:
        if operation.id in last or operation.path == "/healthz":
            continue
        path = operation.filled(**names_of(mesh, operation)) + QUERIES.get(operation.id, "")
        status, _, text = mesh.rest(operation.method, path, BODIES.get(operation.id, {} if operation.method != "GET" else None))
        if status in (400, 401, 403, 405, 500):
            refused.append(f"{operation}: {status}: {str(text)[:300]}")
    assert not refused, "\n".join(refused)


class Planted(Mesh):
    """A mesh with a secret wherever one can be written."""

    def __init__(self):
        self.secret = {what: f"Planted{number:02}" + secrets.token_hex(10) for number, what in enumerate((
            "a BMC's password", "a variable of a profile", "a variable of a site", "a variable of a server", "a variable of a rollout",
            "a line of a template", "a line of a script", "an attribute of the firmware", "an image URL's password", "an image URL's signature",
            "a mirror's password", "a variable that is a URL"))}
        for what in ("root's hash", "a user's hash", "a hash of a site", "a hash of a server", "a hash of a rollout"):
            self.secret[what] = "Planted" + secrets.token_hex(24)
        super().__init__({"par1": 3}, install_ms=2500, bmcsim_args=["--password", self.secret["a BMC's password"]])

    def set_password(self, site, _):
        super().set_password(site, self.secret["a BMC's password"])

    def crypt(self, what):
        return "$6$saltsalt$" + self.secret[what]

    def plant(self):
        s = self.secret
        self.apply_basics(
            vars={"joinToken": s["a variable of a profile"], "mirror": f"https://ann:{s['a variable that is a URL']}@mirror.example/x", "rack": "canary-profile",
                  "rolloutToken": "a default"},
            host={"root": {"passwordHash": self.crypt("root's hash")}, "users": [{"name": "ann", "passwordHash": self.crypt("a user's hash")}],
                  "scripts": {"post": f"register --token {s['a line of a script']}\necho canary-script\n"}},
            packages=f"http://ann:{s['a mirror' + chr(39) + 's password']}@127.0.0.1:9/canary-packages/",
            template={"inline": TEMPLATE + f"# canary-template\nrootpw --plaintext {s['a line of a template']}\n"
                      "join={{joinToken}} site={{siteToken}} server={{serverToken}} rollout={{rolloutToken}} mirror={{mirror}}\n"
                      "root={{host.root.password_hash}}\n{{#host.users}}user={{name}}:{{password_hash}}\n{{/host.users}}{{{host.scripts.post}}}\n"})
        secret_url = f"https://ann:{s['an image URL' + chr(39) + 's password']}@127.0.0.1:9/canary.iso?X-Amz-Signature={s['an image URL' + chr(39) + 's signature']}"
        documents = [
            {"kind": "Site", "metadata": {"name": "par1"}, "spec": {"limits": {"parallel": 20}, "vars": {"siteToken": s["a variable of a site"]},
                                                                    "host": {"root": {"passwordHash": self.crypt("a hash of a site")}}}},
            {"kind": "SettingsProfile", "metadata": {"name": "bios1"}, "spec": {"bios": {"AdminPassword": s["an attribute of the firmware"], "Boot": "canary-bios"}}},
            {"kind": "Image", "metadata": {"name": "mm"}, "spec": {"family": "placeholder", "iso": {
                "urls": [secret_url, f"file://{self.image}"], "sha256": self.image_sha256}}},
            {"kind": "Image", "metadata": {"name": "away"}, "spec": {"family": "placeholder", "iso": {"urls": [secret_url], "sha256": "a" * 64}}}]
        for name in ("par1-n001", "par1-n002", "par1-n003"):
            server = self.get(f"/servers/{name}")
            documents.append({"kind": "Server", "metadata": {"name": name, "labels": server["metadata"].get("labels", {})}, "spec": {
                **server["spec"], "vars": {**server["spec"].get("vars", {}), "serverToken": s["a variable of a server"]}, "host": {"root": {"passwordHash": self.crypt("a hash of a server")}}}})
        self.apply("planted", *documents)
        self.wait_ready()

    def install(self, name, **spec):
        left_out = self.rollout(name, **spec).get("excluded")
        assert not left_out, left_out
        self.start_rollout(name, stopAfter={"noCanary": True}, vars={"rolloutToken": self.secret["a variable of a rollout"]},
                           host={"root": {"passwordHash": self.crypt("a hash of a rollout")}}, **spec)


def urls_of_a_medium(mesh, server):
    """What a medium's URL and its callback have that nobody guesses."""
    url = wait_until("its medium is in", lambda: mesh.truth()[server]["media"], 60, pause=0.02)
    answer = wait_until("it is installed", lambda: [i["answer"] for i in mesh.truth()[server]["installs"] if i["answer"]], 60)[0]
    callback = re.search(r"callback=(https://\S+)", answer)[1]
    return {"a medium's URL": max(re.findall(r"[\w-]{16,}", url), key=len), "a callback's URL": max(re.findall(r"[\w-]{16,}", callback), key=len)}


def shapes(secret):
    yield from {secret, urllib.parse.quote(secret, safe=""), base64.b64encode(secret.encode()).decode(), base64.b64encode(b"admin:" + secret.encode()).decode(),
                base64.b64encode(b"ann:" + secret.encode()).decode()}


def every_read(mesh, tried, token, operation):
    """Each thing that the operation has, and each page of it."""
    names = {"sites": ["par1"], "credentials": ["par1-bmc"], "servers": [s["metadata"]["name"] for s in mesh.every("/servers")],
             "images": ["mm", "away"], "profiles": ["base"], "settingsprofiles": ["bios1"], "rollouts": [r["metadata"]["name"] for r in mesh.every("/rollouts")],
             "users": ["vera"], "families": ["debian"], "hardwaretypes": ["type1"], "postureexceptions": ["accepted"], "limits": ["par1"]}
    ids = [d["id"] for d in mesh.every("/deployments")] if "{id}" in operation.path else [""]
    for name in names.get(operation.collection, [""]) if "{name}" in operation.path else [""]:
        for server in names["servers"] if "{server}" in operation.path else [""]:
            for each in ids:
                path = operation.filled(name=name, server=server, id=each, number="1", kind="site")
                queries = [f"?server={s}&image=mm" for s in names["servers"]] if operation.id == "renderProfile" else \
                    ["?after=0&limit=1000", "?after=0&limit=3"] if operation.collection in ("events", "changes") else [""]
                for query in queries:
                    yield path + query, *tried.ask(token, "GET", path + query)


def a_viewer_reads_no_secret_anywhere():
    with Planted() as mesh:
        mesh.plant()
        tried = Tried(mesh)
        token = tried.token_of("vera", "--role", "viewer")
        operator = tried.token_of("otto", "--role", "operator")
        mesh.apply("accepted", {"kind": "PostureException", "metadata": {"name": "accepted"}, "spec": {
            "findings": ["legacyBoot"], "select": {"servers": ["par1-n001"]}, "reason": "x", "until": "2099-01-01T00:00:00Z"}},
            {"kind": "HardwareType", "metadata": {"name": "type1"}, "spec": {"manufacturer": "*", "model": "*"}})
        heard = []
        streams = [threading.Thread(target=lambda p=path: heard.append(tried.stream(token, p, 25)), daemon=True)
                   for path in ("/api/v1/events", "/api/v1/changes?after=0")]
        for thread in streams:
            thread.start()
        # One that succeeds, one whose BMC's words are kept, one whose picture and all that its BMC shows is; an image that cannot be had.
        mesh.set_bmc("par1-n002", faults=["boot_forgotten"])
        mesh.install("web", select={"servers": ["par1-n001", "par1-n002"]}, parallel={"perSite": 1})
        mesh.secret.update(urls_of_a_medium(mesh, "par1-n001"))
        mesh.cli("image", "prefetch", "away", "--site", "par1")
        ends = mesh.wait_done("web", 300)  # three attempts at the one that fails, a minute apart
        assert {d["state"] for d in ends.values()} == {"SUCCEEDED", "FAILED"}, ends
        starts(mesh, "looked", action="inspect", capture=True, select={"servers": ["par1-n003"]})
        mesh.rest("POST", "/api/v1/sites/par1/doctor")
        mesh.rest("POST", "/api/v1/sites/par1/discovery", {"ranges": ["127.0.0.1"]})
        wait_until("that there is no image is told", lambda: any("not at the site" in e.get("message", "") for e in mesh.events()), 60)
        wait_until("what was said is here", lambda: all(d.get("transcript", {}).get("state") == "here" for d in mesh.every("/deployments")
                                                        if d["server"] != "par1-n001"), 60)
        mesh.secret.update({"admin's token": (mesh.pki / "admin.token").read_text().strip(), "an operator's token": operator,
                            "its hash": hashlib.sha256(operator.encode()).hexdigest()})
        found, silent, read, all_text = [], [], 0, []

        def search(where, text):
            all_text.append(text)
            found.extend(f"{what} in {where}: ...{text[max(0, text.index(shape) - 80):text.index(shape) + 20]}" for what, secret in mesh.secret.items()
                         for shape in shapes(secret) if shape in text)

        for operation in rest_spec.operations():
            # What she may not do is refused without telling: what was tried comes back to nobody.
            if operation.method != "GET":
                path = operation.filled(**{**names_of_any(operation), "id": ends["par1-n001"]["id"]})
                search(operation, tried.ask(token, operation.method, path, BODIES.get(operation.id, {}))[1])
                continue
            statuses = {}
            for path, status, text in every_read(mesh, tried, token, operation):
                statuses[status] = text[:300]
                read += len(text)
                search(path, text)
            forbidden = operation.collection in ("support", "users")
            if (403 if forbidden else 200) not in statuses:
                silent.append(f"{operation}: {statuses}")
        # An operator's own writes are answered, and an answer is given again by its key.
        profile = mesh.get("/profiles/base")
        for _ in range(2):
            status, text = tried.ask(operator, "PUT", "/api/v1/profiles/base", profile, {"Idempotency-Key": "again"})
            assert status == 200, (status, text)
            search("an answer to a write", text)
        for thread in streams:
            thread.join(40)
        for text in heard:
            read += len(text)
            search("a stream", text)
        assert not silent, "not read at all: " + "; ".join(silent)
        for canary in ("canary-profile", "canary-script", "canary-template", "canary-bios", "canary-packages", "canary.iso"):
            assert any(canary in text for text in all_text), f"{canary}: what is beside the secrets is shown"
        assert heard and all("par1-n001" in text for text in heard)
        del mesh.secret["its hash"]  # which lets nobody in, and is in an admin's request
        is_in_no_log_and_no_bundle(mesh, search)
        assert not found, f"{len(found)}:\n" + "\n".join(sorted(set(found))[:40])
        print(f"{len(mesh.secret)} secrets, {read >> 10} KiB read over {len(rest_spec.operations())} operations: none")


def names_of_any(operation):
    named = {"sites": "par1", "credentials": "par1-bmc", "servers": "par1-n001", "rollouts": "web", "users": "otto", "limits": "par1"}
    return {"name": named.get(operation.collection, "base"), "server": "par1-n001", "number": "1", "kind": "site"}


def is_in_no_log_and_no_bundle(mesh, search):
    """What an admin sends away, and what lies where more people look than in the stores."""
    bundle = mesh.folder / "bundle.tar.gz"
    mesh.cli("support-bundle", "--config", mesh.folder / "controller.yaml", "--output", bundle)
    subprocess.run([str(BIN / "metalmesh-agent"), "--config", str(mesh.folder / "agent-par1.yaml"), "support-bundle", "--output", str(mesh.folder / "site.tar.gz")],
                   check=True, capture_output=True, env=ENV)
    for archive in (bundle, mesh.folder / "site.tar.gz"):
        names = subprocess.run(["tar", "tzf", archive], check=True, capture_output=True, text=True).stdout.split()
        assert any("recording/" in name for name in names), names
        search(archive.name, subprocess.run(["tar", "xzOf", archive], check=True, capture_output=True).stdout.decode(errors="replace"))
    for log in mesh.folder.glob("*.log"):
        search(log.name, log.read_text(errors="replace"))


def a_stream_ends_with_its_token():
    """By a revoke, a disable, a delete, and by its time; both streams, and within two seconds."""
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        tried, took = Tried(mesh), {}
        attacker = Attacker(mesh)
        ends = {"revoke": lambda n, t: mesh.cli("user", "revoke", n, hashlib.sha256(t.encode()).hexdigest()[:12]),
                "disable": lambda n, t: mesh.cli("user", "disable", n),
                "delete": lambda n, t: mesh.cli("delete", "user", n)}
        if LONG:  # a clock is believed within half a minute only
            ends["expiry"] = lambda n, t: None
        for how, end in ends.items():
            name = f"of-{how}"
            token = tried.token_of(name, "--role", "operator", *(("--for", "60s") if how == "expiry" else ()))
            begin = time.monotonic()
            with contextlib.ExitStack() as stack:
                open_ones = []
                for path in ("/api/v1/events", "/api/v1/changes?after=0"):
                    sock = stack.enter_context(attacker.tls())
                    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
                    sock.settimeout(70)
                    first = sock.recv(4096)
                    assert b" 200 " in first, (how, path, first)
                    open_ones.append(sock)
                end(name, token)
                taken = begin + 60 if how == "expiry" else time.monotonic()
                for sock in open_ones:
                    with contextlib.suppress(ConnectionError):
                        last = b""
                        while not last.endswith(b"0\r\n\r\n"):
                            more = sock.recv(65536)
                            if not more:
                                break
                            last = last[-10:] + more
                took[how] = time.monotonic() - taken
            assert tried.ask(token, "GET", "/api/v1/servers")[0] == 401, how
        print(", ".join(f"{how} {seconds:.1f} s" for how, seconds in took.items()))
        assert all(seconds < SOON for seconds in took.values()), took


main([a_person_of_one_site_has_nothing_of_another, *([a_viewer_reads_no_secret_anywhere] if LONG else []), a_stream_ends_with_its_token])
