#!/usr/bin/env python3
"""A live medium of Debian 12 with cloud-init, booted from one slot, takes its user-data from the medium in the other one.

The image is laid out like Ubuntu's for servers; a family of the site's own puts family ubuntu's files onto a medium CIDATA.
First cloud-init only says what it found, from a second CD. Then, from a USB stick, it installs Debian to the disk without any
network, and the installed system proves itself.
"""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from machine import INSTALLER, ROOT, SERVER, MachineMesh, main, succeeded  # noqa: E402
from os_family_test import run, site_family  # noqa: E402

IMAGE = INSTALLER.with_name("debian-live.iso")
HOST = "10.0.2.2"  # this machine, as QEMU's user network shows it to the guest
HOSTNAME, ADDRESS = f"{SERVER}.example.net", "10.0.2.15/24"
SAY = """#cloud-config
hostname: {{hostname}}
preserve_hostname: false
locale: false
runcmd:
  - [sh, -c, "echo CLOUD_INIT hostname=$(hostname) id=$(cloud-id) from=$(cloud-init query subplatform) > /dev/ttyS0"]
"""
REPORT = SAY + "  - [systemctl, --no-block, poweroff]\n"
INSTALL = SAY + """  - [sh, /run/medium/install.sh, {{hostname}}, {{address}}, {{gateway}}, /run/callback.sh]
write_files:
  - path: /run/callback.sh
    encoding: b64
    content: {{callback.script | base64}}
"""


def families(folder, medium):
    return site_family(
        folder, "ubuntu-cidata", "ubuntu",
        ("completion: poweroff\n", f"completion: poweroff\nanswerMedium: {{label: CIDATA, format: {medium}}}\n"),
        ("      - 'ds=nocloud\\;s=/cdrom/metalmesh/'\n", "      - console=ttyS0\n"),
        ("  - path: /metalmesh/meta-data\n", "  - path: /meta-data\n"),
        ("  - path: /metalmesh/user-data\n", "  - path: /user-data\n"))


def live_mesh(folder, slot):
    """The second slot is `slot`: cd or usb."""
    run(ROOT / "tests/tools/make_debian_live.sh", IMAGE)
    made = families(pathlib.Path(folder), "fat" if slot == "usb" else "iso")
    return MachineMesh("memory-mib=1024,disk-mib=2500", image=IMAGE, families=made,
                       media_config={"callbackAddress": HOST}, media_hosts=[HOST])


def start(mesh, slot, user_data, **profile):
    mesh.apply_basics("ubuntu-cidata", template={"inline": user_data}, maxRun="60m", stallAfter="20m", **profile)
    mesh.wait_ready(timeout=120)
    mesh.set_bmc(SERVER, secondSlot=slot)
    mesh.start_install()
    mesh.wait_console("CLOUD_INIT", timeout=900)
    said = mesh.console_line("CLOUD_INIT")
    drive = "sda" if slot == "usb" else "sr1"
    assert said.split()[1:] == [f"hostname={SERVER}", "id=nocloud", "from=config-disk", f"(/dev/{drive})"], said
    print(f"   {said}", flush=True)


def check_ejected(mesh):
    truth = mesh.machine()
    assert truth["media"] == "" and truth["second"] == "", truth
    assert mesh.happened("insert second") == 1 and mesh.happened("eject second") == 1, mesh.acts("par1")


def cloud_init_reads_the_second_medium():
    with tempfile.TemporaryDirectory(prefix="families-") as folder, live_mesh(folder, "cd") as mesh:
        start(mesh, "cd", REPORT, proof={"minimum": "poweroff"})
        succeeded(mesh.wait_done("web", 300))
        check_ejected(mesh)


def debian_is_installed_by_it():
    with tempfile.TemporaryDirectory(prefix="families-") as folder, live_mesh(folder, "usb") as mesh:
        start(mesh, "usb", INSTALL, proof={"minimum": "callback", "within": "20m"})
        mesh.wait_console("INSTALL_DONE", timeout=1800)
        mesh.wait_console("INSTALLED_OS_UP", timeout=900)
        succeeded(mesh.wait_done("web", 300))
        assert mesh.deployment()["proof"] == "PROOF_CALLBACK", mesh.deployment()
        up = mesh.console_line("INSTALLED_OS_UP")
        assert f"hostname={SERVER} address={ADDRESS} debian=12" in up.replace(HOSTNAME, SERVER), up
        check_ejected(mesh)
        mesh.check_truth(installed=[SERVER])
        print("   " + "\n   ".join(line for line in mesh.console().splitlines() if line.startswith("INSTALL")))


if __name__ == "__main__":
    main([cloud_init_reads_the_second_medium, debian_is_installed_by_it])
