#!/usr/bin/env python3
"""Objects by the thousand, with real processes: applied, imported, unchanged, refused by line, listed and found again; bodies that
have no end, that are cut off, that are nonsense; a controller that is killed in the middle. METALMESH_LONG_TESTS: 10,000."""
import json
import os
import signal
import socket
import ssl
import threading
import time

from mesh import Mesh, main, wait_until

LONG = bool(os.environ.get("METALMESH_LONG_TESTS"))
SERVERS = 10_000 if LONG else 600
BAD = 50
HEADER = "name,site,bmc,serial,hostname,credential,bmc_password,labels,protected,state\n"


def server(number, site="lyo1", prefix="s"):
    return {"apiVersion": "metalmesh/v1", "kind": "Server", "metadata": {"name": f"{prefix}{number:05d}", "labels": {"role": "web"}},
            "spec": {"site": site, "bmc": {"address": f"10.{number // 62500 + 1}.{number // 250 % 250}.{number % 250 + 1}", "credential": "lyo1-bmc"},
                     "identity": {"serial": f"{prefix.upper()}ERIAL{number:06d}"}, "hostname": f"{prefix}{number:05d}.example.net", "state": "new"}}


def basics(mesh):
    mesh.apply("basics", {"kind": "Site", "metadata": {"name": "lyo1"}, "spec": {}}, {"kind": "Site", "metadata": {"name": "lyo2"}, "spec": {}},
               {"kind": "Credential", "metadata": {"name": "lyo1-bmc"}, "spec": {}})


def timed(what, limit, run):
    begin = time.monotonic()
    result = run()
    seconds = time.monotonic() - begin
    print(f"  {what}: {seconds:.2f} s", flush=True)
    assert not LONG or seconds <= limit, (what, seconds)
    return result


def lines(objects):
    return "".join(json.dumps(each) + "\n" for each in objects).encode()


def post(mesh, body, query="", timeout=60):
    return mesh.rest("POST", "/api/v1/apply" + query, raw=body, headers={"Content-Type": "application/x-ndjson"}, timeout=timeout)


def audits(mesh):
    count, after = 0, "0"
    while after:
        page = mesh.get(f"/events?type=audit&limit=1000&after={after}")
        count, after = count + len(page.get("items", [])), page.get("next")
    return count


def test_by_the_thousand():
    with Mesh({"par1": 1}) as mesh:
        basics(mesh)
        path = mesh.folder / "many.yaml"
        path.write_text("---\n".join(json.dumps(server(i), indent=1) + "\n" for i in range(SERVERS)))
        dry = timed("dry run", 15, lambda: mesh.cli("apply", "-f", path, "--dry-run"))
        assert f"{SERVERS} created" in dry.stdout and not mesh.every("/servers"), dry.stdout
        timed(f"apply of {SERVERS}", 15, lambda: mesh.cli("apply", "-f", path))
        assert len(mesh.every("/servers")) == SERVERS
        told = audits(mesh)
        again = timed("unchanged", 5, lambda: mesh.cli("apply", "-f", path))
        assert f"{SERVERS} unchanged" in again.stdout, again.stdout
        assert audits(mesh) == told, "nothing is audited for unchanged"
        listed = mesh.cli("get", "servers", "-l", "role=web", "-o", "json").stdout
        assert f"{SERVERS} unchanged" in mesh.cli("apply", "-f", "-", stdin=listed).stdout
        assert mesh.cli("diff", "-f", path).returncode == 0


def test_csv_told_by_line():
    with Mesh({"par1": 1}) as mesh:
        basics(mesh)
        rows = []
        for i in range(SERVERS):
            s = server(i)["spec"]
            rows.append(f"s{i:05d},lyo1,{s['bmc']['address']},{s['identity']['serial']},{s['hostname']},lyo1-bmc,,role=web;rack=r{i % 40},,new")
        bad = range(7, 7 + BAD * 11, 11)
        for n, i in enumerate(bad):
            cells = rows[i].split(",")
            cells[(1, 2, 3, 8, 9)[n % 5]] = ("nowhere", "10.0.0.300", "0123456789", "perhaps", "old")[n % 5]
            rows[i] = ",".join(cells)
        path = mesh.folder / "servers.csv"
        path.write_text(HEADER + "\n".join(rows) + "\n")
        first = timed(f"import of {SERVERS} with {BAD} bad rows", 15, lambda: mesh.cli("import", path, check=False))
        assert first.returncode == 1 and f"{SERVERS - BAD} created, {BAD} refused" in first.stdout, first.stdout
        for i in bad:
            assert f"servers.csv:{i + 2}:" in first.stderr, (i, first.stderr[:3000])
        again = timed("unchanged", 5, lambda: mesh.cli("import", path, check=False))
        assert f"{SERVERS - BAD} unchanged" in again.stdout, again.stdout
        # What somebody added meanwhile stays.
        mesh.apply("one", {**server(0), "spec": {**server(0)["spec"], "vars": {"tier": "gold"}}})
        mesh.cli("import", path, check=False)
        assert mesh.get("/servers/s00000")["spec"]["vars"] == {"tier": "gold"}


def raw_request(mesh, head, chunks, wait=True):
    """Bytes as they are; what was answered."""
    context = ssl.create_default_context(cafile=str(mesh.pki / "ca.crt"))
    token = (mesh.pki / "admin.token").read_text().strip()
    answer = b""
    with socket.create_connection(("localhost", mesh.api_port), timeout=30) as plain, context.wrap_socket(plain, server_hostname="localhost") as tls:
        try:
            tls.sendall(f"POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                        f"Content-Type: application/x-ndjson\r\n{head}\r\n\r\n".encode())
            for chunk in chunks:
                tls.sendall(chunk)
        except OSError:
            pass  # it was answered, and nobody listens any more
        while wait:
            try:
                more = tls.recv(65536)
            except OSError:
                break
            answer += more
            if not more:
                break
    return answer


def chunked(body, size=16000):
    for at in range(0, len(body), size):
        part = body[at:at + size]
        yield b"%x\r\n" % len(part) + part + b"\r\n"


def endless(line):
    while True:
        yield from chunked(line * 200)


def test_hostile_bodies():
    with Mesh({"par1": 1}) as mesh:
        basics(mesh)
        good = lines(server(i) for i in range(400))
        # A body without end, a line of a gigabyte, more than one may send.
        assert b" 413 " in raw_request(mesh, "Transfer-Encoding: chunked", endless(b'{"kind":"Server"}\n'))[:20]
        assert b" 413 " in raw_request(mesh, "Transfer-Encoding: chunked", (c for _ in range(70) for c in chunked(b"x" * 1_000_000)))[:20]
        assert b" 413 " in raw_request(mesh, "Content-Length: 1073741824", ())[:20]
        # Gone in the middle: after whole lines, and in one.
        raw_request(mesh, f"Content-Length: {len(good) * 2}", (good,), wait=False)
        raw_request(mesh, "Transfer-Encoding: chunked", list(chunked(good))[:-1], wait=False)
        time.sleep(0.5)
        assert not mesh.every("/servers"), "nothing is half applied"
        # Nonsense beside what is right.
        body = good[:good.index(b"\n") + 1] + b'{"kind":"Server"\n{"a":1,"a":2}\n\xff\xfe\n[]\n' + b"[" * 500 + b"\nnull\n" + good.splitlines()[1][:80]
        status, _, report = post(mesh, body)
        assert status == 200 and report["created"] == 1 and report["refused"] == 7, report
        assert [r["line"] for r in report["results"] if r["result"] == "refused"] == [2, 3, 4, 5, 6, 7, 8], report
        status, _, report = post(mesh, lines([server(5), server(5)]), "?atomic=true")
        assert status == 422 and report["refused"] == 2 and not report["taken"], report
        assert mesh.cli("get", "servers", "-o", "jsonpath={.items[*].metadata.name}").stdout == "s00000\n"
        alive = mesh.rest("GET", "/healthz", token=False)[0]
        assert alive == 200 and mesh.controller.alive()


def test_killed_in_the_middle():
    """Whenever it dies: all of it or nothing, and the same again makes it whole."""
    many = 5000 if LONG else 1500
    with Mesh({"par1": 1}) as mesh:
        basics(mesh)
        def count(prefix):
            return sum(s["metadata"]["name"].startswith(prefix) for s in mesh.every("/servers"))
        for attempt, when in enumerate(("at once", "in between", "when the first is there")):
            prefix = f"k{attempt}x"
            body = lines(server(attempt * many + i, prefix=prefix) for i in range(many))
            thread = threading.Thread(target=lambda b=body: _ignore(lambda: post(mesh, b, "?atomic=true")))
            thread.start()
            if when == "when the first is there":
                wait_until(when, lambda p=prefix: mesh.rest("GET", f"/api/v1/servers/{p}{attempt * many:05d}")[0] == 200, 30, pause=0.002)
            else:
                time.sleep(0.02 if when == "at once" else 0.25)
            mesh.controller.process.send_signal(signal.SIGKILL)
            mesh.controller.process.wait()
            thread.join()
            mesh.controller.start()
            mesh.wait_api()
            if when == "when the first is there":
                wait_until("what was decided is carried out", lambda p=prefix: count(p) == many, 30)
            else:
                wait_until("it is whole or not there", lambda p=prefix: count(p) in (0, many), 30)
            print(f"  killed {when}: {count(prefix)} of {many}")
            status, _, report = post(mesh, body)
            assert status == 200 and report["created"] + report["unchanged"] == many, (status, report["refused"])


def _ignore(run):
    try:
        run()
    except OSError:
        pass


def test_two_sites_with_one_subnet():
    with Mesh({"par1": 1}) as mesh:
        basics(mesh)
        one, other, third = server(1), server(1, "lyo2", "t"), server(1, "lyo1", "u")
        status, _, report = post(mesh, lines([one, other, third]))
        assert [r["result"] for r in report["results"]] == ["created", "created", "refused"], report
        assert report["results"][2]["field"] == "spec.bmc.address", report
        found = mesh.cli("get", "servers", "--where", f"bmc = {one['spec']['bmc']['address']}", "--field", "spec.site=lyo2", "-o", "csv",
                         "--columns", "name,spec.site").stdout
        assert found == "NAME,spec.site\nt00001,lyo2\n", found


def test_events_by_time():
    with Mesh({"par1": 1}) as mesh:
        basics(mesh)
        post(mesh, lines(server(i) for i in range(30)))
        audit = [json.loads(line) for line in mesh.cli("events", "--type", "audit", "--tail", "5", "-o", "json").stdout.splitlines()]
        assert len(audit) == 5 and all(e["type"] == "audit" for e in audit), audit
        assert "30 created" in audit[-1]["message"], audit
        assert mesh.cli("events", "--since", "1h", "--type", "audit").stdout.count("\n") >= 31
        time.sleep(1.1)
        assert mesh.cli("events", "--since", "1s", "--type", "audit").stdout == ""
        assert mesh.cli("events", "--since", "yesterday", check=False).returncode == 1


if __name__ == "__main__":
    main([test_by_the_thousand, test_csv_told_by_line, test_hostile_bodies, test_killed_in_the_middle, test_two_sites_with_one_subnet, test_events_by_time])
