#!/bin/sh
# make_debian_live.sh OUT.iso
#
# Builds a live medium of Debian 12 laid out like a live server installer's: kernel, initrd and root file system below
# /casper, a menu in /boot/grub/grub.cfg, and /install.sh, which writes the system to a disk without any network. The root
# file system has cloud-init, which does what user-data says, from wherever it finds it. Built of Debian's packages
# with mmdebstrap, as root; takes a minute or two. Does nothing when OUT.iso is there and newer than its sources.
set -eu

out=${1:?usage: make_debian_live.sh OUT.iso}
here=$(cd "$(dirname "$0")" && pwd)
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
die() { echo "make_debian_live.sh: $*" >&2; exit 1; }

if [ "$out" -nt "$0" ] && [ -z "$(find "$here/debian_live" -newer "$out")" ]; then exit 0; fi
for tool in busybox cpio grub-mkimage mcopy mksquashfs mmdebstrap modprobe xorriso; do
  command -v $tool >/dev/null || die "$tool is missing: run deploy/setup full"
done
mkdir -p "$(dirname "$out")"
work=$(mktemp -d -p "$(dirname "$out")")
trap 'rm -rf --one-file-system "$work"' EXIT

# ---- the root file system: the installed one, too
sources=
for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
  [ ! -s $file ] || sources="$sources $file"
done
# shellcheck disable=SC2086
mmdebstrap --quiet --variant=minbase --include=cloud-init,curl,dbus,dosfstools,e2fsprogs,fdisk,grub-efi-amd64,ifupdown,initramfs-tools,iproute2,linux-image-cloud-amd64,systemd-sysv,udev \
  bookworm "$work/root" $sources
version=$(ls "$work/root/lib/modules")
tree=$work/tree
mkdir -p "$tree/casper" "$tree/boot/grub" "$tree/.disk"
cp "$work/root/boot/vmlinuz-$version" "$tree/casper/vmlinuz"
rm -rf "$work/root/var/cache/apt" "$work/root/var/lib/apt/lists"
mksquashfs "$work/root" "$tree/casper/filesystem.squashfs" -comp zstd -Xcompression-level 3 -noappend -quiet -no-progress

# ---- the initrd: finds the medium, puts a layer of memory over it
initrd=$work/initrd
mkdir -p "$initrd/bin" "$initrd/lib/modules"
cp "$(command -v busybox)" "$initrd/bin/busybox"
cp "$here/debian_live/init" "$initrd/init"
chmod 755 "$initrd/init"
for name in virtio_pci virtio_scsi sr_mod sd_mod isofs loop squashfs overlay; do
  modprobe -d "$work/root" -S "$version" --show-depends $name | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r module; do
  cp "$module" "$initrd/lib/modules/"
  basename "$module"
done >"$initrd/lib/modules/order"
(cd "$initrd" && find . | sort | cpio -o -H newc --quiet -R 0:0) | gzip -1n >"$tree/casper/initrd"

# ---- the medium
cp "$here/debian_live/install.sh" "$tree/install.sh"
echo 'Debian 12 live, for tests' >"$tree/.disk/info"
cat >"$tree/boot/grub/grub.cfg" <<'MENU'
set timeout=30
menuentry "Try it" {
	linux /casper/vmlinuz quiet ---
	initrd /casper/initrd
}
MENU
printf 'search --no-floppy --set=root --file /.disk/info\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n' \
  >"$work/early.cfg"
grub-mkimage -O x86_64-efi -o "$work/BOOTX64.EFI" -p /boot/grub -c "$work/early.cfg" \
  search search_fs_file configfile normal linux echo iso9660 test
truncate -s 1440K "$tree/boot/efi.img"
mformat -i "$tree/boot/efi.img" -f 1440 ::
mmd -i "$tree/boot/efi.img" ::/EFI ::/EFI/BOOT
mcopy -i "$tree/boot/efi.img" "$work/BOOTX64.EFI" ::/EFI/BOOT/BOOTX64.EFI
xorriso -report_about WARNING -as mkisofs -quiet -R -J -joliet-long -V MM_DEBIAN_LIVE -e boot/efi.img -no-emul-boot \
  -o "$work/out.iso" "$tree" || die "xorriso failed"
mv "$work/out.iso" "$out"
