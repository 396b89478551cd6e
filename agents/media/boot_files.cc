#include "agents/media/boot_files.h"

#include <array>
#include <string>

#include "common/text/glob.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

struct Rule {
  std::string_view pattern;  // lower case; '*' stands for any run of characters, slashes too
  BootRole role;
};

constexpr std::array rules = {
    // Linux installers: Debian (/install.amd/vmlinuz), Ubuntu (/casper/hwe-vmlinuz), RHEL
    // (/images/pxeboot/vmlinuz), SUSE (/boot/x86_64/loader/linux), Arch (/arch/boot/x86_64/vmlinuz-linux).
    Rule{"*/vmlinuz*", BootRole::kernel},
    Rule{"*/*-vmlinuz", BootRole::kernel},
    Rule{"*/vmlinux*", BootRole::kernel},
    Rule{"*/bzimage*", BootRole::kernel},
    Rule{"*/linux", BootRole::kernel},
    Rule{"*/linux26", BootRole::kernel},
    Rule{"/boot/*/linux*", BootRole::kernel},
    // ESXi, Windows, FreeBSD.
    Rule{"*/b.b00", BootRole::kernel},
    Rule{"*/k.b00", BootRole::kernel},
    Rule{"*/boot.wim", BootRole::kernel},
    Rule{"/boot/kernel/kernel*", BootRole::kernel},

    Rule{"*/initrd*", BootRole::initrd},
    Rule{"*/*-initrd*", BootRole::initrd},
    Rule{"*/initramfs*", BootRole::initrd},
    Rule{"/boot/*.img", BootRole::initrd},
    Rule{"/efi/*.img", BootRole::initrd},
    Rule{"/efi*.img", BootRole::initrd},
    Rule{"/isolinux/*.img", BootRole::initrd},
    Rule{"/images/*.img", BootRole::initrd},
    Rule{"/install*/*.img", BootRole::initrd},

    Rule{"*/grub*.cfg", BootRole::configuration},
    Rule{"*/isolinux*.cfg", BootRole::configuration},
    Rule{"*/syslinux*.cfg", BootRole::configuration},
    Rule{"*/extlinux*.conf", BootRole::configuration},
    Rule{"*/boot.cfg", BootRole::configuration},
    Rule{"/boot/*.cfg", BootRole::configuration},
    Rule{"/efi/*.cfg", BootRole::configuration},
    Rule{"/isolinux/*.cfg", BootRole::configuration},
    Rule{"/syslinux/*.cfg", BootRole::configuration},
    Rule{"/boot/*.conf", BootRole::configuration},
    Rule{"/loader/*.conf", BootRole::configuration},
    Rule{"*/bcd", BootRole::configuration},
    Rule{"*/bootmgr*", BootRole::configuration},

    Rule{"*.efi", BootRole::loader},
    Rule{"*/isolinux.bin", BootRole::loader},
    Rule{"*/etfsboot.com", BootRole::loader},
    Rule{"*/efisys*.bin", BootRole::loader},
    Rule{"*/mboot.c32", BootRole::loader},
};

/// Packages carry names such as vmlinuz-*.rpm; they start nothing.
bool is_package(std::string_view path) {
  return path.ends_with(".deb") || path.ends_with(".udeb") || path.ends_with(".rpm");
}

}  // namespace

std::optional<BootRole> boot_role_of(std::string_view path) {
  const std::string lower = to_lower(path);
  if (is_package(lower)) return std::nullopt;
  for (const Rule& rule : rules) {
    if (glob_matches(rule.pattern, lower)) return rule.role;
  }
  return std::nullopt;
}

}  // namespace metalmesh::media
