disk=
for entry in /sys/block/*; do
  name=${entry##*/}
  case $name in loop*|ram*|zram*|sr*|fd*|md*|dm-*|nbd*) continue ;; esac
  [ -b "/dev/$name" ] || continue
  [ "$(cat "$entry/ro")" = 0 ] && [ "$(cat "$entry/removable")" = 0 ] && [ "$(cat "$entry/size")" -gt 0 ] || continue
  facts=$(udevadm info --query=property --name="/dev/$name") || continue
  echo "$facts" | grep -qxF -e ID_SERIAL_SHORT=S4EVNX0M123456 -e ID_SCSI_SERIAL=S4EVNX0M123456 -e SCSI_IDENT_SERIAL=S4EVNX0M123456 || continue
  if [ -n "$disk" ]; then
    echo "metalmesh: more than one disk matches the order: $disk and /dev/$name" >&2
    exit 1
  fi
  disk=/dev/$name
done
if [ -z "$disk" ]; then
  echo "metalmesh: no disk matches the order" >&2
  exit 1
fi
echo "$disk" > /tmp/metalmesh-disk

coreos-installer install --offline --ignition-file /run/media/iso/metalmesh/config.ign "$disk" && systemctl poweroff
