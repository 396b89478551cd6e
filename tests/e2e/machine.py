"""A mesh with one real UEFI machine: QEMU behind a simulated BMC, and an installer that really installs."""
import contextlib
import hashlib
import json
import pathlib
import re
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from mesh import Mesh, main, succeeded, wait_until  # noqa: E402,F401

SERVER = "par1-n001"
INSTALLER = ROOT / "build/installer/installer.iso"
ANSWER = """deployment={{deployment}}
hostname={{hostname}}
address={{address}}
gateway={{gateway}}
via={{gateway}}
callback={{callback_url}}
"""
# Emulated, and maybe on a busy machine: everything takes its time.
TIMEOUTS = {"unreachable": "20s", "confirm": "20s", "firstRead": "90s", "boot": "180s", "power": "60s", "stall": "90s"}


class MachineMesh(Mesh):
    """One site with one server; `machine` are options of metalmesh-bmcsim --qemu. Without an `image` it is the tiny
    installer's; `families`: a folder with OS families of the site's own."""

    def __init__(self, machine="", image=None, families=None, **mesh):
        config = {"timeouts": TIMEOUTS, **({"familiesDir": str(families)} if families else {})}
        super().__init__({"par1": 1}, qemu=[f"{SERVER},{machine}".rstrip(",")], agent_config=config, **mesh)
        self.built = image

    def make_image(self, size_mb=0):
        if self.built:
            self.image = self.built
            with open(self.image, "rb") as content:
                self.image_sha256 = hashlib.file_digest(content, "sha256").hexdigest()
            return
        subprocess.run([str(ROOT / "tests/tools/make_installer.sh"), str(INSTALLER)], check=True)
        self.image = INSTALLER
        self.image_sha256 = INSTALLER.with_suffix(".iso.sha256").read_text().strip()

    def ready(self, **profile):
        """Everything is applied, the server is inspected."""
        template = ANSWER + (self.pki / "ca.crt").read_text()
        self.apply_basics(**{"template": {"inline": template}, "maxRun": "600s", "stallAfter": "90s",
                             "proof": {"minimum": "callback", "within": "300s"}, **profile})
        self.wait_ready(timeout=120)

    def start_install(self, name="web"):
        self.start_rollout(name, select={"servers": [SERVER]})

    def deployment(self, name="web"):
        """None while nobody answers."""
        with contextlib.suppress(OSError):
            return self.deployments(name)[SERVER]

    def wait_state(self, state, name="web", timeout=60):
        def there():
            found = self.deployment(name)
            return found if found and found["state"] == state else None
        return wait_until(f"the deployment is {state}", there, timeout)

    # ---- the machine
    def machine(self):
        return self.truth()[SERVER]

    def file(self, what):
        return pathlib.Path(self.machine()["files"][what])

    def console(self):
        """What the machine wrote to its serial line, without the firmware's escape sequences."""
        path = self.folder / "qemu" / SERVER / "serial.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return re.sub(r"\x1b\[[0-9;=]*[A-Za-z]", "", text).replace("\r", "")

    def console_line(self, word):
        return next((line for line in self.console().splitlines() if line.startswith(word)), None)

    def wait_console(self, word, count=1, timeout=240):
        def said():
            assert word == "INSTALL_FAILED" or not self.console_line("INSTALL_FAILED"), self.console_line("INSTALL_FAILED")
            return sum(line.startswith(word) for line in self.console().splitlines()) >= count
        wait_until(f"the console says {word} {count} times", said, timeout, pause=0.02)

    def happened(self, what):
        return sum(act["what"] == what for act in self.acts("par1"))

    def wait_happens(self, what, already, timeout=120):
        wait_until(f"{what}, once more than {already} times", lambda: self.happened(what) > already, timeout)

    def disk_hash(self):
        return hashlib.sha256(self.file("disk").read_bytes()).hexdigest()

    def by_hand(self, *commands):
        """At the machine's own monitor, past its BMC."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self.file("qmp")))
            lines = monitor.makefile("rw")
            lines.readline()
            for command in ("qmp_capabilities", *commands):
                lines.write(json.dumps(command if isinstance(command, dict) else {"execute": command}) + "\n")
                lines.flush()
                while True:
                    reply = json.loads(lines.readline())
                    if "event" not in reply:
                        assert "return" in reply, (command, reply)
                        break

    def check_installed_once(self, hostname, address):
        """By the console, by what the disk and the medium saw, and by what the controller holds."""
        up = self.console_line("INSTALLED_OS_UP")
        truth = self.machine()
        assert f"hostname={hostname} address={address} " in up, up
        assert f"serial={truth['serial']} uuid={truth['uuid']} " in up, (up, truth)
        self.check_truth(installed=[SERVER])
        deployment = self.deployment()
        assert deployment["proof"] == "PROOF_CALLBACK", deployment
        assert deployment["disk"] == "DISK_NEW_SYSTEM", deployment
        self.check_events()
        return up
