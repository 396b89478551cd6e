#!/usr/bin/env python3
"""What GRUB makes of the edited menus: the entry it boots by itself, and the arguments the kernel then has.

An image per OS family with the vendor's menu (tests/unit/answer/golden/<family>/image), composed with that family's golden
changes, starts in QEMU under UEFI: Debian's GRUB, Debian's kernel, and an initrd that prints /proc/cmdline. Not shown here:
xcp-ng (its kernel is Xen), esxi and windows (their loaders are not free).
"""
import os
import pathlib
import shutil
import tempfile

from machine import main
from mesh import BIN
from os_family_test import GOLDEN, below, plant, run
from uefi import boot_partition, booted, initrd, installer_kernel, iso

MODULES = ("all_video boot configfile echo efi_gop ext2 font fshelp gfxterm gzio halt iso9660 linux linuxefi loadenv minicmd "
           "normal part_gpt play search search_fs_file search_label terminal test true").split()
ROCKY = "hd:LABEL=Rocky-9-4-x86_64-dvd"
# family, order, kernel, initrd, arguments: of the entry that has to be booted
ENTRIES = [
    ("rhel", "one-card", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img",
     f"inst.stage2={ROCKY} inst.ks={ROCKY}:/ks.cfg inst.text ifname=eno1:ac:1f:6b:00:00:01"),
    ("debian", "one-card", "install.amd/vmlinuz", "install.amd/initrd.gz",
     "auto=true priority=critical preseed/file=/cdrom/preseed.cfg locale=en_US.UTF-8 keymap=us ---"),
    ("ubuntu", "one-card", "casper/vmlinuz", "casper/initrd",
     "autoinstall ds=nocloud;s=/cdrom/metalmesh/ fsck.mode=skip ---"),
    ("autoyast", "one-card", "boot/x86_64/loader/linux", "boot/x86_64/loader/initrd", "autoyast=cd:/autoinst.xml"),
    ("agama", "one-card", "boot/x86_64/loader/linux", "boot/x86_64/loader/initrd",
     "rd.live.image rd.live.overlay.persistent root=live:CDLABEL=Install-SLES-16.0-x86_64 splash=silent "
     "inst.auto=file:///run/initramfs/live/autoinst.json inst.finish=poweroff"),
    ("proxmox", "one-card", "boot/linux26", "boot/initrd.img", "ro ramdisk_size=16777216 rw proxmox-start-auto-installer"),
    ("coreos", "one-card", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img",
     "coreos.liveiso=fedora-coreos-40.20240906.3.0 ignition.firstboot ignition.platform.id=metal"),
    ("flatcar", "users", "flatcar/vmlinuz", "flatcar/cpio.gz",
     "flatcar.autologin flatcar.first_boot=1 ignition.config.url=oem:///config.ign"),
    ("talos", "one-card", "boot/vmlinuz", "boot/initramfs.xz",
     "init_on_alloc=1 slab_nomerge pti=on console=tty0 talos.platform=metal talos.config=metal-iso talos.halt_if_installed=1"),
    ("bring-your-own", "arguments", "boot/vmlinuz", "boot/initrd", "quiet seed=/seed/answer.conf console=ttyS0"),
]

QUICK = "rhel ubuntu flatcar"  # a boot takes half a minute; FAMILIES=all boots them all


def loader(menu, folder):
    """A GRUB that reads `menu` from the medium, as vendors' do."""
    (folder / "early.cfg").write_text(f"search --no-floppy --set=root --file /{menu}\n"
                                      f"set prefix=($root)/{pathlib.Path(menu).parent}\nconfigfile ($root)/{menu}\n")
    run("grub-mkimage", "-O", "x86_64-efi", "-o", folder / "BOOTX64.EFI", "-p", "/none", "-c", folder / "early.cfg", *MODULES)
    return folder / "BOOTX64.EFI"


def image_of(entry, kernel, report, folder):
    family, order, kernel_path, initrd_path, _ = entry
    tree, base, image = folder / "tree", folder / "base.iso", folder / "image.iso"
    plant(family, tree)
    for path, content in ((kernel_path, kernel), (initrd_path, report)):
        shutil.copy(content, tree / path)
    menu = next(path for path in below(GOLDEN / family / "image/texts") if path.endswith("grub.cfg"))
    boot_partition(tree / "uefi.img", BOOTX64=loader(menu, folder))
    iso(tree, base, (GOLDEN / family / "image/volume-id").read_text().strip(), "uefi.img")
    changed = GOLDEN / family / order / "medium"
    run(BIN / "mm_compose", "write", base, image, *(f"/{path}={changed / path}" for path in below(changed)))
    return image


def the_right_entry_with_the_right_arguments():
    chosen = os.environ.get("FAMILIES", QUICK).split()
    with tempfile.TemporaryDirectory(prefix="boot-entry-") as scratch:
        kernel, report = installer_kernel(pathlib.Path(scratch)), initrd(pathlib.Path(scratch))
        for entry in [entry for entry in ENTRIES if entry[0] in chosen or chosen == ["all"]]:
            folder = pathlib.Path(scratch) / entry[0]
            folder.mkdir()
            console = booted(image_of(entry, kernel, report, folder), folder)
            lines = dict(line.split(" ", 1) for line in console.splitlines() if line.startswith(("CMDLINE ", "CONFIG ")))
            assert "CMDLINE" in lines, (entry[0], console[-2000:])
            arguments = lines["CMDLINE"].split(" ", 1)[1]  # behind BOOT_IMAGE=
            assert arguments.strip() == entry[4], (entry[0], arguments, entry[4])
            assert bool(lines["CONFIG"]) == (entry[0] in ("flatcar", "coreos")), (entry[0], lines)
            print(f"   {entry[0]}: {arguments}", flush=True)


if __name__ == "__main__":
    main([the_right_entry_with_the_right_arguments])
