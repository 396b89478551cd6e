#!/bin/sh
# make_iso.sh OUT.iso [SIZE_MB]
#
# Builds a small installer-shaped ISO for tests and the demo: kernel, initrd and boot configuration where
# real installers keep them, and a 32 KiB answer placeholder. It boots nothing. Equal arguments give equal
# bytes. SIZE_MB (default 8) is the approximate size of the whole image.
set -eu

out=${1:?usage: make_iso.sh OUT.iso [SIZE_MB]}
size_mb=${2:-8}
case $size_mb in *[!0-9]* | '') echo "make_iso.sh: SIZE_MB must be a number, not '$size_mb'" >&2; exit 2 ;; esac
[ "$size_mb" -ge 1 ] || { echo "make_iso.sh: SIZE_MB must be at least 1" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree/EFI/BOOT" "$tree/boot"

# Random-looking, reproducible, incompressible: AES counter stream of zeros.
noise() {  # noise KEY KIB
  openssl enc -aes-128-ctr -nosalt -K "$(printf '%032d' "$1")" -iv 00000000000000000000000000000000 \
    -in /dev/zero 2>/dev/null | head -c "$(($2 * 1024))"
}
payload_kib=$(((size_mb - 1) * 1024))
[ "$payload_kib" -gt 0 ] || payload_kib=512
noise 1 $((payload_kib / 4)) >"$tree/boot/vmlinuz"
noise 2 $((payload_kib / 4)) >"$tree/boot/initrd.img"
noise 3 $((payload_kib / 2)) >"$tree/payload.bin"
noise 4 64 >"$tree/boot/efi.img"

cat >"$tree/EFI/BOOT/grub.cfg" <<'CFG'
set timeout=0
menuentry "install" {
  linux /boot/vmlinuz answer=/answer.txt quiet
  initrd /boot/initrd.img
}
CFG
printf 'Metalmesh test medium\n' >"$tree/README.txt"

# 32 KiB: the marker line, then newlines.
{ echo '#METALMESH-ANSWER-PLACEHOLDER-V1'; head -c 32768 /dev/zero | tr '\0' '\n'; } | head -c 32768 >"$tree/answer.txt"

mkdir -p "$(dirname "$out")"
find "$tree" -exec touch -h -d @1700000000 {} +
SOURCE_DATE_EPOCH=1700000000 xorriso -report_about WARNING -as mkisofs -quiet -R -J -V MM_TEST -e boot/efi.img -no-emul-boot \
  --modification-date=2023111422132000 --set_all_file_dates 2023111422132000 -o "$work/out.iso" "$tree"
mv "$work/out.iso" "$out"
