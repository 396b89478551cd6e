#!/usr/bin/env python3
"""DMTF's Redfish service validator at a simulated BMC, idle and with a medium, an override and a task of its own: nothing that it
shows fails its schema. Then at each recorded BMC, as it was recorded and as it is worn by a machine with a medium and a session:
what is wrong with the record is its vendor's, and whatever is wrong beside that is ours. Only with METALMESH_LONG_TESTS; needs PyPI
for the program and crates.io for a copy of DMTF's schemas (or METALMESH_REDFISH_CSDL, a folder of them). Without them the test
says so and is no failure."""
import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

from mesh import BIN, ENV, Process, Skipped, free_port, main, wait_until
from personalities_test import TREES, kinds

PROGRAM, SCHEMAS = "redfish-service-validator==3.1.8", ("nv-redfish-schema", "0.10.1")


def validator(folder):
    """The program, or nothing."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, stdout=subprocess.DEVNULL)
    installed = subprocess.run([folder / "venv/bin/pip", "-q", "install", "--timeout", "10", "--retries", "1", PROGRAM],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=180)
    return folder / "venv/bin/rf_service_validator" if installed.returncode == 0 else None


def schemas(folder):
    """DMTF's schemas (DSP8010) as CSDL, or nothing."""
    if given := os.environ.get("METALMESH_REDFISH_CSDL"):
        return pathlib.Path(given)
    cargo = shutil.which("cargo")
    if cargo is None:
        return None
    (folder / "crate/src").mkdir(parents=True)
    (folder / "crate/src/lib.rs").touch()
    (folder / "crate/Cargo.toml").write_text('[package]\nname = "schemas"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n'
                                             f'{SCHEMAS[0]} = "={SCHEMAS[1]}"\n')
    got = subprocess.run([cargo, "vendor", "-q", folder / "vendor"], cwd=folder / "crate", stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, timeout=180)
    return folder / "vendor" / SCHEMAS[0] / "redfish-csdl/csdl" if got.returncode == 0 else None


def ask(url, method, path, body=None, token=None):
    argv = ["curl", "-sk", "-D", "-", "-X", method, url + path, "-H", "Content-Type: application/json"]
    argv += ["-H", f"X-Auth-Token: {token}"] if token else []
    argv += ["-d", json.dumps(body)] if body is not None else []
    return subprocess.run(argv, capture_output=True, text=True, env=ENV, timeout=30, check=True).stdout


def judged(program, url, csdl, folder, authtype="Session"):
    """What it counted, and its faults: of which resource, and what was said."""
    done = subprocess.run([program, "-u", "admin", "-p", "password", "-r", url, "--authtype", authtype, "--skipschema",
                           "--schema_directory", csdl, "--logdir", folder], capture_output=True, text=True, env=ENV, timeout=400)
    counts = re.search(r"\|\s+(\d+)\s+\|\s+(\d+)\s+\|\s+(\d+)\s+\|\s+(\d+)\s+\|", done.stdout)
    assert counts, (done.stdout, done.stderr)
    faults, resource = [], ""
    for line in (line for log in folder.rglob("*.log") for line in log.read_text().splitlines()):
        if began := re.search(r" - Validating (/\S+?)(\.\.\.)?$", line):
            resource = began.group(1)
        elif " FAIL - " in line:
            faults.append((resource, line.split(" FAIL - ", 1)[1]))
    return [int(one) for one in counts.groups()], faults


@contextlib.contextmanager
def bmcs(folder, *options):
    """Simulated ones from 127.204.0.1 on; their port, and the port that controls them."""
    port, control = free_port(), free_port()
    sim = Process("bmcsim", [BIN / "metalmesh-bmcsim", "serve", "--first-address", "127.204.0.1", "--port", port, "--control-port", control,
                             *options], folder).start()
    try:
        wait_until("bmcsim is up", lambda: "ready" in sim.text(), 30)
        yield port, control
    finally:
        sim.kill()


def nothing_fails_its_schema(program, csdl, folder):
    with bmcs(folder, "--count", 1, "--fault", "boot_task_pending") as (port, _):
        url = f"https://127.204.0.1:{port}"
        (passed, _, failed, _), faults = judged(program, url, csdl, folder / "idle")
        assert passed > 150 and not failed and not faults, faults
        login = ask(url, "POST", "/redfish/v1/SessionService/Sessions", {"UserName": "admin", "Password": "password"})
        token = re.search(r"(?im)^x-auth-token: *(\S+)", login).group(1)
        inserted = ask(url, "POST", "/redfish/v1/Systems/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia",
                       {"Image": "https://127.0.0.1:1/x.iso"}, token)
        ordered = ask(url, "PATCH", "/redfish/v1/Systems/1",
                      {"Boot": {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Cd"}}, token)
        assert inserted.startswith("HTTP/1.1 20") and ordered.startswith("HTTP/1.1 202"), (inserted, ordered)
        (passed, _, failed, _), faults = judged(program, url, csdl, folder / "at work")
        assert passed > 150 and not failed and not faults, faults
        print(f"{passed} passed, none failed")


@contextlib.contextmanager
def as_recorded(tree):
    """The files and nothing else."""
    class Files(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            file = tree / self.path.partition("?")[0].strip("/") / "index.json"
            body = b'{"v1": "/redfish/v1/"}' if self.path == "/redfish" else file.read_bytes() if file.is_file() else b"{}"
            self.send_response(404 if body == b"{}" else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


# Its own names are in these paths, and not those of the machine that was recorded.
NAMED_PATHS = [(re.compile(r"/Systems/[^/\])]+"), "/Systems/*"), (re.compile(r"/EthernetInterfaces/[^/\])]+"), "/EthernetInterfaces/*")]


def alike(faults):
    """Without what may differ between two machines: a fault is which property of which resource is wrong, and in what way."""
    out = set()
    for resource, said in faults:
        where = re.sub(r"\(\[Link to: ([^\]]*)\]\)|\(.*?\)(?=: )", lambda link: link.group(1) or "", said, count=1)
        what = where.replace("Exception when accessing the URI ().", "Received HTTP 404 when accessing the URI.")
        what = re.sub(r"'[^']*'|\"[^\"]*\"", "...", what)
        for pattern, instead in NAMED_PATHS:
            resource, what = pattern.sub(instead, resource), pattern.sub(instead, what)
        out.add((resource, what))
    return out


def nothing_is_added_to_what_a_record_has_wrong(program, csdl, folder):
    files = [file for file in kinds() if json.loads(file.read_text()).get("tree")]
    worn = [a for i, file in enumerate(files) for a in ("--personality", f"par1-n{i + 1:03}={file}")]
    wrong = {}
    with bmcs(folder, "--site", "par1", "--count", len(files), *worn) as (port, control):
        for i, file in enumerate(files):
            at_work = {"foreignMedia": "https://127.0.0.1:1/x.iso", "power": True}
            subprocess.run(["curl", "-sf", "-X", "POST", f"http://127.0.0.1:{control}/servers/par1-n{i + 1:03}", "-d", json.dumps(at_work)],
                           env=ENV, timeout=10, check=True, stdout=subprocess.DEVNULL)
            with as_recorded(TREES / json.loads(file.read_text())["tree"]) as url:
                _, vendors = judged(program, url, csdl, folder / file.stem / "recorded", "Basic")
            (passed, *_), shown = judged(program, f"https://127.204.0.{i + 1}:{port}", csdl, folder / file.stem / "worn")
            wrong[file.stem] = sorted(alike(shown) - alike(vendors))
            print(f"{file.stem}: {passed} passed, {len(alike(vendors))} faults of its vendor's or of the record, {len(wrong[file.stem])} of ours", flush=True)
    assert files and not any(wrong.values()), {kind: ours for kind, ours in wrong.items() if ours}


def with_the_validator(test):
    """As a test of its own name, which has the program, the schemas and a folder."""
    def run():
        if not os.environ.get("METALMESH_LONG_TESTS"):
            raise Skipped("minutes of reading; METALMESH_LONG_TESTS=1")
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            program, csdl = validator(folder), schemas(folder)
            if program is None or csdl is None:
                raise Skipped(f"{'DMTF schemas' if program else PROGRAM} cannot be had from {'crates.io' if program else 'PyPI'}")
            test(program, csdl, folder)
    run.__name__ = test.__name__
    return run


if __name__ == "__main__":
    main([with_the_validator(nothing_fails_its_schema), with_the_validator(nothing_is_added_to_what_a_record_has_wrong)])
