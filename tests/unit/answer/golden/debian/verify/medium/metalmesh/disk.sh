mm_url=https://192.0.2.5:8443/v/0123456789abcdef mm_required=no mm_calls=yes mm_device='' mm_address='' mm_gateway=''
mm_ca=/tmp/metalmesh-ca
cat > "$mm_ca" <<'END_OF_CA'
-----BEGIN CERTIFICATE-----
TUlJ
END_OF_CA
mm_name=eno1 mm_mac='' mm_address=10.21.0.60/24 mm_gateway=10.21.0.1
mm_network() {
  for mm_card in /sys/class/net/*; do
    if [ -n "$mm_mac" ]; then
      [ -e "$mm_card/device" ] && [ "$(cat "$mm_card/address")" = "$mm_mac" ] || continue
    else
      [ "${mm_card##*/}" = "$mm_name" ] || continue
    fi
    mm_device=${mm_card##*/}
    ip link set dev "$mm_device" up && sleep 5 && ip addr add "$mm_address" dev "$mm_device" || return
    [ -z "$mm_gateway" ] || ip route add default via "$mm_gateway" dev "$mm_device" onlink
    return 0
  done
  return 1
}
mm_random() { dd if=/dev/urandom bs=32 count=1 2>/dev/null | sha256sum | cut -d ' ' -f 1; }
(umask 077 && mm_random > /tmp/metalmesh-key)
{
  echo "uuid=$(cat /sys/class/dmi/id/product_uuid 2>/dev/null)"
  for mm_field in product_serial board_serial chassis_serial; do
    echo "serial=$(cat "/sys/class/dmi/id/$mm_field" 2>/dev/null)"
  done
  for mm_card in /sys/class/net/*; do
    [ ! -e "$mm_card/device" ] || echo "mac=$(cat "$mm_card/address")"
  done
  echo "calls=$mm_calls"
  echo "asker=$(tr -d '\n' < /tmp/metalmesh-key | sha256sum | cut -d ' ' -f 1)"
} > /tmp/metalmesh-shown
mm_ask() {
  if command -v curl > /dev/null; then
    curl --fail --silent --show-error --connect-timeout 10 --max-time 60 ${mm_ca:+--cacert "$mm_ca"} --data-binary @/tmp/metalmesh-shown --output /tmp/metalmesh-answer "$mm_url"
  elif command -v wget > /dev/null; then
    wget -q -T 60 ${mm_ca:+--ca-certificate="$mm_ca"} --post-file=/tmp/metalmesh-shown -O /tmp/metalmesh-answer "$mm_url"
  else
    python3 -c '
import ssl, sys, urllib.request
trust = ssl.create_default_context(cafile=sys.argv[2]) if sys.argv[2] else None
shown = open("/tmp/metalmesh-shown", "rb").read()
answer = urllib.request.urlopen(urllib.request.Request(sys.argv[1], data=shown), timeout=60, context=trust).read()
open("/tmp/metalmesh-answer", "wb").write(answer)' "$mm_url" "$mm_ca"
  fi
}
mm_stop() {
  while :; do
    echo "metalmesh: $1; no disk was touched, and this machine stays as it is" | tee /dev/console >&2
    sleep 3600
  done
}
mm_tries=0
while :; do
  : > /tmp/metalmesh-answer
  mm_ask || true
  mm_answer=$(cat /tmp/metalmesh-answer)
  case $mm_answer in
    go*) break ;;
    no:*) mm_stop "this installer got no go: ${mm_answer#no: }" ;;
  esac
  mm_tries=$((mm_tries + 1))
  if [ "$mm_tries" -eq 2 ]; then mm_network || true; fi
  if [ "$mm_required" = no ] && [ "$mm_tries" -ge 6 ]; then
    echo "metalmesh: nobody could be asked whether this is the machine; it goes on" >&2
    break
  fi
  sleep 5
done
if [ -n "$mm_device" ]; then
  [ -z "$mm_gateway" ] || ip route del default via "$mm_gateway" dev "$mm_device" || true
  ip addr del "$mm_address" dev "$mm_device" || true
fi
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

