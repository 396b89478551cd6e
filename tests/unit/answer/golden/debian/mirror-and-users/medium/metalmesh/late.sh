set -e
keys() {
  group=$(id -gn "$1")
  install -d -m 700 -o "$1" -g "$group" "$2/.ssh"
  cat > "$2/.ssh/authorized_keys"
  chown "$1:$group" "$2/.ssh/authorized_keys"
  chmod 600 "$2/.ssh/authorized_keys"
}
mkdir -p /etc/systemd/timesyncd.conf.d
printf '[Time]\nNTP=%s\n' "$(printf '%s ' 10.21.0.1 ntp.acme.net)" > /etc/systemd/timesyncd.conf.d/metalmesh.conf
systemctl enable systemd-timesyncd.service
own=
if getent group ops >/dev/null; then own="-g "ops; fi
useradd -m -s /bin/bash $own -c 'Operator'\''s account' -p '$6$saltsalt$UiZikbV3VeeBPsg8./Q5DAfq9aj7CVZMDU6ffBiBLgUEpxv7LMXKbcZ9JSZnYDrZQftdG319XkbLVMvWcF/Vr/' ops
groupadd -f docker
usermod -a -G docker ops
echo ops' ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ops
printf '%s\n' 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxvbmdlbm91Z2h0b2xvb2tsaWtlYWtleQ== ops@acme' | keys ops /home/ops
own=
if getent group backup-agent >/dev/null; then own="-g "backup-agent; fi
useradd -m -s /bin/bash $own -c '' backup-agent
echo backup-agent' ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/backup-agent
printf '%s\n' 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxvbmdlbm91Z2h0b2xvb2tsaWtlYWtleQ== ops@acme' | keys backup-agent /home/backup-agent
echo 'it''s done' > /etc/motd

