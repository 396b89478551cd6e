#!/usr/bin/env python3
"""What a site would not have to fetch of an image's next version if images were cut into content-defined chunks.

Builds two neighbouring Debian images here: a pool of the same packages in the oldest and in the newest version that apt
offers. Then says which share of the new one is not in the old one: by whole files, by aligned 64 KiB blocks, and by chunks
of a gear hash.

  tests/bench/media_chunks/run.py [--cache FOLDER] [--old A.iso --new B.iso]
"""
import argparse
import hashlib
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

# Of the size and the mix of a small installer's pool: most of it does not change between two point releases.
PACKAGES = """apt base-files bash bind9-host binutils busybox ca-certificates coreutils cpp-12 curl dash dbus debconf dpkg e2fsprogs
 firmware-linux-free gawk gcc-12-base git gnupg grub-common grub-efi-amd64-bin init-system-helpers iproute2 isc-dhcp-client kmod
 libc-bin libc6 libc6-dev libcurl4 libgcc-s1 libicu72 libldap-2.5-0 libperl5.36 libpython3.11-stdlib libssl3 libstdc++6 libsystemd0
 libxml2 linux-libc-dev locales login lvm2 man-db mawk mount nano ncurses-base openssh-client openssh-server openssl passwd perl-base
 perl-modules-5.36 procps python3.11-minimal rsyslog shim-signed sudo systemd tar tzdata udev util-linux vim-common xz-utils
 zlib1g""".split()
KERNEL = re.compile(r"linux-image-6\.1\.0-\d+-amd64")  # its name changes with its version
BLOCK = 64 * 1024
AVERAGES = [16 * 1024, 64 * 1024, 256 * 1024]
WORD = (1 << 64) - 1


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def versions(packages):
    """{package: its versions, oldest first}, as apt knows them."""
    known = {}
    for line in reversed(output_of("apt-cache", "madison", *packages).splitlines()):
        package, version, where = (field.strip() for field in line.split("|"))
        if "Sources" not in where:
            known.setdefault(package, []).append(version)
    return known


def wanted(newest):
    """package=version of all packages of one image."""
    kernels = sorted(set(KERNEL.findall(output_of("apt-cache", "search", "--names-only", "^linux-image-6.1.0-"))),
                     key=lambda name: int(name.split("-")[3]))
    known = versions([kernels[-1 if newest else 0], *PACKAGES])
    return [f"{package}={found[-1 if newest else 0]}" for package, found in known.items()]


def fetch_debs(folder, packages):
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob("*.deb")):
        subprocess.run(["apt-get", "-q", "download", "-o", "APT::Sandbox::User=root", *packages], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
    return folder


def make_iso(tree, image):
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-J", "-joliet-long", "-V", "DEBIAN", "-o", image, tree],
                   check=True, stderr=subprocess.DEVNULL)


def pool_image(debs, image):
    """pool/main/<first letter>/<file>, as a Debian installer has it."""
    with tempfile.TemporaryDirectory() as work:
        for deb in sorted(debs.glob("*.deb")):
            folder = pathlib.Path(work, "pool/main", deb.name[0])
            folder.mkdir(parents=True, exist_ok=True)
            (folder / deb.name).write_bytes(deb.read_bytes())
        make_iso(work, image)


def gear_table():
    dice = random.Random(2026)
    return [dice.getrandbits(64) for _ in range(256)]


def candidates(data):
    """(place, hash) of all places where a chunk of the smallest average may end: a gear hash (the word is shifted by one bit
    and a random number of the byte is added, so that 64 bytes decide) whose highest bits are all zero."""
    gear, word, places = gear_table(), 0, []
    threshold = (WORD + 1) // AVERAGES[0]
    for place, byte in enumerate(data):
        word = ((word << 1) + gear[byte]) & WORD
        if word < threshold:
            places.append((place + 1, word))
    return places


def chunks(data, places, average):
    """Digest and length of each chunk: between a quarter of the average and four times of it."""
    least, most, threshold = average // 4, average * 4, (WORD + 1) // average
    begin, cut = 0, []
    ends = [place for place, word in places if word < threshold] + [len(data)]
    for end in ends:
        while end - begin > most:
            cut.append((begin, begin + most))
            begin += most
        if end - begin >= least or end == len(data):
            cut.append((begin, end))
            begin = end
    return [(hashlib.sha256(data[a:b]).digest(), b - a) for a, b in cut if b > a]


def blocks(data):
    return [(hashlib.sha256(data[at:at + BLOCK]).digest(), min(BLOCK, len(data) - at)) for at in range(0, len(data), BLOCK)]


def files_of(image):
    """Digest and length of each file, and the rest of the image as one."""
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(["xorriso", "-osirrox", "on", "-indev", image, "-extract", "/", work], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = [path for path in pathlib.Path(work).rglob("*") if path.is_file()]
        pieces = [(hashlib.sha256(path.read_bytes()).digest(), path.stat().st_size) for path in found]
    rest = pathlib.Path(image).stat().st_size - sum(size for _, size in pieces)
    return pieces + [(str(image).encode(), rest)]


def to_fetch(old, new):
    have = {digest for digest, _ in old}
    missing = {digest: size for digest, size in new if digest not in have}
    return sum(missing.values())


def row(name, size, old, new):
    fetched = to_fetch(old, new)
    index = len(new) * 36  # a SHA-256 and a length each
    print(f"  {name:<22}{len(new):>8}  {fetched / 1e6:>9.1f} MB  {fetched / size:>7.1%}  {index / 1e3:>8.0f} kB")


def compare(title, old, new):
    old_bytes, new_bytes = pathlib.Path(old).read_bytes(), pathlib.Path(new).read_bytes()
    print(f"{title}: {len(old_bytes) / 1e6:.0f} MB, next version {len(new_bytes) / 1e6:.0f} MB")
    print(f"  {'cut by':<22}{'pieces':>8}  {'to fetch':>12}  {'share':>7}  {'index':>11}")
    row("whole files", len(new_bytes), files_of(old), files_of(new))
    row("64 KiB blocks", len(new_bytes), blocks(old_bytes), blocks(new_bytes))
    began = time.process_time()
    old_places, new_places = candidates(old_bytes), candidates(new_bytes)
    for average in AVERAGES:
        row(f"chunks of {average // 1024} KiB", len(new_bytes), chunks(old_bytes, old_places, average),
            chunks(new_bytes, new_places, average))
    print(f"  ({(len(old_bytes) + len(new_bytes)) / 1e6 / (time.process_time() - began):.1f} MB/s in this interpreter)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=pathlib.Path, help="keeps packages and images")
    parser.add_argument("--old", type=pathlib.Path, help="an image of yours")
    parser.add_argument("--new", type=pathlib.Path, help="and its next version")
    given = parser.parse_args()
    if (given.old is None) != (given.new is None):
        sys.exit("--old and --new go together")
    if given.old:
        return compare(given.new.name, given.old, given.new)
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.cache or pathlib.Path(scratch)
        debs = {age: fetch_debs(folder / age, wanted(age == "new")) for age in ("old", "new")}
        images = {age: folder / f"pool-{age}.iso" for age in debs}
        for age, image in images.items():
            if not image.exists():
                pool_image(debs[age], image)
        compare("pool of packages", images["old"], images["new"])



if __name__ == "__main__":
    main()
