#!/usr/bin/env python3
"""What GRUB makes of the edited menus: the entry it boots by itself, and the arguments the kernel then has.

An image per OS family with the vendor's menu (tests/unit/answer/golden/<family>/image), composed with that family's golden
changes, starts in QEMU under UEFI: Debian's GRUB, Debian's kernel, and an initrd that prints /proc/cmdline. FAMILIES=all
also starts some media with several menus (tests/unit/menu/menus), beginning with one that was foreign. Not shown here:
xcp-ng (its kernel is Xen), esxi and windows (their loaders are not free).
"""
import json
import os
import pathlib
import re
import shutil
import tempfile

from machine import main
from mesh import BIN
from menu_emulator_test import MENUS, sections
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

# menu of the corpus, and the file of its medium that GRUB begins with
CORPUS = [("agama-stub", "EFI/BOOT/grub.cfg"), ("two-menus-one-foreign", "EFI/ubuntu/grub.cfg"), ("harvester", "EFI/BOOT/grub.cfg"),
          ("ubuntu-remaster-cubic", "boot/grub/grub.cfg"), ("quoting", "boot/grub/grub.cfg")]

QUICK = "rhel ubuntu flatcar"  # a boot takes half a minute; FAMILIES=all boots them all


def loader(menu, folder):
    """A GRUB that reads `menu` from the medium, as vendors' do."""
    (folder / "early.cfg").write_text(f"search --no-floppy --set=root --file /{menu}\n"
                                      f"set prefix=($root)/{pathlib.Path(menu).parent}\nconfigfile ($root)/{menu}\n")
    run("grub-mkimage", "-O", "x86_64-efi", "-o", folder / "BOOTX64.EFI", "-p", "/none", "-c", folder / "early.cfg", *MODULES)
    return folder / "BOOTX64.EFI"


def image_of(tree, changed, menu, label, files, folder):
    """`tree` with these files besides, started by a GRUB that begins with `menu`, and changed as `changed` has it."""
    base, image = folder / "base.iso", folder / "image.iso"
    for path, content in files:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(content, tree / path)
    boot_partition(tree / "uefi.img", BOOTX64=loader(menu, folder))
    iso(tree, base, label, "uefi.img")
    run(BIN / "mm_compose", "write", base, image, *(f"/{path}={changed / path}" for path in below(changed)))
    return image


def arguments_of(image, folder):
    """What the kernel has, behind BOOT_IMAGE=, and whether the second initrd was there."""
    console = booted(image, folder)
    lines = dict(line.split(" ", 1) for line in console.splitlines() if line.startswith(("CMDLINE ", "CONFIG ")))
    assert "CMDLINE" in lines, (folder.name, console[-2000:])
    return lines["CMDLINE"].split(" ", 1)[1].strip(), bool(lines["CONFIG"])


def the_right_entry_with_the_right_arguments():
    chosen = os.environ.get("FAMILIES", QUICK).split()
    with tempfile.TemporaryDirectory(prefix="boot-entry-") as scratch:
        kernel, report = installer_kernel(pathlib.Path(scratch)), initrd(pathlib.Path(scratch))
        for family, order, kernel_path, initrd_path, wanted in ENTRIES:
            if family not in chosen and chosen != ["all"]:
                continue
            folder = pathlib.Path(scratch) / family
            folder.mkdir()
            plant(family, folder / "tree")
            menu = next(path for path in below(GOLDEN / family / "image/texts") if path.endswith("grub.cfg"))
            label = (GOLDEN / family / "image/volume-id").read_text().strip()
            image = image_of(folder / "tree", GOLDEN / family / order / "medium", menu, label,
                             [(kernel_path, kernel), (initrd_path, report)], folder)
            arguments, second = arguments_of(image, folder)
            assert arguments == wanted, (family, arguments, wanted)
            assert second == (family in ("flatcar", "coreos")), family
            print(f"   {family}: {arguments}", flush=True)


def media_with_several_menus():
    chosen = os.environ.get("FAMILIES", QUICK).split()
    wanted = [(name, menu) for name, menu in CORPUS if name in chosen or chosen == ["all"]]
    if not wanted:
        return
    with tempfile.TemporaryDirectory(prefix="boot-menus-") as scratch:
        kernel, report = installer_kernel(pathlib.Path(scratch)), initrd(pathlib.Path(scratch))
        for name, menu in wanted:
            folder = pathlib.Path(scratch) / name
            keys, texts = sections(MENUS / f"{name}.menu")
            for path, text in texts.items():
                (folder / "tree" / path[1:]).parent.mkdir(parents=True, exist_ok=True)
                (folder / "tree" / path[1:]).write_text(text)
            said = json.loads(run(BIN / "mm_menu", MENUS / f"{name}.menu", folder / "changed"))
            line, ramdisks = said["ours"]
            files = [(line[1][1:], kernel)] + [(path[1:], report) for path in ramdisks[1:]]
            files += [(value[1:], report) for key, value in keys if key == "file"]
            image = image_of(folder / "tree", folder / "changed", menu, dict(keys)["label"], files, folder)
            arguments, _ = arguments_of(image, folder)
            # GRUB quotes a word with blanks, and escapes quotes and backslashes, for the kernel
            expected = " ".join(f'"{word}"' if " " in word else re.sub(r"([\\'\"])", r"\\\1", word) for word in line[2:])
            assert arguments == expected, (name, arguments, expected)
            print(f"   {name}: {arguments}", flush=True)


if __name__ == "__main__":
    main([the_right_entry_with_the_right_arguments, media_with_several_menus])
