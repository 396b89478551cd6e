set -e
keys() {
  group=$(id -gn "$1")
  install -d -m 700 -o "$1" -g "$group" "$2/.ssh"
  cat > "$2/.ssh/authorized_keys"
  chown "$1:$group" "$2/.ssh/authorized_keys"
  chmod 600 "$2/.ssh/authorized_keys"
}
printf '%s\n' 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxvbmdlbm91Z2h0b2xvb2tsaWtlYWtleQ== ops@acme' | keys root /root
