#!/bin/sh
# install.sh HOSTNAME ADDRESS GATEWAY SCRIPT: writes this live system to /dev/vda, runs SCRIPT in it and powers off. The
# installed one takes the address and says INSTALLED_OS_UP. What goes wrong is said on the serial console.
set -eu
exec >/dev/ttyS0 2>&1
hostname=$1 address=$2 gateway=$3 script=$4
disk=/dev/vda
up() { cut -d' ' -f1 /proc/uptime; }
trap 'code=$?; [ $code = 0 ] || echo "INSTALL_FAILED exit=$code uptime=$(up)"' EXIT
echo "INSTALL_BEGINS hostname=$hostname uptime=$(up)"

printf 'label: gpt\nsize=64M,type=uefi\ntype=linux\n' | sfdisk -q $disk
udevadm settle
mkfs.vfat -n ESP ${disk}1 >/dev/null
mkfs.ext4 -q -L root ${disk}2
mkdir -p /target
mount ${disk}2 /target
cp -a /run/lower/. /target
echo "INSTALL_COPIED uptime=$(up)"
mkdir -p /target/boot/efi
mount ${disk}1 /target/boot/efi
for place in proc sys dev; do mount --bind /$place /target/$place; done

echo "$hostname" >/target/etc/hostname
printf 'LABEL=root / ext4 errors=remount-ro 0 1\nLABEL=ESP /boot/efi vfat umask=0077 0 1\n' >/target/etc/fstab
printf 'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX="console=ttyS0,115200 net.ifnames=0"\nGRUB_TERMINAL=serial\n' >>/target/etc/default/grub
printf 'auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet static\n address %s\n gateway %s\n' "$address" "$gateway" \
  >/target/etc/network/interfaces
touch /target/etc/cloud/cloud-init.disabled
chroot /target sh <"$script"
cat >/target/usr/local/sbin/first-boot <<BOOT
#!/bin/sh
echo "INSTALLED_OS_UP hostname=\$(hostname) address=\$(ip -4 -o address show dev eth0 | sed 's/.*inet \([^ ]*\).*/\1/') debian=\$(cat /etc/debian_version)"
BOOT
chmod 755 /target/usr/local/sbin/first-boot
cat >/target/etc/systemd/system/first-boot.service <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/first-boot
StandardOutput=file:/dev/ttyS0
StandardError=file:/dev/ttyS0
[Install]
WantedBy=multi-user.target
UNIT
chroot /target systemctl enable -q first-boot.service
chroot /target grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram
chroot /target update-grub
echo "INSTALL_DONE uptime=$(up)"
umount /target/boot/efi /target/proc /target/sys /target/dev /target
systemctl --no-block poweroff
