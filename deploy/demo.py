"""The main job, as deploy/demo runs it: `metalmesh up` for two sites, simulated servers behind both, one of them a real
UEFI machine, and the commands that a person would type."""
import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))
from mesh import BIN  # noqa: E402
from up_mesh import UpMesh  # noqa: E402

FOLDER = ROOT / "build/demo"
INSTALLER = ROOT / "build/installer/installer.iso"  # made by deploy/demo
SITES = {"par1": 11, "ams1": 10}
REAL = "par1-n011"  # the one server that is a UEFI machine (QEMU, emulated); the others pretend
ANSWER = """deployment={{deployment}}
hostname={{hostname}}
address={{address}}
gateway={{gateway}}
callback={{callback_url}}
via={{gateway}}
"""


def say(text):
    print(text, flush=True)


def show(mesh, *words):
    """Types a command like a person would, and lets it talk to the terminal."""
    say(f"\n$ metalmesh {' '.join(map(str, words))}")
    return subprocess.run(mesh.command(*words), env=mesh.env).returncode


def clear_folder():
    """Each demo starts from nothing; one that still runs is left alone."""
    lock = FOLDER / "mesh/up.lock"
    if lock.exists():
        with open(lock) as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                sys.exit(f"deploy/demo: an earlier one still runs in {FOLDER} (metalmesh up is pid {held.read().strip()}); end that first")
    shutil.rmtree(FOLDER, ignore_errors=True)


def seconds(deployment):
    began, ended = (datetime.fromisoformat(deployment[key].split(".")[0].rstrip("Z")) for key in ("created", "ended"))
    return (ended - began).total_seconds()


class Rollout:
    """Servers that are installed together, and why they count as installed."""

    def __init__(self, name, select, image, profile):
        self.name = name
        self.object = {"kind": "Rollout", "metadata": {"name": name},
                       "spec": {"action": "install", "select": select, "image": image, "profile": profile}}

    def start(self, mesh):
        """Plans and starts it; how many servers take part."""
        mesh.apply(f"rollout-{self.name}", [self.object])
        assert show(mesh, "rollout", "plan", self.name) == 0
        # The plan above and the start below must be of one selection: the digest says so.
        plan = mesh.get("rollout", self.name)["status"]["plan"]
        assert show(mesh, "rollout", "start", self.name, "--plan", plan["digest"][:8], "--confirm", len(plan["servers"])) == 0
        return len(plan["servers"])

    def deployments(self, mesh):
        return mesh.get("deployments", "--rollout", self.name)["items"]


def tiny_installer(mesh):
    """What the real machine installs: an image and a profile whose answer file lets it call back, verifying whom it calls."""
    digest = INSTALLER.with_name(INSTALLER.name + ".sha256").read_text().split()[0]
    return [{"kind": "Image", "metadata": {"name": "tiny"},
             "spec": {"family": "placeholder", "iso": {"urls": [f"file://{INSTALLER}"], "sha256": digest}}},
            {"kind": "Profile", "metadata": {"name": "tiny"},
             "spec": {"family": "placeholder", "template": {"inline": ANSWER + (mesh.data / "pki/ca.crt").read_text()}, "maxRun": "15m",
                      "proof": {"minimum": "callback", "within": "5m"}}}]


def set_up(mesh):
    """Starts everything and registers the servers; the rollouts that will install them."""
    say(f"$ metalmesh up --data {mesh.data} --port 0 {' '.join('--site ' + site for site in SITES)}")
    mesh.start("--port", 0, *[word for site in SITES for word in ("--site", site)])
    say(mesh.up.text().rstrip())
    basics = [{"kind": "Credential", "metadata": {"name": f"{site}-bmc"}, "spec": {"site": site}} for site in SITES]
    mesh.apply("basics", basics + mesh.make_image() + tiny_installer(mesh))
    for site, count in SITES.items():
        qemu = [REAL] if REAL.startswith(site) else []
        mesh.apply(f"servers-{site}", mesh.simulate(site, count, install_ms=4000, qemu=qemu))
    mesh.inspect()
    show(mesh, "get", "sites")
    return [Rollout("real", {"labels": {"machine": "qemu"}}, "tiny", "tiny"),
            Rollout("web", {"labels": {"role": "web"}, "exclude": [REAL]}, "mm", "base")]


def summary(mesh, rollouts):
    """Prints one line per server; how many succeeded, with a proof."""
    say(f"\n{'SERVER':<12} {'STATE':<14} {'PROOF':<10} {'SECONDS':>7}  EVIDENCE")
    good, real = 0, None
    for deployment in sorted((d for rollout in rollouts for d in rollout.deployments(mesh)), key=lambda d: d["server"]):
        proof = deployment.get("proof", "PROOF_NONE").removeprefix("PROOF_").lower()
        good += deployment["state"] == "SUCCEEDED" and proof in ("callback", "reachable")
        say(f"{deployment['server']:<12} {deployment['state']:<14} {proof:<10} {seconds(deployment):>7.0f}  "
            f"{'; '.join(deployment.get('evidence', []))[:100]}")
        real = deployment if deployment["server"] == REAL else real
    console = (FOLDER / f"machines/{REAL}/serial.log").read_text(errors="replace").splitlines()
    said = [line for line in console if line.startswith("INSTALLED_OS_UP")]
    say(f"\n{REAL} is a UEFI machine; install and boot took {seconds(real):.0f} s. Its new system said on the serial console:\n"
        f"  {said[-1] if said else '(nothing)'}")
    return good if said else 0


def linger(mesh):
    say(f"""
Everything keeps running. To go on in another terminal:
  export PATH={BIN}:$PATH METALMESH_CONFIG={mesh.data / 'client.yaml'}
  metalmesh get servers
ctrl-C here ends it.""")
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def main():
    begin = time.monotonic()
    clear_folder()
    with UpMesh(FOLDER, started_in=ROOT) as mesh:
        rollouts = set_up(mesh)
        total = sum(rollout.start(mesh) for rollout in rollouts)
        watched = [show(mesh, "rollout", "watch", rollout.name) for rollout in reversed(rollouts)]
        good = summary(mesh, rollouts)
        say(f"\n{good} of {total} SUCCEEDED in {time.monotonic() - begin:.0f} s"
            f" (build: {os.environ.get('MM_BUILD_SECONDS', '?')} s)")
        if "--keep" in sys.argv:
            linger(mesh)
        assert mesh.up.stop(30) == 0
    return 0 if not any(watched) and good == total == sum(SITES.values()) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
