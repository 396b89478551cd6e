#!/usr/bin/env python3
"""What an installed system is given to call back with: put into an empty root by its script, it calls by whichever of curl,
wget and Python the system has, checks the certificate, does not take no for an answer, and is gone afterwards."""
import base64
import http.server
import json
import pathlib
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import xml.etree.ElementTree

from mesh import ENV, ROOT, main

GOLDEN = ROOT / "tests/unit/answer/golden"
NEEDED = ("cat", "chmod", "ln", "mkdir", "mktemp", "rm", "sh")
PEM = r"-----BEGIN CERTIFICATE-----\n.*?\n(?=END_OF_CA)"
URL = r"https://192.0.2.5:8443/c/0123456789abcdef"


def key_pair(folder, name):
    crt, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", crt],
                   check=True, capture_output=True)
    return crt, key


class Agent:
    """Takes a call when it has refused `refusals`; `calls` has what came."""

    def __init__(self, crt, key, refusals):
        self.calls = calls = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                calls.append(self.path)
                self.send_response(409 if len(calls) <= refusals else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}/c/token"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def small_system(folder, client):
    """A root without anything but folders, and a PATH with little more than `client`. Its sleep does not."""
    root, programs = folder / "root", folder / "bin"
    (root / "etc/systemd/system").mkdir(parents=True)
    programs.mkdir()
    for name in (*NEEDED, client):
        (programs / name).symlink_to(shutil.which(name))
    (programs / "sleep").write_text("#!/bin/sh\necho \"$1\" >> " + str(folder / "slept") + "\n")
    (programs / "sleep").chmod(0o755)
    return root, {**ENV, "PATH": str(programs), "TMPDIR": str(folder)}


def run(text, root, env):
    """`text`, whose /etc is below `root`."""
    return subprocess.run(["/bin/sh"], input=re.sub(r"(?<=[ =])/etc/", f"{root}/etc/", text), env=env, capture_output=True, text=True,
                          timeout=60)


def answer(path):
    family, file = path.split("/", 1)
    return (GOLDEN / family / "callback/medium" / file).read_text()


def script():
    return re.search(r"%post[^\n]*\n(#!/bin/sh\nprogram=.*?\n)\n%end", answer("rhel/ks.cfg"), re.S).group(1)


def script_for(url, ca):
    assert script().count(URL) == 1, script()
    return re.sub(PEM, lambda _: ca.read_text(), script().replace(URL, url), flags=re.S)


def put_in(root, env, script):
    done = run(script, root, env)
    assert done.returncode == 0 and not done.stderr, done
    program, units = root / "etc/metalmesh-callback", root / "etc/systemd/system"
    unit, wanted = units / "metalmesh-callback.service", units / "multi-user.target.wants/metalmesh-callback.service"
    assert wanted.resolve() == unit and program.stat().st_mode & 0o777 == 0o600, (wanted, program)
    return program, unit, wanted


def unpacked(text):
    return base64.b64decode(text).decode()


def every_family_gives_the_same():
    assert script() in answer("debian/metalmesh/late.sh")
    packed = re.search(r"echo (\S+) \| base64 -d > /target/root/metalmesh-callback", answer("ubuntu/metalmesh/user-data")).group(1)
    assert script() == unpacked(packed)
    assert script() in [each["content"] for each in json.loads(answer("agama/autoinst.json"))["scripts"]["post"]]
    profile = xml.etree.ElementTree.fromstring(answer("autoyast/autoinst.xml"))
    sources = [each.text for each in profile.iter() if each.tag.endswith("source")]
    assert script() in sources, sources
    for family in ("coreos", "flatcar"):
        config = json.loads(answer(f"{family}/metalmesh/config.ign"))
        [file] = [each for each in config["storage"]["files"] if each["path"] == "/etc/metalmesh-callback"]
        [unit] = config["systemd"]["units"]
        for text in (unpacked(file["contents"]["source"].removeprefix("data:;base64,")), unit["contents"]):
            assert f"\n{text}END_OF_" in script(), (family, text)


def it_calls_until_it_is_heard_and_is_gone():
    for client in ("curl", "wget", "python3"):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            crt, key = key_pair(folder, "agent")
            root, env = small_system(folder, client)
            with Agent(crt, key, refusals=2) as agent:
                files = put_in(root, env, script_for(agent.url, crt))
                if shutil.which("systemd-analyze"):
                    subprocess.run(["systemd-analyze", "verify", files[1]], check=True, timeout=60)
                done = run(files[0].read_text(), root, env)
                assert done.returncode == 0, (client, done)
                assert agent.calls == ["/c/token"] * 3, (client, agent.calls)
            left = [str(path) for path in folder.rglob("*") if "callback" in path.name or path.name.startswith("tmp")]
            assert not left, (client, left)
            print(f"   {client}: heard at the third call")


def it_tells_nobody_else_and_gives_up_one_day():
    for client in ("curl", "wget", "python3"):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            crt, _ = key_pair(folder, "agent")
            root, env = small_system(folder, client)
            with Agent(*key_pair(folder, "stranger"), refusals=0) as stranger:
                program, *_ = put_in(root, env, script_for(stranger.url, crt))
                text = program.read_text()
                assert "left=720" in text
                done = run(text.replace("left=720", "left=3"), root, env)
                assert done.returncode == 1 and not stranger.calls, (client, done, stranger.calls)
                assert re.search("certificate|self.signed", done.stderr, re.I), (client, done.stderr)
            assert (folder / "slept").read_text() == "10\n" * 2, client
            assert not program.exists()


if __name__ == "__main__":
    main([every_family_gives_the_same, it_calls_until_it_is_heard_and_is_gone, it_tells_nobody_else_and_gives_up_one_day])
