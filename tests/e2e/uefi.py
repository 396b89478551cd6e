"""Images of free parts, and UEFI machines that boot them from a file: for what needs no mesh."""
import contextlib
import pathlib
import shutil
import subprocess
import time

from machine import INSTALLER, ROOT
from os_family_test import GOLDEN, plant, run

FIRMWARE = pathlib.Path("/usr/share/OVMF")
PACKAGES = ROOT / "build/debian"
# Prints what a test wants to know of a boot, and powers off.
REPORT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
{ /bin/busybox echo; /bin/busybox echo "CMDLINE $(/bin/busybox cat /proc/cmdline)"
  /bin/busybox echo "FIRMWARE $(/bin/busybox dmesg | /bin/busybox grep -o 'Secure boot .*')"
  /bin/busybox echo "CONFIG $(/bin/busybox find / -xdev -name config.ign)"; /bin/busybox echo END; } > /dev/ttyS0
/bin/busybox poweroff -f
"""


def unpacked(package):
    """The folder with the files of Debian's newest `package`, which is downloaded once and never installed."""
    PACKAGES.mkdir(parents=True, exist_ok=True)
    if not list(PACKAGES.glob(f"{package}_*.deb")):
        run("apt-get", "download", "-qq", package, cwd=PACKAGES)
    deb = max(PACKAGES.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
    folder = deb.with_suffix("")
    if not folder.exists():
        fresh = folder.with_name(folder.name + ".new")
        run("dpkg-deb", "-x", deb, fresh)
        fresh.rename(folder)
    return folder


def installer_kernel(folder):
    """The tiny installer's kernel: Debian's own, with its signature."""
    run(ROOT / "tests/tools/make_installer.sh", INSTALLER)
    extract(INSTALLER, "/boot/vmlinuz", folder / "vmlinuz")
    return folder / "vmlinuz"


def initrd(folder, init=REPORT):
    """Of busybox and `init` alone."""
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    (root / "init").write_text(init)
    (root / "init").chmod(0o755)
    archive(root, folder / "initrd")
    return folder / "initrd"


def archive(root, out):
    names = "".join(f"{path.relative_to(root)}\n" for path in sorted(root.rglob("*")))
    out.write_bytes(run("cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0", cwd=root, input=names.encode()))


def boot_partition(image, kib=2880, **loaders):
    """A FAT image with `loaders` in /EFI/BOOT."""
    run("mformat", "-C", "-i", image, "-T", kib * 2, "-h", "2", "-s", "18", "::")
    run("mmd", "-i", image, "::/EFI", "::/EFI/BOOT")
    for name, content in loaders.items():
        run("mcopy", "-i", image, content, f"::/EFI/BOOT/{name}.EFI")


def iso(tree, image, label, loader):
    """`loader`: path of the boot partition in the tree."""
    run("xorriso", "-report_about", "SORRY", "-as", "mkisofs", "-quiet", "-R", "-J", "-joliet-long", "-V", label, "-e", loader,
        "-no-emul-boot", "-o", image, tree)


def signed_grub():
    """Debian's for CDs: it looks for /boot/grub/grub.cfg beside /.disk/info."""
    return unpacked("grub-efi-amd64-signed") / "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed"


def debian_iso(folder, kernel, initial, grub):
    """Laid out like a Debian CD, menu and all, behind Debian's shim."""
    tree, image = folder / "tree", folder / "debian.iso"
    plant("debian", tree)
    shutil.copy(kernel, tree / "install.amd/vmlinuz")
    shutil.copy(initial, tree / "install.amd/initrd.gz")
    shim = unpacked("shim-signed") / "usr/lib/shim/shimx64.efi.signed"
    boot_partition(tree / "uefi.img", 5760, BOOTX64=shim, GRUBX64=grub)
    iso(tree, image, (GOLDEN / "debian/image/volume-id").read_text().strip(), "uefi.img")
    return image


def extract(image, path, out):
    run("xorriso", "-report_about", "SORRY", "-osirrox", "on", "-indev", image, "-extract", path, out)


def booted(image, folder, secure=False, until=None, timeout=180):
    """What the machine wrote to its serial line until it powered off, or until it wrote `until`."""
    code, variables = ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd") if secure else ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
    shutil.copy(FIRMWARE / variables, folder / "vars.fd")
    console = folder / "console"
    command = ["qemu-system-x86_64", "-machine", "q35" + (",smm=on" if secure else ""), "-accel", "tcg,thread=multi", "-cpu", "max",
               "-m", "512", "-display", "none", "-nodefaults", "-no-user-config", "-no-reboot", "-global",
               f"driver=cfi.pflash01,property=secure,value={'on' if secure else 'off'}", "-drive",
               f"if=pflash,unit=0,format=raw,readonly=on,file={FIRMWARE / code}", "-drive",
               f"if=pflash,unit=1,format=raw,file={folder}/vars.fd", "-device", "virtio-scsi-pci", "-drive",
               f"if=none,id=cd,format=raw,readonly=on,file={image}", "-device", "scsi-cd,drive=cd", "-serial", f"file:{console}"]
    said = lambda: console.read_text(errors="replace").replace("\r", "") if console.exists() else ""  # noqa: E731
    machine = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + timeout
        while machine.poll() is None and time.monotonic() < end and not (until and until in said()):
            with contextlib.suppress(subprocess.TimeoutExpired):
                machine.wait(0.2)
    finally:
        machine.kill()
        machine.wait()
    return said()
