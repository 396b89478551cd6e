#!/usr/bin/env python3
"""A machine that enforces Secure Boot starts our composed media, because what is signed on them stays as it was.

The image is laid out like Debian's, with Debian's own shim, GRUB and kernel (downloaded, never installed). The agent edits
its boot menu and adds the answer file; then firmware with Microsoft's keys verifies shim, shim GRUB, and GRUB the kernel.
UNSIGNED=yes also shows who refuses what when a signature is missing.
"""
import os
import pathlib
import tempfile

from machine import INSTALLER, MachineMesh, main, succeeded
from os_family_test import run
from uefi import booted, debian_iso, initrd, installer_kernel, signed_grub

ENFORCED = "FIRMWARE Secure boot enabled"  # in the words of the kernel
SHIM_REFUSES = "Verification failed: (0x1A) Security Violation"
FIRMWARE_REFUSES = "Access Denied"
ENTRY = "auto=true priority=critical preseed/file=/cdrom/preseed.cfg locale=en_US.UTF-8 keymap=us ---"


def unsigned_grub(folder):
    run("grub-mkimage", "-O", "x86_64-efi", "-o", folder / "grub.efi", "-p", "/boot/grub", "normal", "linux", "echo", "iso9660")
    return folder / "grub.efi"


def debian(folder, grub):
    return debian_iso(folder, installer_kernel(folder), initrd(folder), grub)


def starts_what_is_signed_with_our_menu():
    with tempfile.TemporaryDirectory(prefix="secure-boot-") as scratch:
        image = debian(pathlib.Path(scratch), signed_grub())
        with MachineMesh("secure-boot=on", image=image) as mesh:
            mesh.apply_basics("debian", proof={"minimum": "poweroff"}, maxRun="600s", stallAfter="90s")
            mesh.wait_ready(timeout=120)
            mesh.start_install()
            mesh.wait_console("END")
            arguments = mesh.console_line("CMDLINE").split(" ", 2)[2]  # behind BOOT_IMAGE=
            assert arguments.strip() == ENTRY, arguments
            assert mesh.console_line("FIRMWARE").strip() == ENFORCED, mesh.console()[-2000:]
            succeeded(mesh.wait_done("web", 120))
            assert mesh.machine()["media"] == "", mesh.machine()
            print(f"   {ENFORCED}; {arguments.strip()}")


def refuses_what_is_not():
    with tempfile.TemporaryDirectory(prefix="secure-boot-") as scratch:
        folder = pathlib.Path(scratch)
        image = debian(folder, unsigned_grub(folder))
        console = booted(image, folder, secure=True, until=SHIM_REFUSES, timeout=90)
        assert SHIM_REFUSES in console and "CMDLINE" not in console, console[-2000:]
        # The tiny installer's GRUB is not signed at all: the firmware itself does not start it.
        console = booted(INSTALLER, folder, secure=True, until=FIRMWARE_REFUSES, timeout=90)
        assert FIRMWARE_REFUSES in console and "INSTALL" not in console, console[-2000:]


if __name__ == "__main__":
    main([starts_what_is_signed_with_our_menu, *([refuses_what_is_not] if os.environ.get("UNSIGNED") else [])])
