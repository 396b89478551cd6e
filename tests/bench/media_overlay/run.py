#!/usr/bin/env python3
"""What a server's own version of an image costs, for images of 10 MB to 8 GB with 50 to 50,000 files.

Gates: at most 64 KiB and 5 ms (processor time, median of 31) per server, whatever the image; 1,000 servers of one
8 GB image use at most 100 MiB more memory, and no disk at all. Prints a table; exit code 1 when a gate is missed.

  METALMESH_BIN=build/ci/bin tests/bench/media_overlay/run.py [--most-mb 700] [--keep FOLDER]
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

COMPOSE = os.path.join(os.environ.get("METALMESH_BIN", "build/ci/bin"), "mm_compose")
MOST_BYTES, MOST_MS, MOST_MEMORY = 64 * 1024, 5.0, 100 << 20
IMAGES = [("10 MB", 10, 50), ("10 MB", 10, 2000), ("700 MB", 700, 50), ("700 MB", 700, 3000), ("700 MB", 700, 50000),
          ("8 GB", 8192, 50), ("8 GB", 8192, 3000), ("8 GB", 8192, 50000)]


def plant(root, files, megabytes):
    """A pool of packages, a hundred to a folder, and what an installer has; the rest of the size is one sparse file."""
    for number in range(files):
        folder = root / f"pool/main/{number // 100:03d}"
        if number % 100 == 0:
            folder.mkdir(parents=True)
        (folder / f"package-{number:05d}_1.2.3-4+deb12u1_amd64.deb").write_bytes(b"p" * 100)
    for name in ("EFI/BOOT/grub.cfg", "boot/grub/grub.cfg", "isolinux/isolinux.cfg", "install.amd/vmlinuz", "install.amd/initrd.gz",
                 "dists/stable/Release", "README.txt", "md5sum.txt", "images/install.img", ".disk/info"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"# " + name.encode() + b"\n")
    left = (megabytes << 20) - files * 2048
    for number in range(max(1, -(-left // (2 << 30)))):
        with open(root / f"images/rest{number}.squashfs", "wb") as rest:
            rest.truncate(min(2 << 30, max(left - number * (2 << 30), 0)))


def make_image(folder, megabytes, files):
    image = folder / f"{megabytes}-{files}.iso"
    if image.exists():
        return image
    with tempfile.TemporaryDirectory(dir=folder) as work:
        plant(pathlib.Path(work), files, megabytes)
        builder = subprocess.Popen(["genisoimage", "-quiet", "-R", "-J", "-joliet-long", "-V", "BENCH", work], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        subprocess.run(["dd", f"of={image}.part", "bs=1M", "iflag=fullblock", "conv=sparse", "status=none"],
                       stdin=builder.stdout, check=True)
        if builder.wait() != 0:
            sys.exit("genisoimage failed")
    os.rename(f"{image}.part", image)
    return image


def disk_use(folder):
    return int(subprocess.run(["du", "-sB1", folder], capture_output=True, text=True, check=True).stdout.split()[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", metavar="FOLDER", help="keep the images there, and use those that are")
    parser.add_argument("--most-mb", type=int, default=8192, help="leave out larger images")
    options = parser.parse_args()
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="media-overlay-"))
    folder.mkdir(parents=True, exist_ok=True)
    arguments = []
    for number, (path, size) in enumerate([("/ks.cfg", 6000), ("/EFI/BOOT/grub.cfg", 900), ("/boot/grub/grub.cfg", 900),
                                           ("/isolinux/isolinux.cfg", 700), ("/seed/user-data", 4000), ("/seed/meta-data", 100)]):
        local = folder / f"change-{number}"
        local.write_bytes(b"#" * size)
        arguments.append(f"{path}={local}")
    missed = []
    print(f"{'image':>8} {'files':>6} {'changed':>8} {'KiB':>6} {'pieces':>6} {'cpu ms':>7} {'wall ms':>8} {'1,000 mounts MiB':>17}")
    for label, megabytes, files in [image for image in IMAGES if image[1] <= options.most_mb]:
        image = make_image(folder, megabytes, files)
        # Files added and replaced where folders are; then also in a folder that does not exist yet.
        for what, some in (("4 files", arguments[:4]), ("+ folder", arguments)):
            before = disk_use(folder)
            facts = json.loads(subprocess.run([COMPOSE, "measure", str(image), "1000", *some], capture_output=True, text=True,
                                              check=True).stdout)
            grown = disk_use(folder) - before
            print(f"{label:>8} {files:>6} {what:>8} {facts['overlay_bytes'] / 1024:6.1f} {facts['patches']:6d} {facts['cpu_ms']:7.2f} "
                  f"{facts['wall_ms']:8.2f} {facts['mounts_bytes'] / (1 << 20):17.1f}", flush=True)
            gates = [("bytes", facts["overlay_bytes"], MOST_BYTES), ("ms", facts["cpu_ms"], MOST_MS),
                     ("memory of 1,000", facts["mounts_bytes"], MOST_MEMORY), ("disk of 1,000", grown, 0)]
            missed += [f"{label}, {files} files, {what}: {name} {seen} > {most}" for name, seen, most in gates if seen > most]
    if options.keep is None:
        subprocess.run(["rm", "-r", folder], check=True)
    print("\n".join(missed) or "all gates held")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
