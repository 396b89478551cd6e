set -e
keys() {
  group=$(id -gn "$1")
  install -d -m 700 -o "$1" -g "$group" "$2/.ssh"
  cat > "$2/.ssh/authorized_keys"
  chown "$1:$group" "$2/.ssh/authorized_keys"
  chmod 600 "$2/.ssh/authorized_keys"
}
printf '%s\n' 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxvbmdlbm91Z2h0b2xvb2tsaWtlYWtleQ== ops@acme' | keys root /root
#!/bin/sh
program=/etc/metalmesh-callback units=/etc/systemd/system
cat > $program <<'END_OF_PROGRAM'
#!/bin/sh
# Tells metalmesh that this system runs, then removes itself.
url=https://192.0.2.5:8443/c/0123456789abcdef
ca=$(mktemp) && cat > "$ca" <<'END_OF_CA'
-----BEGIN CERTIFICATE-----
TUlJ
END_OF_CA
says="booted $(cat /etc/metalmesh-key)"
call() {
  if command -v curl > /dev/null; then
    curl --fail --silent --show-error --max-time 30 ${ca:+--cacert "$ca"} --data "$says" "$url"
  elif command -v wget > /dev/null; then
    wget --no-verbose --tries=1 --timeout=30 ${ca:+--ca-certificate="$ca"} --post-data="$says" --output-document=/dev/null "$url"
  else
    python3 -c '
import ssl, sys, urllib.request
trust = ssl.create_default_context(cafile=sys.argv[2]) if sys.argv[2] else None
urllib.request.urlopen(urllib.request.Request(sys.argv[1], data=sys.argv[3].encode()), timeout=30, context=trust)' "$url" "$ca" "$says"
  fi
}
left=720
until call; do
  left=$((left - 1))
  [ "$left" -gt 0 ] || break
  sleep 10
done
rm -f ${ca:+"$ca"} /etc/metalmesh-callback /etc/systemd/system/metalmesh-callback.service /etc/systemd/system/multi-user.target.wants/metalmesh-callback.service /etc/metalmesh-key
[ "$left" -gt 0 ]
END_OF_PROGRAM
chmod 600 $program
cat > $units/metalmesh-callback.service <<'END_OF_UNIT'
[Unit]
Description=Tell metalmesh that this system runs
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/bin/sh /etc/metalmesh-callback

[Install]
WantedBy=multi-user.target
END_OF_UNIT
mkdir -p $units/multi-user.target.wants
ln -sf ../metalmesh-callback.service $units/multi-user.target.wants/

logger installed
