#include "tests/unit/media/iso_writer.h"

#include <algorithm>
#include <set>

#include "common/text/letters.h"

namespace metalmesh::media::test {
namespace {

void put32(std::string& bytes, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i) & 0xff);
}

std::string record(const std::string& identifier, std::uint64_t lba, std::uint64_t size, bool directory,
                   const std::string& system_use) {
  std::string bytes(33, '\0');
  put32(bytes, 2, lba);
  put32(bytes, 10, size);
  bytes[25] = directory ? 2 : 0;
  bytes[32] = static_cast<char>(identifier.size());
  bytes += identifier;
  if (identifier.size() % 2 == 0) bytes += '\0';
  bytes += system_use;
  if (bytes.size() % 2 == 1) bytes += '\0';
  bytes[0] = static_cast<char>(bytes.size());
  return bytes;
}

std::string name_field(const std::string& name) {
  std::string field = "NM";
  field += static_cast<char>(5 + name.size());
  field += '\1';
  field += '\0';
  return field + name;
}

/// Flags of a component: 2 is ".", 4 "..", 8 the root.
std::string link_field(const std::string& target) {
  std::string components;
  const auto component = [&](int flags, const std::string& name) {
    components += static_cast<char>(flags);
    components += static_cast<char>(name.size());
    components += name;
  };
  if (target.starts_with('/')) component(8, "");
  for (std::size_t at = 0; at < target.size();) {
    const std::size_t end = std::min(target.find('/', at), target.size());
    const std::string name = target.substr(at, end - at);
    if (name == "." || name == "..") {
      component(name == "." ? 2 : 4, "");
    } else if (!name.empty()) {
      component(0, name);
    }
    at = end + 1;
  }
  std::string field = "SL";
  field += static_cast<char>(5 + components.size());
  field += '\1';
  field += '\0';
  return field + components;
}

/// One record for each extent of a file; all but the last say that more follow.
std::string file_records(const std::string& identifier, std::uint64_t lba, std::uint64_t size,
                         const std::string& system_use, std::uint64_t longest) {
  std::string out;
  for (std::uint64_t left = size; longest != 0 && left > longest; left -= longest) {
    std::string piece = record(identifier, lba, longest, false, system_use);
    piece[25] = static_cast<char>(0x80);
    out += piece;
    lba += longest / sector;
    size -= longest;
  }
  return out + record(identifier, lba, size, false, system_use);
}

std::uint64_t sectors(std::size_t bytes) { return (bytes + sector - 1) / sector; }

}  // namespace

void IsoWriter::add(const std::string& path, std::string content) { files_[path] = std::move(content); }

std::string IsoWriter::build() {
  offsets_.clear();
  directories_.clear();
  std::set<std::string> names;
  for (const auto& [path, content] : files_)
    names.insert(path.substr(1, path.rfind('/') == 0 ? 0 : path.rfind('/') - 1));
  names.insert("");
  // 16 PVD, 17 boot record, 18 terminator, 19 boot catalogue, then one sector per directory, then files.
  std::uint64_t lba = 20;
  for (const std::string& name : names) directories_[name] = sector * lba++;
  for (const auto& [path, content] : files_) {
    offsets_[path] = sector * lba;
    lba += sectors(content.size());
  }
  std::string image(lba * sector, '\0');
  const std::string susp = rock_ridge ? std::string("SP\7\1\xbe\xef\0", 7) : std::string();
  for (const std::string& name : names) {
    std::string extent = record(std::string(1, '\0'), directories_[name] / sector, sector, true, susp) +
                         record("\1", directories_[""] / sector, sector, true, "");
    if (name.empty()) {
      for (const std::string& child : names) {
        if (child.empty()) continue;
        extent += record(to_upper(child), directories_[child] / sector, sector, true,
                         rock_ridge ? name_field(child) : "");
      }
    }
    for (const auto& [path, content] : files_) {
      const std::size_t slash = path.rfind('/');
      if (path.substr(1, slash == 0 ? 0 : slash - 1) != name) continue;
      const std::string leaf = path.substr(slash + 1);
      extent += file_records(to_upper(leaf) + ";1", offsets_[path] / sector, content.size(),
                             rock_ridge ? name_field(leaf) : "", longest_extent);
    }
    for (const auto& [path, target] : links_) {
      const std::size_t slash = path.rfind('/');
      if (path.substr(1, slash == 0 ? 0 : slash - 1) != name) continue;
      const std::string leaf = path.substr(slash + 1);
      extent += record(to_upper(leaf) + ";1", 0, 0, false, name_field(leaf) + link_field(target));
    }
    image.replace(directories_[name], extent.size(), extent);
  }
  for (const auto& [path, content] : files_) image.replace(offsets_[path], content.size(), content);

  const std::size_t pvd = 16 * sector;
  image.replace(pvd, 7, std::string("\1CD001\1", 7));
  image.replace(pvd + 40, 32, volume_id + std::string(32 - volume_id.size(), ' '));
  image[pvd + 129] = 8;  // 2048-byte blocks
  image.replace(pvd + 156, 34, record(std::string(1, '\0'), directories_[""] / sector, sector, true, ""));
  if (boot_image.empty()) {
    image.replace(17 * sector, 7, std::string("\0CD001\1", 7));
  } else {
    image.replace(17 * sector, 30, std::string("\0CD001\1", 7) + "EL TORITO SPECIFICATION");
    put32(image, 17 * sector + 0x47, 19);
    image[19 * sector] = 1;
    image.replace(19 * sector + 30, 2, "\x55\xaa");
    image[19 * sector + 32] = static_cast<char>(0x88);
    image[19 * sector + 38] = 4;  // as most builders: a lie
    put32(image, 19 * sector + 40, offsets_[boot_image] / sector);
  }
  image.replace(18 * sector, 7,
                std::string("\xff"
                            "CD001\1",
                            7));
  return image;
}

IsoWriter installer_iso(std::size_t room) {
  IsoWriter iso;
  std::string placeholder = "#METALMESH-ANSWER-PLACEHOLDER-V1\n";
  placeholder.resize(room, '\n');
  iso.add("/answer.txt", placeholder);
  iso.add("/boot/grub.cfg", "linux /boot/vmlinuz\n");
  iso.add("/boot/initrd.img", std::string(30000, 'i'));
  iso.add("/boot/vmlinuz", std::string(50000, 'k'));
  iso.add("/pool/package.deb", std::string(300000, 'p'));
  iso.add("/pool/vmlinuz-doc.deb", std::string(3000, 'd'));
  return iso;
}

}  // namespace metalmesh::media::test
