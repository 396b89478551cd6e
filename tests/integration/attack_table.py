"""What somebody with little tries at a mesh that runs: each line is an attack and what must hold. They share one mesh and take
milliseconds; none of them may leave a trace in what comes after it."""
import base64
import gzip
import json
import re
import subprocess
import threading
import time
import urllib.parse

from attacker import BAD, BEL, Attacker, codes, refused
from liars import LIES, Liar, Liars, Quiet, liar
from mesh import BIN, ENV, ROOT

TABLE = []


def attack(name):
    def keep(act):
        TABLE.append((name, act))
        return act
    return keep


# ---- requests that two readers would understand in two ways
SMUGGLED = "GET /api/v1/servers HTTP/1.1\r\nHost: x\r\n\r\n"
AMBIGUOUS = {
    "two lengths": ("Content-Length: 0\r\nContent-Length: 5", "hello"),
    "two equal lengths in a list": ("Content-Length: 5, 5", "hello"),
    "a length and chunks": (f"Content-Length: {len(SMUGGLED) + 5}\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + SMUGGLED),
    "chunks in disguise": ("Transfer-Encoding: xchunked", "0\r\n\r\n"),
    "chunks behind a tab": ("Transfer-Encoding:\tchunked\r\nContent-Length: 5", "0\r\n\r\n"),
    "chunks twice": ("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"),
    "a space before the colon": ("Content-Length : 5", "hello"),
    "a negative length": ("Content-Length: -1", ""),
    "a signed length": ("Content-Length: +5", "hello"),
    "a length beyond all numbers": ("Content-Length: 99999999999999999999999", ""),
    "a length in hex": ("Content-Length: 0x5", "hello"),
    "NUL in a header": ("X-A: b\0c", ""),
    "a header without a colon": ("nonsense", ""),
    "a return alone in a header": ("X-A: b\rContent-Length: 5", "hello"),
}
for name, (header, body) in AMBIGUOUS.items():
    @attack(f"API: {name}")
    def _(a, header=header, body=body):
        refused(a.raw("POST /api/v1/servers/par1-n001/inspect HTTP/1.1", header, body=body, token="operator"))

    @attack(f"media: {name}")
    def _(a, header=header, body=body):
        refused(a.raw("GET /nothing HTTP/1.1", header, body=body, token="", port=a.media_port))


@attack("a size of a chunk beyond all numbers")
def _(a):
    refused(a.raw("POST /api/v1/servers/par1-n001/inspect HTTP/1.1", "Transfer-Encoding: chunked", body="fffffffffffffffff\r\nx\r\n",
                  token="operator"))


@attack("a request behind a body that is longer than it says gets no answer of its own")
def _(a):
    told = a.say("POST /api/v1/servers/par1-n001/inspect HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}" + SMUGGLED)
    assert codes(told) in ([401], [401, 401]), told


@attack("headers and lines that never end")
def _(a):
    for port in (None, a.media_port):
        refused(a.raw("GET /" + "a" * 300_000 + " HTTP/1.1", port=port))
        refused(a.raw("GET / HTTP/1.1", "X-A: " + "b" * 300_000, port=port))
        refused(a.raw("GET / HTTP/1.1", *[f"X-{i}: b" for i in range(20_000)], port=port))


@attack("other protocols and methods at both ports")
def _(a):
    for port in (None, a.media_port):
        for said in ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
                     "GET http://169.254.169.254/latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                     "\x16\x03\x01\x02\x00\x01\x00", "EHLO evil\r\n", "GET /\r\n\r\n", "\r\n" * 5000, "\0" * 70_000):
            refused(a.say(said, port))
        told = a.raw("GET /healthz HTTP/1.1", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk", port=port)
        assert 101 not in codes(told), told
        told = a.raw("GET /api/v1/events HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: AAAA", port=port)
        assert 101 not in codes(told), told


@attack("TRACE shows nobody a token")
def _(a):
    for port in (None, a.media_port):
        told = a.raw("TRACE / HTTP/1.1", port=port)
        refused(told)
        assert a.tokens["viewer"].encode() not in told, told


@attack("no answer repeats a foreign Host, and no page of others reads one")
def _(a):
    told = a.raw("GET /api/v1/servers HTTP/1.1", "Origin: https://evil.example", "X-Forwarded-Host: evil.example", host="Host: evil.example")
    assert b"evil.example" not in told and b"Access-Control-Allow" not in told, told[:500]
    told = a.raw("OPTIONS /api/v1/servers HTTP/1.1", "Origin: https://evil.example", "Access-Control-Request-Method: DELETE")
    assert b"Access-Control-Allow" not in told and 200 not in codes(told), told[:300]


@attack("paths that lead elsewhere")
def _(a):
    for path in ("/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd", "//etc/passwd", "/\\..\\..\\etc\\passwd",
                 "/%00/etc/passwd", "/api/v1/servers/..%2f..%2fusers", "/api/v1/servers/%2e%2e/users", "/api/v1/servers/../users",
                 "/api/v1/servers/par1-n001%00", "/%c0%ae%c0%ae/etc/passwd", "/api/v1/servers/%ff%fe", "/api/v1/%", "/api/v1/servers/%zz"):
        for port in (None, a.media_port):
            told = a.raw(f"GET {path} HTTP/1.1", port=port)
            assert b"root:" not in told and b"thief" not in told, (path, told[:300])
            refused(told)


# ---- who somebody is
@attack("a token anywhere but in its header is none")
def _(a):
    for path in (f"/servers?token={a.admin}", f"/servers?access_token={a.admin}", f"/events?bearer={a.admin}"):
        assert a.rest("GET", path, token="")[0] == 401, path
    for headers in ({"Cookie": f"token={a.admin}"}, {"X-Api-Key": a.admin}, {"Proxy-Authorization": f"Bearer {a.admin}"},
                    {"Authorization": "Basic " + base64.b64encode(f"admin:{a.admin}".encode()).decode()},
                    {"Authorization": f"Bearer {a.admin.upper()}"}, {"Authorization": f"Bearer {a.admin[:-1]}"},
                    {"Authorization": f"Bearer {a.admin}{a.admin}"}, {"Authorization": f"Bearer {a.admin},x"},
                    {"Authorization": f'Bearer "{a.admin}"'}, {"Authorization": "Bearer"}, {"Authorization": a.admin},
                    {"Authorization": "Bearer " + "a" * 10_000}):
        assert a.rest("GET", "/servers", token="", headers=headers)[0] in (401, 429), headers
    said = a.raw("GET /api/v1/servers HTTP/1.1", "Authorization: Bearer nobody", token=a.admin)
    assert 200 not in codes(said), "of two headers neither counts"


def routes():
    text = (ROOT / "schemas/rest/openapi.yaml").read_text()
    for path, block in re.findall(r"^  (/[^\n:]*):\n((?:    .*\n|\n)+)", text, re.MULTILINE):
        for method in re.findall(r"^    (get|put|post|delete):", block, re.MULTILINE):
            yield method.upper(), re.sub(r"\{(\w+)\}", lambda m: {"kind": "site", "number": "1", "id": "x"}.get(m[1], "par1-n001"), path)


@attack("a viewer changes nothing over any route, and nobody reads one without a token")
def _(a):
    for method, path in routes():
        if path.startswith("/api") and path not in ("/api/v1/openapi.yaml", "/api/v1/reference"):  # what anybody may read
            status, text = a.rest(method, path.removeprefix("/api/v1"), {} if method != "GET" else None, token="",
                                     headers={"Accept": "application/json"})
            assert status in (401, 429), (method, path, status, text)
        if method != "GET":
            status, text = a.rest(method, path.removeprefix("/api/v1"), {})
            assert status == 403, (method, path, status, text)


@attack("nobody makes herself more than she is")
def _(a):
    for role in ("operator", "approver"):
        for method, path, body in (("PUT", "/users/ada", {"spec": {"role": "admin"}}), ("PUT", f"/users/thief-{role}", {"spec": {"role": "admin"}}),
                                   ("POST", "/users/admin/tokens", {"sha256": "0" * 64, "for": "3600s"}), ("GET", "/users", None),
                                   ("POST", "/controller/backup", {"folder": "/tmp/stolen"}), ("POST", "/sites/par1/revoke", {"confirm": "par1", "reason": "x"})):
            assert a.rest(method, path, body, token=role)[0] == 403, (role, method, path)
    assert a.rest("POST", "/limits/user/thief-approver", {"to": 9999, "reason": "x"}, token="approver")[0] in (400, 403, 404)


@attack("a person of another site is told of none of this one, over any read")
def _(a):
    for method, path in routes():
        if method == "GET" and path.startswith("/api") and not path.endswith(("/events", "/changes")):
            status, text = a.rest("GET", path.removeprefix("/api/v1"), token="elsewhere")
            assert "par1" not in json.dumps(text).replace("par1-n001", "", 2) \
                or status in (403, 404), (path, status, text)
    for path in ("/events?after=0", "/changes?after=0", "/events?after=0&site=par1", "/changes?after=0&site=par1&kind=Server",
                 "/servers?site=par1", "/events?after=0&server=par1-n001", "/servers?labels=role%3Dweb"):
        status, text = a.rest("GET", path, token="elsewhere")
        assert "par1-n" not in json.dumps(text), (path, text)


@attack("nor by a stream, wherever it says that it was")
def _(a):
    token = a.tokens["elsewhere"]
    for path, last in (("/api/v1/events", "0"), ("/api/v1/changes?after=0", ""), ("/api/v1/events?site=par1", "1"),
                       ("/api/v1/changes?after=0&kind=Server&site=par1", "")):
        told = a.say(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer {token}\r\n"
                     + (f"Last-Event-ID: {last}\r\n" if last else "") + "\r\n", wait=0.1)
        assert b"par1-n" not in told, told[:500]
    for last in ("-1", "99999999999999999999", "0; DROP", "\xff", "1e3", BEL):
        told = a.say(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: {last}\r\n\r\n",
                     wait=0.1)
        assert 500 not in codes(told) and b"par1-n" not in told, (last, told[:300])


# ---- what is in a request
@attack("a body that says a thing twice, or never ends")
def _(a):
    bodies = {"twice": '{"spec": {}, "spec": {"vars": {"a": "b"}}}', "twice below": '{"spec": {"vars": {"a": "1"}, "vars": {"a": "2"}}}',
              "in two cases": '{"spec": {"inspectEvery": "60s", "inspect_every": "0s"}}', "deep": "[" * 200_000, "deeper": '{"spec":' * 50_000,
              "not UTF-8": b'{"spec": {"vars": {"a": "\xff\xfe"}}}', "NUL": '{"spec": {"vars": {"a": "b\\u0000c"}}} \0', "behind": '{"spec": {}} {}',
              "half a letter": '{"spec": {"vars": {"a": "\\ud800"}}}', "a number beyond": '{"spec": {"limits": {"parallel": 1e400}}}',
              "YAML": "spec: &a [*a]", "an entity": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "nothing": "", "a word": "null"}
    before = a.rest("GET", "/sites/par1")[1]
    for name, body in bodies.items():
        begin = time.monotonic()
        status, text = a.rest("PUT", "/sites/par1", token="operator", raw=body if isinstance(body, bytes) else body.encode())
        assert 400 <= status < 500, (name, status, text)
        assert time.monotonic() - begin < 2, name
    assert a.rest("GET", "/sites/par1")[1]["spec"] == before["spec"]


@attack("a body that is packed is not unpacked")
def _(a):
    bomb = gzip.compress(b"{" + b" " * 20_000_000)
    assert a.rest("PUT", "/sites/par1", token="operator", raw=bomb, headers={"Content-Encoding": "gzip"})[0] in (400, 415)


@attack("names that are no names")
def _(a):
    for name in ("..", ".", "a/b", "%2e%2e", "A", "a" * 300, "-a", "a_b", "a\nb", "a\0", "a b", "par1\u0430", "*", "$SYS", "+", "#", BEL, "con:", "~"):
        for kind, spec in (("images", {"family": "placeholder", "iso": {"urls": ["https://x/"], "sha256": "0" * 64}}), ("sites", {}),
                           ("profiles", {"family": "placeholder", "template": {"inline": "x"}})):
            status, text = a.rest("PUT", f"/{kind}/" + urllib.parse.quote(name, safe=""), {"spec": spec}, token="approver")
            assert 400 <= status < 500, (kind, name, status, text)


@attack("images from where no image is")
def _(a):
    for url in ("ftp://x/a.iso", "gopher://x:70/_", "dict://x:11211/", "data:text/plain,x", "javascript:x", "file://host/etc/passwd", "file:etc/passwd",
                "//x/a.iso", "https://", "https://x/a\r\nX: y", "ldap://x/", "smb://x/a", "jar:file:///a!/b", "tftp://x/a", "https://u\0@x/"):
        status, text = a.rest("PUT", "/images/evil", {"spec": {"family": "placeholder", "iso": {"urls": [url], "sha256": "0" * 64}}}, token="operator")
        assert status in (400, 422), (url, status, text)
    for sha256 in ("../../../../etc/passwd", "0" * 63, "0" * 63 + "/", "", "0" * 64 + "\n"):
        status, text = a.rest("PUT", "/images/evil", {"spec": {"family": "placeholder", "iso": {"urls": ["https://x/"], "sha256": sha256}}}, token="operator")
        assert status in (400, 422), (sha256, status, text)


@attack("addresses of BMCs that say two things")
def _(a):
    for address in ("127.0.0.1/../..", "user:pw@127.0.0.1", "127.0.0.1#x", "127.0.0.1?x", "127.0.0.1\r\nX: y", "a b",
                    "[::1%25lo]", "http://127.0.0.1", "127.0.0.1:99999", "127.0.0.1:-1", "", "\0", "127.0.0.1:80:80", BEL):
        status, text = a.rest("PUT", "/servers/evil", {"spec": {"site": "par1", "bmc": {"address": address, "credential": "par1-bmc"}}}, token="operator")
        assert status in (400, 422), (address, status, text)


@attack("questions that are too much")
def _(a):
    for query in ("limit=-1", "limit=1e30", "limit=99999999999999999999", "after=-1&kind=Server", "labels=" + "a%3Db," * 20_000, "where=" + "a%20and%20" * 5000,
                  "where=((((((", "limit=%00", "nosuch=1", "labels=%FF"):
        begin = time.monotonic()
        status, text = a.rest("GET", "/servers?" + query)
        assert 400 <= status < 500 and time.monotonic() - begin < 2, (query[:60], status, text)


@attack("words that would move a terminal stay words")
def _(a):
    mesh = a.mesh
    assert a.rest("POST", "/servers/par1-n001/protect", {"reason": "so " + BEL + "\u202eit\u2028 is\r\n2026-01-01 forged"}, token="operator")[0] in (200, 400)
    a.rest("PUT", "/profiles/words", {"spec": {"family": "placeholder", "template": {"inline": "x"}, "vars": {"a": BEL}}}, token="operator")
    shown = [mesh.cli("events", check=False), mesh.cli("describe", "server", "par1-n001"), mesh.cli("get", "profiles"), mesh.cli("get", "servers", "-o", "yaml"),
             mesh.cli("get", "profile", "words", "-o", "yaml", check=False)]
    for result in shown:
        text = result.stdout + result.stderr
        assert not any(c in text for c in BAD) and "\n2026-01-01 forged" not in text, text[-1000:]
    assert "\x1b" not in mesh.controller.text() and "\n2026-01-01 forged" not in mesh.controller.text()
    a.rest("POST", "/servers/par1-n001/unprotect", {"reason": "over", "for": "3600s"}, token="approver")


# ---- media and callbacks
@attack("guesses of media and callbacks")
def _(a):
    for path in ("/", "/m", "/m/", "/m/" + "0" * 32, "/m/" + "a" * 43 + "/medium.iso", "/media/../../etc/passwd", "/callback/" + "0" * 32, "/c/x", "/p/x",
                 "/packages/../../etc/shadow", "/.well-known/x", "/m/%00", "/" + "m/" * 3000):
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PROPFIND"):
            told = a.raw(f"{method} {path} HTTP/1.1", "Content-Length: 0", token="", port=a.media_port)
            got = codes(told)
            assert got and all(code in (400, 403, 404, 405, 410, 411, 414, 501) for code in got), (method, path, told[:200])


@attack("ranges that would cost more than they say")
def _(a):
    for ranges in ("bytes=" + "0-," * 20_000, "bytes=-1-5", "bytes=99999999999999999999-", "bytes=5-1", "lines=0-1", "bytes=0-0\0"):
        got = codes(a.raw("GET /m/x HTTP/1.1", "Range: " + ranges, token="", port=a.media_port))
        assert all(400 <= code < 500 for code in got), (ranges[:40], got)


# ---- the bus
def bus(a, client, *args, certificate=None):
    """mosquitto's own clients, as the thief of a site's certificate would use them."""
    stem = a.mesh.pki / (certificate or a.site)
    return subprocess.run([f"mosquitto_{client}", "-h", "localhost", "-p", str(a.mesh.broker_port), "--cafile", str(a.mesh.pki / "ca.crt"),
                           "-i", f"thief-{time.monotonic_ns()}", "--cert", f"{stem}.crt", "--key", f"{stem}.key", *args],
                          capture_output=True, text=True, errors="replace", timeout=20, env=ENV)


@attack("a site's certificate hears and says nothing of others")
def _(a):
    heard = bus(a, "sub", "-W", "1", "-v", *[w for t in ("#", "mm/1/lyo1/down", "mm/1/+/down", "mm/1/+/up", "$SYS/#", "mm/#") for w in ("-t", t)])
    assert "mm/1/lyo1" not in heard.stdout and "/up" not in heard.stdout and "$SYS" not in heard.stdout, heard.stdout[:500]
    events = a.mesh.get("/events?after=0&limit=1000")["items"][-1]["id"]
    for topic in ("mm/1/lyo1/up", "mm/1/lyo1/down", "mm/1/par1/down", "mm/1/par1/up/x", "mm/1/controller/up"):
        bus(a, "pub", "-q", "1", "-t", topic, "-m", "x" * 100)
    for junk in ("", "x", "\x0a" * 5000, "\xff" * 100):
        bus(a, "pub", "-q", "1", "-t", "mm/1/par1/up", "-m", junk)
    assert not [e for e in a.mesh.get(f"/events?after={events}")["items"] if e["type"] == "quarantine"], "junk is nobody's word"


@attack("nobody without a certificate of this mesh is let in anywhere")
def _(a):
    folder = a.mesh.folder / "foreign"
    subprocess.run([str(BIN / "metalmesh"), "pki", "init", "--dir", str(folder), "--site", "par1"], check=True, env=ENV, stdout=subprocess.DEVNULL)
    foreign = subprocess.run(["mosquitto_pub", "-h", "localhost", "-p", str(a.mesh.broker_port), "--cafile", str(a.mesh.pki / "ca.crt"), "--cert",
                              str(folder / "par1.crt"), "--key", str(folder / "par1.key"), "-t", "mm/1/par1/up", "-m", "x"],
                             capture_output=True, text=True, timeout=20, env=ENV)
    nobody = subprocess.run(["mosquitto_pub", "-h", "localhost", "-p", str(a.mesh.broker_port), "--cafile", str(a.mesh.pki / "ca.crt"), "-t", "mm/1/par1/up",
                             "-m", "x"], capture_output=True, text=True, timeout=20, env=ENV)
    assert foreign.returncode and nobody.returncode, (foreign, nobody)
    # And the command line believes nobody else's API: the token does not leave.
    argv = [str(folder / "ca.crt") if w == str(a.mesh.pki / "ca.crt") else w for w in a.mesh.cli_argv("get", "servers")]
    said = subprocess.run(argv, capture_output=True, text=True, timeout=20, env=ENV)
    assert said.returncode == 3 and "certificate" in said.stderr.lower(), said


# ---- what answers in the place of somebody else
@attack("an API that sends the command line elsewhere, or speaks to the terminal")
def _(a):
    other = Quiet(("127.0.0.1", 0), Liar)
    other.lie = "words"
    threading.Thread(target=other.serve_forever, daemon=True).start()
    Liar.elsewhere = f"http://127.0.0.1:{other.server_port}/stolen-token"
    for lie in ("away", "words"):
        server = liar(a.mesh, lie)
        argv = [f"https://localhost:{server.server_port}" if w.startswith("https://localhost") else w for w in a.mesh.cli_argv("get", "servers")]
        said = subprocess.run(argv, capture_output=True, text=True, timeout=20, env=ENV)
        assert said.returncode and not any(c in said.stdout + said.stderr for c in BAD), said
        server.shutdown()
    other.shutdown()
    assert not [t for t in Liar.told if "stolen-token" in t], Liar.told


# ---- on the machines themselves
@attack("what another user of the host would look for")
def _(a):
    folder = a.mesh.folder
    for path in (folder / "controller", folder / f"agent-{a.site}"):
        assert path.stat().st_mode & 0o077 == 0, path
        for inner in path.rglob("*"):
            if inner.is_socket():
                assert inner.stat().st_mode & 0o077 == 0, inner
    for path in [*a.mesh.pki.rglob("*.key"), a.mesh.pki / "tokens", a.mesh.pki / "admin.token"]:
        assert path.stat().st_mode & 0o077 == 0, path
    for process in (a.mesh.controller, a.mesh.agents[a.site], a.mesh.media[a.site]):
        seen = open(f"/proc/{process.process.pid}/cmdline").read() + open(f"/proc/{process.process.pid}/environ").read()
        assert a.admin not in seen and "password" not in seen, seen


def all_of(mesh):
    """Whatever is tried: the same processes, nothing wiped, and the next person is answered."""
    attacker, liars = Attacker(mesh), Liars(mesh)
    pids = {p.name: p.process.pid for p in (mesh.controller, mesh.agents["par1"], mesh.media["par1"], mesh.broker)}
    installs = {name: len(server["installs"]) for name, server in mesh.truth().items()}
    broken = []
    for name, act in [*TABLE, ("BMCs that lie, each in its own way", liars.harm_nobody)]:
        begin = time.monotonic()
        try:
            act(attacker)
        except Exception as error:  # one that holds must not hide the next
            broken.append(f"{name}: {type(error).__name__} {str(error)[:700]}")
        if time.monotonic() - begin > 0.5:
            print(f"  {time.monotonic() - begin:.1f} s: {name}")
    for process in (mesh.controller, mesh.agents["par1"], mesh.media["par1"], mesh.broker):
        assert process.alive() and process.process.pid == pids[process.name], process.name
    assert installs == {name: len(server["installs"]) for name, server in mesh.truth().items()}
    assert not broken, f"{len(broken)} of {len(TABLE) + 1} attacks:\n" + "\n".join(broken)
    print(f"{len(TABLE) + len(LIES)} attacks held")
