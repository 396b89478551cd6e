set -e
keys() {
  install -d -m 700 -o "$1" -g "$1" "$2/.ssh"
  cat > "$2/.ssh/authorized_keys"
  chown "$1:$1" "$2/.ssh/authorized_keys"
  chmod 600 "$2/.ssh/authorized_keys"
}
useradd -m -s /bin/bash -c 'Operator'\''s account' -p '$6$saltsalt$UiZikbV3VeeBPsg8./Q5DAfq9aj7CVZMDU6ffBiBLgUEpxv7LMXKbcZ9JSZnYDrZQftdG319XkbLVMvWcF/Vr/' ops
groupadd -f docker
usermod -a -G docker ops
echo ops' ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ops
printf '%s\n' 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxvbmdlbm91Z2h0b2xvb2tsaWtlYWtleQ== ops@acme' | keys ops /home/ops
useradd -m -s /bin/bash -c '' backup-agent
echo backup-agent' ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/backup-agent
printf '%s\n' 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxvbmdlbm91Z2h0b2xvb2tsaWtlYWtleQ== ops@acme' | keys backup-agent /home/backup-agent
echo 'it''s done' > /etc/motd

