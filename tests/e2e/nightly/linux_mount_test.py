#!/usr/bin/env python3
"""Composed images as Linux mounts them: the file systems of Debian's kernel, in a virtual machine.

The images are those of media_layout_test.py, in its layouts. The guest mounts each one as ISO 9660 with Rock Ridge, as
Joliet, as the plain tree and as UDF, as far as the layout has them, and hashes every file. It must see exactly the wanted
files and every other file unchanged. MEDIA_IMAGES says how many (default 220), MEDIA_SEED where to begin.
"""
import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from machine import INSTALLER, ROOT, main  # noqa: E402
import media_layout_test as layouts  # noqa: E402

MOUNTS = {"R": ("iso9660", "ro"), "J": ("iso9660", "ro,norock,utf8"), "P": ("iso9660", "ro,norock,nojoliet,map=off"), "U": ("udf", "ro")}
MODULES = ["virtio_pci", "virtio_blk", "loop", "isofs", "udf", "nls_utf8"]
BATCH = 45  # images on one disk
ALIGN = 1 << 20
INIT = """#!/bin/busybox sh
export PATH=/bin
mkdir -p /proc /dev /m
mount -t proc proc /proc
mount -t devtmpfs dev /dev
while read module; do insmod /modules/$module; done < /modules/order
until [ -e /dev/vdb ]; do usleep 50000; done
while read job offset type options; do
  losetup -o $offset /dev/loop0 /dev/vda
  if mount -t $type -o $options /dev/loop0 /m 2>/out.error; then
    (cd /m && find . -type f -exec sha256sum {} + | sed "s/^/$job /")
    umount /m
  else
    echo "$job FAILED $(cat /out.error)"
  fi
  losetup -d /dev/loop0
done < /jobs > /out
echo END >> /out
dd if=/out of=/dev/vdb bs=1M conv=fsync 2>/dev/null
poweroff -f
"""


def expected(composed, letter):
    """{path: hash}; for the plain tree, whose names Linux and the tools spell differently, {hash: how often}."""
    flags = {"R": ["-R"], "J": ["-J"], "P": [], "U": None}[letter]
    if letter == "U":
        wanted = layouts.by_7z(composed.base, composed.base.parent / "udf-base")
    else:
        wanted = layouts.contents(composed.base, layouts.tree(composed.base, flags))
    if letter == "P":
        wanted = {path.lower().rstrip("."): content for path, content in wanted.items()}
    wanted |= {path: layouts.digest(content) for path, content in composed.changes.items()}
    wanted = {path: content for path, content in wanted.items() if not path.lower().endswith("/efiboot.img")}  # edited inside
    return collections.Counter(wanted.values()) if letter == "P" else wanted


def guest(folder):
    """(kernel, the folder of its first file system without jobs)."""
    layouts.run(ROOT / "tests/tools/make_installer.sh", INSTALLER)
    package = max(INSTALLER.parent.glob("linux-image-*.deb"), key=lambda path: path.stat().st_mtime)
    layouts.run("dpkg-deb", "-x", package, folder / "kernel")
    version = next((folder / "kernel/lib/modules").iterdir()).name
    layouts.run("depmod", "-b", folder / "kernel", version)
    root = folder / "root"
    (root / "modules").mkdir(parents=True)
    (root / "bin").mkdir()
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    for applet in layouts.run("busybox", "--list").stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    order = []
    for module in MODULES:
        shown = layouts.run("modprobe", "-d", folder / "kernel", "-S", version, "--show-depends", module).stdout
        for path in [line.split()[1] for line in shown.splitlines() if line.startswith("insmod")]:
            if pathlib.Path(path).name not in order:
                order.append(pathlib.Path(path).name)
                shutil.copy(path, root / "modules")
    (root / "modules/order").write_text("\n".join(order) + "\n")
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    return folder / f"kernel/boot/vmlinuz-{version}", root


def mounted(jobs, disk, kernel, root, folder):
    """{job: {path: hash}} as the guest saw them; `jobs` are its lines."""
    (root / "jobs").write_text("".join(f"{line}\n" for line in jobs))
    names = "".join(f"{p.relative_to(root)}\n" for p in sorted(root.rglob("*")))
    packed = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=root, input=names.encode(), capture_output=True,
                            check=True)
    (folder / "initrd").write_bytes(packed.stdout)
    answer, console = folder / "answer", folder / "console"
    with open(answer, "wb") as file:
        file.truncate(64 << 20)
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "768", "-display", "none",
               "-nodefaults", "-no-user-config", "-no-reboot", "-kernel", kernel, "-initrd", folder / "initrd", "-append",
               "console=ttyS0 quiet no_timer_check panic=-1", "-serial", f"file:{console}"]
    for path, access in ((disk, "on"), (answer, "off")):
        command += ["-drive", f"if=virtio,format=raw,readonly={access},file={path}"]
    subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, check=True, timeout=600)
    text = answer.read_bytes().rstrip(b"\0").decode()
    assert text.endswith("END\n"), (text[-500:], console.read_text(errors="replace")[-1500:])
    seen = collections.defaultdict(dict)
    for line in text.splitlines()[:-1]:
        job, content, path = line.split(" ", 2)
        assert content != "FAILED", line
        seen[job][path.strip()[1:]] = content[:16]
    return seen


def batch(seeds, kernel, root, folder):
    """Composes one image per seed onto one disk, has them mounted, and compares."""
    wanted, jobs, disk = {}, [], folder / "disk"
    with open(disk, "wb") as file:
        for seed in seeds:
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                composed = layouts.compose_one(seed, pathlib.Path(scratch))
                trees = composed.layout[3]
                for letter in trees if len(trees) == 1 else [t for t in trees if t != "P"]:
                    job = f"{seed}-{composed.layout[0]}-{letter}"
                    wanted[job] = expected(composed, letter)
                    jobs.append(f"{job} {file.tell()} {' '.join(MOUNTS[letter])}")
                file.write(composed.image.read_bytes())
                file.truncate(-(-file.tell() // ALIGN) * ALIGN)
                file.seek(0, os.SEEK_END)
    seen = mounted(jobs, disk, kernel, root, folder)
    for job, files in wanted.items():
        found = {path: content for path, content in seen[job].items() if not path.lower().endswith("/efiboot.img")}
        if isinstance(files, collections.Counter):
            assert collections.Counter(found.values()) == files, f"{job}: other files than wanted: {sorted(found)}"
        else:
            layouts.compare(job, found, files)
    return len(jobs), sum(len(files) for files in wanted.values())


def linux_shows_the_wanted_files_and_all_others_unchanged():
    count, first = int(os.environ.get("MEDIA_IMAGES", "220")), int(os.environ.get("MEDIA_SEED", "0"))
    begin = time.monotonic()
    mounts = files = 0
    with tempfile.TemporaryDirectory(prefix="linux-mount-") as scratch:
        kernel, root = guest(pathlib.Path(scratch))
        for start in range(first, first + count, BATCH):
            seeds = range(start, min(start + BATCH, first + count))
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                done = batch(seeds, kernel, root, pathlib.Path(folder))
            mounts, files = mounts + done[0], files + done[1]
    print(f"   {count} images, {mounts} mounts, {files} files as wanted in {time.monotonic() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main([linux_shows_the_wanted_files_and_all_others_unchanged])
