#!/bin/sh
# Writes a mosquitto.conf (and the ACL beside it) from the templates in this folder.
#
#   render.sh PKI_DIR PORT OUT.conf [ADDRESS]
#
# PKI_DIR holds ca.crt, broker.crt, broker.key and crl.pem, the list of what was revoked. ADDRESS is what the broker
# listens on: all IPv4 addresses (0.0.0.0) unless given.
set -eu

if [ $# -lt 3 ] || [ $# -gt 4 ]; then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
pki=$(CDPATH='' cd -- "$1" && pwd)
port=$2
out=$3
address=${4:-0.0.0.0}

for file in ca.crt broker.crt broker.key crl.pem; do
  [ -r "$pki/$file" ] || { echo "render.sh: $pki/$file is missing; make it with: metalmesh pki init" >&2; exit 1; }
done
case $port in '' | *[!0-9]*) echo "render.sh: '$port' is not a port number" >&2; exit 2 ;; esac
case $address in *:*) family=ipv6 ;; *) family=ipv4 ;; esac
acl=${out%.conf}.acl

cp "$here/acl" "$acl"
# The broker gives up root for the user mosquitto, which must be able to read both.
chmod 0644 "$acl"
case $acl in /*) ;; *) acl=$PWD/$acl ;; esac
sed -e "s|@PORT@|$port|" -e "s|@ADDRESS@|$address|" -e "s|@FAMILY@|$family|" -e "s|@PKI@|$pki|" -e "s|@ACL@|$acl|" \
  "$here/mosquitto.conf.in" > "$out"
