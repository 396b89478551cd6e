"""More lines of the table in attack_table.py: work without end in a few bytes, numbers and times at the end of all numbers, places that
can be named in two ways, and stores that grow by what somebody writes."""
import json
import socket
import subprocess
import threading
import time

from attack_table import attack, bus
from attacker import BEL, codes, rss
from mesh import ENV, wait_until

SECONDS = 12.0  # in which an answer comes, whatever is asked and however busy the machine is: what it stands against never ended


def soon(act):
    begin = time.monotonic()
    result = act()
    assert time.monotonic() - begin < SECONDS, f"{time.monotonic() - begin:.1f} s"
    return result


def rendered(a, name, template, **spec):
    """What becomes of a profile that an operator writes, and a viewer looks at."""
    status, text = soon(lambda: a.rest("PUT", f"/profiles/{name}", {"spec": {"family": "placeholder", "template": {"inline": template}, **spec}},
                                       token="operator"))
    if status < 300:
        status, text = soon(lambda: a.rest("GET", f"/profiles/{name}/render?server=par1-n001&image=mm"))
    assert soon(lambda: a.rest("GET", "/version"))[0] == 200, "others are answered"
    return status, text


@attack("sections within sections multiply")
def _(a):
    users = [{"name": f"u{i}", "passwordHash": "$6$saltsalt$" + "a" * 40} for i in range(20)]
    for depth, inside in ((12, ""), (12, "x"), (60, "{{name}}")):
        status, text = rendered(a, "many", "{{#host.users}}" * depth + inside + "{{/host.users}}" * depth, host={"users": users})
        assert 400 <= status < 500, (depth, status, text)


@attack("sections that are deeper than a stack")
def _(a):
    for sign in ("#", "^"):
        status, text = rendered(a, "deep", ("{{" + sign + "hostname}}") * 9000 + "{{/hostname}}" * 9000)
        assert 400 <= status < 500, (sign, status, text)


@attack("a line of tags alone, and one that is never closed")
def _(a):
    rendered(a, "tags", "{{#hostname}}{{/hostname}}" * 9000)
    rendered(a, "open", "{{" * 120_000)
    rendered(a, "braces", "{{{{" * 60_000)
    rendered(a, "dots", "{{" + "a." * 100_000 + "a}}")


@attack("a BMC's address in other spellings leads into no other network")
def _(a):
    heard, stop = [], threading.Event()
    trap = socket.create_server(("127.250.0.1", 0))
    trap.settimeout(0.2)

    def listen():
        while not stop.is_set():
            try:
                heard.append(trap.accept()[1])
            except TimeoutError:
                continue
    thread = threading.Thread(target=listen)
    thread.start()
    port, taken = trap.getsockname()[1], []
    try:
        for number, host in enumerate(("127.250.0.1", "127.250.1", "127.16384001", "2147090433", "0x7ffa0001", "0x7f.0xfa.0.1", "0177.0372.0.1",
                                       "[::ffff:127.250.0.1]", "[::ffff:7ffa:1]", "127.250.0.1.", "127.0.0.1@127.250.0.1", "127.250.0.1%2f", "１２７.250.0.1")):
            status, text = a.rest("PUT", f"/servers/spelt-{number}", {"spec": {"site": "par1", "state": "new", "bmc": {
                "address": f"{host}:{port}", "credential": "par1-bmc", "keySha256": "0" * 64}}}, token="operator")
            assert status in (201, 400, 422), (host, status, text)
            if status == 201:
                a.rest("POST", f"/servers/spelt-{number}/inspect", {}, token="operator")
                taken.append(f"spelt-{number}")

        def refused_all():
            states = [a.rest("GET", f"/servers/{name}")[1]["status"].get("conditions", []) for name in taken]
            return all(any(c["type"] == "Reachable" and c["status"] == "False" for c in each) for each in states)
        wait_until(f"{taken} are refused", refused_all, 15)
    finally:
        stop.set()
        thread.join()
        for name in taken:
            a.mesh.cli("delete", "server", name, "--confirm", name, check=False)
    assert not heard, f"{len(heard)} connections to an address that the site's own file does not have"


@attack("a discovery of the whole world, and of what is not the site's")
def _(a):
    for ranges in (["0.0.0.0/0"], ["::/0"], ["10.0.0.0/8"], ["1.0.0.0-223.255.255.255"], ["10.0.0.9-10.0.0.1"], ["127.0.0.1"] * 20_000, ["127.0.0.0/99"],
                   ["127.0.0.1/-1"], [""], [BEL]):
        status, text = soon(lambda r=ranges: a.rest("POST", "/sites/par1/discovery", {"ranges": r}, token="operator"))
        assert 400 <= status < 500, (str(ranges)[:60], status, text)


@attack("a door as wide as the world, or open for ever")
def _(a):
    for network, duration in (("0.0.0.0/0", "999999999s"), ("127.0.0.0/8", "86401s"), ("127.0.0.0/8", "-1s"), ("127.0.0.0/8", "1e300s"), ("::/0", "25h"),
                              ("127.0.0.1/33", "60s"), ("", "60s"), ("127.0.0.0/8\n", "60s")):
        status, text = a.rest("POST", "/sites/par1/first-contact", {"network": network, "duration": duration, "reason": "x"}, token="approver")
        assert 400 <= status < 500, (network, duration, status, text)


@attack("times and numbers that no calendar and no counter has")
def _(a):
    for field, value in (("startWithin", "-1s"), ("startWithin", "1e400s"), ("startWithin", "315576000001s"), ("startWithin", "99999999999999999999s"),
                         ("launchWithin", "0.0000000001s"), ("parallel", {"total": -1}), ("parallel", {"total": 2**32}), ("parallel", {"perSite": 1.5}),
                         ("stopAfter", {"afterWipe": "101%"}), ("stopAfter", {"afterWipe": "-3"}), ("stopAfter", {"afterWipe": "99999999999999999999"}),
                         ("stopAfter", {"canary": 2**40}), ("stopAfter", {"afterWipe": "1e9%"})):
        status, text = a.rest("PUT", "/rollouts/odd", {"spec": {"action": "install", "image": "mm", "profile": "base", "select": {"sites": ["par1"]},
                                                                field: value}}, token="operator")
        assert 400 <= status < 500, (field, value, status, text)
    for until in ("10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2099-13-01T00:00:00Z", "2099-01-01T25:00:00Z", "2099-01-01", "1e9", "-1"):
        status, text = a.rest("PUT", "/postureexceptions/odd", {"spec": {"findings": ["legacyBoot"], "select": {"sites": ["par1"]}, "reason": "x", "until": until}},
                              token="operator")
        assert 400 <= status < 500, (until, status, text)
    for tag in ('"18446744073709551616-x"', '"-1-x"', '"' + "9" * 4000 + '"', "W/", '"', ",,,,", "*, *", "\\"):
        status, text = a.rest("PUT", "/sites/par1", {"spec": {}}, token="operator", headers={"If-Match": tag})
        assert status in (400, 412), (tag[:40], status, text)


@attack("an object that is mostly labels, notes and variables")
def _(a):
    before = rss(a.mesh.controller)
    for what in ({"metadata": {"labels": {f"k{i}": "v" for i in range(20_000)}}, "spec": {}}, {"metadata": {"labels": {"k": "v" * 500_000}}, "spec": {}},
                 {"spec": {"vars": {f"k{i}": "v" for i in range(20_000)}}}, {"spec": {"vars": {"k" * 100_000: "v"}}}, {"spec": {"timeZone": "x" * 500_000}}):
        status, text = soon(lambda w=what: a.rest("PUT", "/sites/par1", w, token="operator"))
        assert 400 <= status < 500, (str(what)[:80], status, str(text)[:300])
    for select in ({"servers": ["par1-n001"] * 60_000}, {"sites": ["*a" * 4000]}, {"labels": {f"k{i}": "v" for i in range(20_000)}}):
        soon(lambda s=select: a.rest("PUT", "/rollouts/wide", {"spec": {"action": "inspect", "select": s}}, token="operator"))
        soon(lambda: a.rest("POST", "/rollouts/wide/plan", {}, token="operator"))
    a.mesh.cli("delete", "rollout", "wide", check=False)
    assert rss(a.mesh.controller) - before < 60, rss(a.mesh.controller) - before


@attack("thousands of requests behind one another, and no answer is read")
def _(a):
    before = rss(a.mesh.controller)
    with a.tls() as sock:
        sock.settimeout(0.5)
        try:
            for _ in range(200):
                sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        except (TimeoutError, OSError):
            pass
        assert soon(lambda: a.rest("GET", "/version"))[0] == 200
    assert rss(a.mesh.controller) - before < 30, rss(a.mesh.controller) - before


@attack("bodies that are announced and never come")
def _(a):
    for port in (None, a.media_port):
        for header in ("Content-Length: 99999999999", "Expect: 100-continue\r\nContent-Length: 99999999999", "Transfer-Encoding: chunked"):
            told = soon(lambda h=header, p=port: a.raw("POST /callback/" + "0" * 32 + " HTTP/1.1", h, token="", port=p))
            got = codes(told)
            assert got and all(400 <= code < 600 for code in got), (header, told[:200])


@attack("topics of others by a shared subscription, a last will, or kept")
def _(a):
    def odd_frames():
        text = a.mesh.rest("GET", "/metrics")[2].decode()
        return [line for line in text.splitlines() if line.startswith(("metalmesh_frames_rejected", "metalmesh_frames_unknown_site"))]
    before = odd_frames()
    heard = bus(a, "sub", "-W", "1", "-v", *[w for t in ("$share/g/mm/1/lyo1/down", "$share/g/mm/1/+/up", "$share/g/#", "mm/1/par1/down/#", "+/+/+/up", "/#")
                                             for w in ("-t", t)])
    assert "/up" not in heard.stdout and "lyo1" not in heard.stdout, heard.stdout[:300]
    bus(a, "sub", "-W", "1", "-t", "x", "--will-topic", "mm/1/lyo1/up", "--will-payload", "x" * 1000, "--will-qos", "1")
    bus(a, "pub", "-r", "-q", "1", "-t", "mm/1/lyo1/up", "-m", "x" * 1000)
    bus(a, "pub", "-r", "-q", "2", "-t", "mm/1/controller/down", "-m", "x" * 1000)
    assert before == odd_frames(), "not even as junk"


@attack("a manifest that somebody else wrote")
def _(a):
    folder = a.mesh.folder / "manifests"
    folder.mkdir()
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join('*' + chr(97 + i) for _ in range(9))}]\n" for i in range(12))
    texts = {"bomb": bomb, "deep": "[" * 100_000, "deeper": "a:\n" + "".join(" " * i + "a:\n" for i in range(1, 3000)), "tags": "!!python/object/apply:os.system ['id']",
             "merge": "x: &x {a: 1}\ny: {<<: *x}", "nul": "kind: Site\0", "bel": f"kind: {BEL}", "wide": "- a\n" * 2_000_000}
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
        said = soon(lambda n=name: subprocess.run(a.mesh.cli_argv("apply", "-f", folder / f"{n}.yaml"), capture_output=True, text=True, timeout=20, env=ENV))
        assert said.returncode not in (0, -9, -11, -6) and "\x1b" not in said.stdout + said.stderr, (name, said.returncode, said.stderr[-300:])
    (folder / "zero.yaml").write_text(json.dumps({"apiVersion": "metalmesh/v1", "kind": "Profile", "metadata": {"name": "zero"}, "spec": {
        "family": "placeholder", "template": {"file": "/dev/zero"}}}))
    said = soon(lambda: subprocess.run(a.mesh.cli_argv("apply", "-f", folder / "zero.yaml"), capture_output=True, text=True, timeout=20, env=ENV))
    assert said.returncode not in (0, -9), said
