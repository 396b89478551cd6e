#!/bin/sh
# make_installer.sh OUT.iso [CACHE_FOLDER]
#
# Builds a tiny installer that really installs: a UEFI-bootable ISO of Debian packages only (cloud kernel, busybox,
# openssl, GRUB) that writes a small bootable system to /dev/vda; tests/tools/installer/init says how. The machine
# needs a virtio disk, CD and network card, 512 MiB of memory and 64 MiB of disk. Writes OUT.iso.sha256 beside it
# and does nothing when OUT.iso is up to date. The kernel package is downloaded (apt-get download) into
# CACHE_FOLDER (default: the folder of OUT.iso) and never installed here. Equal packages give equal bytes.
set -eu

out=${1:?usage: make_installer.sh OUT.iso [CACHE_FOLDER]}
cache=${2:-$(dirname "$out")}
here=$(cd "$(dirname "$0")" && pwd)
epoch=1700000000
export SOURCE_DATE_EPOCH=$epoch LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$cache" "$(dirname "$out")"
cache=$(cd "$cache" && pwd)
die() { echo "make_installer.sh: $*" >&2; exit 1; }

for tool in apt-cache busybox cpio depmod grub-mkimage mcopy modprobe openssl sfdisk xorriso; do
  command -v $tool >/dev/null || die "$tool is missing: run deploy/setup build"
done

# ---- the kernel: the one that linux-image-cloud-amd64 stands for now, or the newest one in the cache
kernel=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
newest() { ls -t "$cache/${kernel:-linux-image-}"*.deb 2>/dev/null | head -n 1; }
if [ -z "$(newest)" ]; then
  [ -n "$kernel" ] || die "the package lists name no linux-image-cloud-amd64: run apt-get update"
  (cd "$cache" && apt-get download -qq "$kernel" 2>/dev/null) || die "$kernel cannot be downloaded: run apt-get update"
fi
deb=$(newest)

inputs=$( { basename "$deb"; cat "$here/make_installer.sh" "$here/installer/init"
  dpkg-query -W -f '${Package} ${Version}\n' busybox-static openssl libssl3 libc6 grub-efi-amd64-bin mtools xorriso; } |
  sha256sum | cut -d' ' -f1)
[ ! -f "$out" ] || [ "$(cat "$out.inputs" 2>/dev/null)" != "$inputs" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dpkg-deb -x "$deb" "$work/kernel"
version=$(ls "$work/kernel/lib/modules")
vmlinuz=$work/kernel/boot/vmlinuz-$version
depmod -b "$work/kernel" "$version"

# ---- initrd, the same for the installer and the installed system
root=$work/root
mkdir -p "$root/bin" "$root/lib/modules" "$root/proc" "$root/sys" "$root/dev" "$root/run"
cp "$(command -v busybox)" "$root/bin/busybox"
file_needs=$(ldd "$root/bin/busybox" 2>&1) || true
case $file_needs in *"not a dynamic"*) ;; *) die "busybox is not the static one: apt-get install busybox-static" ;; esac
for applet in $(busybox --list); do [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"; done
rm -f "$root/bin/openssl"
cp -L "$(command -v openssl)" "$root/bin/openssl"
for library in $(ldd "$root/bin/openssl" | grep -o '/[^ ]*'); do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
cp "$here/installer/init" "$root/init"
chmod 755 "$root/init"
for name in virtio_pci virtio_scsi sr_mod isofs virtio_blk virtio_net; do
  modprobe -d "$work/kernel" -S "$version" --show-depends $name | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r module; do
  cp "$module" "$root/lib/modules/"
  basename "$module"
done >"$root/lib/modules/order"
[ -s "$root/lib/modules/order" ] || die "$deb has none of the modules"
find "$root" -exec touch -h -d @$epoch {} +
(cd "$root" && find . | sort | cpio -o -H newc --quiet --reproducible -R 0:0) | gzip -9n >"$work/initrd"

# ---- GRUB and its configuration
grub() { # grub OUT.efi WHERE PREFIX MODULES...: finds its configuration on the file system that holds WHERE
  image=$1 mark=$2 prefix=$3; shift 3
  printf 'search --no-floppy --set=root --file %s\nset prefix=($root)%s\nconfigfile ($root)%s/grub.cfg\n' \
    "$mark" "$prefix" "$prefix" >"$work/early.cfg"
  grub-mkimage -O x86_64-efi -o "$image" -p "$prefix" -c "$work/early.cfg" \
    search search_fs_file configfile normal linux echo serial terminal test "$@"
}
boots() { # boots MODE KERNEL INITRD. An emulated timer on a busy machine fails the check that no_timer_check leaves out.
  printf '%s\n' 'serial --unit=0 --speed=115200' 'terminal_output serial' 'set timeout=0' \
    "linux $2 console=ttyS0,115200 quiet loglevel=3 no_timer_check mode=$1" "initrd $3" boot
}
fat() { # fat IMAGE OFFSET_MIB SECTORS LOADER FILE=NAME...
  image=$1@@$2M sectors=$3 loader=$4; shift 4
  mformat -i "$image" -T "$sectors" -h 64 -s 32 -N 4d4d0001 -v METALMESH ::
  mmd -i "$image" ::/EFI ::/EFI/BOOT
  mcopy -m -i "$image" "$loader" ::/EFI/BOOT/BOOTX64.EFI
  for pair; do mcopy -m -i "$image" "${pair%%=*}" "::/${pair##*=}"; done
}

# ---- the system: a boot partition (1 MiB in), and 1 MiB for the answer file at the end
boots installed /vmlinuz /initrd >"$work/disk.cfg"
grub "$work/disk.efi" /metalmesh.id "" part_msdos fat
echo metalmesh >"$work/id"
touch -d @$epoch "$work/disk.cfg" "$work/disk.efi" "$work/id" "$work/initrd" "$vmlinuz"
boot_mib=$(($(du -cb "$vmlinuz" "$work/initrd" "$work/disk.efi" | tail -n 1 | cut -f1) / 1048576 + 4))
system=$work/system.img
truncate -s $((boot_mib + 2))M "$system"
sfdisk -q "$system" <<TABLE
label: dos
label-id: 0x4d4d0001
start=2048, size=$((boot_mib * 2048)), type=ef
start=$(((boot_mib + 1) * 2048)), size=2048, type=da
TABLE
fat "$system" 1 $((boot_mib * 2048)) "$work/disk.efi" "$vmlinuz=vmlinuz" "$work/initrd=initrd" "$work/disk.cfg=grub.cfg" \
  "$work/id=metalmesh.id"

# ---- the medium
tree=$work/tree
mkdir -p "$tree/EFI/BOOT" "$tree/boot"
cp "$vmlinuz" "$tree/boot/vmlinuz"
cp "$work/initrd" "$tree/boot/initrd.img"
boots install /boot/vmlinuz /boot/initrd.img >"$tree/EFI/BOOT/grub.cfg"
grub "$tree/EFI/BOOT/BOOTX64.EFI" /system.sha256 /EFI/BOOT iso9660
touch -d @$epoch "$tree/EFI/BOOT/BOOTX64.EFI"
truncate -s 1440K "$tree/boot/efi.img"
fat "$tree/boot/efi.img" 0 2880 "$tree/EFI/BOOT/BOOTX64.EFI"
mv "$system" "$tree/system.img"
sha256sum "$tree/system.img" | cut -d' ' -f1 >"$tree/system.sha256"
# 32 KiB: the marker line, then newlines.
{ echo '#METALMESH-ANSWER-PLACEHOLDER-V1'; head -c 32768 /dev/zero | tr '\0' '\n'; } | head -c 32768 >"$tree/answer.txt"
find "$tree" -exec touch -h -d @$epoch {} +
xorriso -report_about WARNING -as mkisofs -quiet -R -J -V MM_INSTALLER -e boot/efi.img -no-emul-boot \
  --modification-date=2023111422132000 --set_all_file_dates 2023111422132000 -o "$work/out.iso" "$tree" \
  2>"$work/xorriso.log" || { cat "$work/xorriso.log" >&2; exit 1; }
mv "$work/out.iso" "$out"
sha256sum "$out" | cut -d' ' -f1 >"$out.sha256"
echo "$inputs" >"$out.inputs"
