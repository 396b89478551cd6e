#!/usr/bin/env python3
"""OpenStack's sushy-tools as a BMC: no sessions, Basic only, no serial number, boot override Continuous, and the image fetched
whole when it is inserted. There is no machine behind its fake driver: an install must end honestly, with nothing left behind.
Needs PyPI; without it the test says so and is skipped."""
import json
import ssl
import subprocess
import sys
import tempfile
import pathlib
import urllib.request

from mesh import Mesh, Process, Skipped, free_port, main, wait_until

UUID = "27946b59-9e44-4fa7-8e91-f3527a1ef094"
MAC = "00:5c:52:31:3a:9c"


def emulator(folder):
    """The program, or nothing when PyPI cannot be reached."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, stdout=subprocess.DEVNULL)
    installed = subprocess.run([folder / "venv/bin/pip", "-q", "install", "--timeout", "10", "--retries", "1", "sushy-tools==2.2.0",
                                "bcrypt"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=180)
    return folder / "venv/bin/sushy-emulator" if installed.returncode == 0 else None


def start(program, folder):
    port = free_port()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=sushy", "-keyout",
                    folder / "key.pem", "-out", folder / "cert.pem"], check=True, stderr=subprocess.DEVNULL)
    hashed = subprocess.run([folder / "venv/bin/python", "-c", "import bcrypt; print(bcrypt.hashpw(b'password', bcrypt.gensalt(4)).decode())"],
                            check=True, capture_output=True, text=True).stdout.strip()
    (folder / "htpasswd").write_text(f"admin:{hashed}\n")
    (folder / "emulator.conf").write_text(f"SUSHY_EMULATOR_AUTH_FILE = {str(folder / 'htpasswd')!r}\n"
                                          f"SUSHY_EMULATOR_STATE_DIR = {str(folder)!r}\n")
    process = Process("sushy", [program, "--fake", "--config", folder / "emulator.conf", "--interface", "127.0.0.1", "--port", port,
                                "--ssl-certificate", folder / "cert.pem", "--ssl-key", folder / "key.pem"], folder).start()
    wait_until("the emulator answers", lambda: get(port, "/redfish/v1/", check=False), 30)
    return process, port


def get(port, path, check=True):
    context = ssl._create_unverified_context()
    request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", headers={"Authorization": "Basic YWRtaW46cGFzc3dvcmQ="})
    try:
        return json.load(urllib.request.urlopen(request, context=context, timeout=5))
    except OSError:
        if check:
            raise
        return None


def an_install_on_sushy_tools_ends_honestly():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        program = emulator(folder)
        if program is None:
            raise Skipped("sushy-tools cannot be had from PyPI")
        process, port = start(program, folder)
        try:
            with Mesh({"par1": 1}, agent_config={"timeouts": {"unreachable": "10s", "confirm": "10s", "firstRead": "20s", "power": "30s"}}) as mesh:
                mesh.apply_basics()
                mesh.apply("sushy", {"kind": "Server", "metadata": {"name": "sushy"}, "spec": {
                    "site": "par1", "state": "new", "bmc": {"address": f"127.0.0.1:{port}", "credential": "par1-bmc"},
                    "identity": {"uuid": UUID, "macs": [MAC]}, "hostname": "sushy.example.net", "vars": {"address": "10.0.0.9/16"}}})
                mesh.wait_ready(2)
                mesh.start_rollout("one", select={"servers": ["sushy"]}, stopAfter={"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"})
                end = mesh.wait_done("one", 120)["sushy"]
                print(end["fault"]["code"], end["fault"]["seen"], end["fault"].get("detail"))
                assert end["state"] == "FAILED" and end["disk"] == "DISK_UNTOUCHED", end
                assert end["fault"]["code"] == "MEDIA_WANTED_WHOLE", end  # before the fence may open: no install can begin so
                assert not end.get("debts"), end
                media = get(port, f"/redfish/v1/Systems/{UUID}/VirtualMedia/Cd")
                assert not media["Inserted"] and not media["Image"], media
        finally:
            process.kill()


if __name__ == "__main__":
    main([an_install_on_sushy_tools_ends_honestly])
