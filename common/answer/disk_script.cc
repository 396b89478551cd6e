#include "common/answer/disk_script.h"

#include "common/answer/text_format.h"
#include "common/text/letters.h"

namespace metalmesh::answer {
namespace {

/// A glob as an extended regular expression. udev writes blanks as _.
std::string expression_of(const std::string& glob) {
  std::string out;
  for (const char c : glob) {
    if (c == '*') {
      out += ".*";
    } else if (c == '?') {
      out += '.';
    } else if (c == ' ' || c == '_') {
      out += "[ _]+";
    } else {
      const bool itself = is_alnum(c) || static_cast<unsigned char>(c) >= 0x80;
      out += itself ? std::string(1, c) : c == '^' ? "\\^" : std::string("[") + c + "]";
    }
  }
  return out;
}

/// What a disk is like, beside its marks.
std::string kind_conditions(const wire::DiskChoice& disk) {
  std::string out;
  if (!disk.model().empty())  // of a SATA disk the kernel's is cut off, and udev's is whole
    out +=
        "  { cat \"$entry/device/model\"; echo \"$facts\" | sed -n 's/^ID_MODEL=//p'; } 2>/dev/null | grep "
        "-qixE " +
        shell_word(expression_of(disk.model()) + "[ _]*") + " || continue\n";
  if (!disk.media().empty())
    out += "  [ \"$(cat \"$entry/queue/rotational\")\" = " + std::string(disk.media() == "HDD" ? "1" : "0") +
           " ] || continue\n";
  if (disk.protocol() == "NVMe") out += "  case $name in nvme*) ;; *) continue ;; esac\n";
  if (disk.protocol() == "SATA")
    out += "  echo \"$facts\" | grep -qxF -e ID_BUS=ata -e ID_ATA=1 || continue\n";
  if (disk.protocol() == "SAS") out += "  echo \"$facts\" | grep -qxF ID_BUS=scsi || continue\n";
  return out;
}

}  // namespace

std::string disk_script(const wire::DiskChoice& disk) {
  std::string out = R"sh(disk=
for entry in /sys/block/*; do
  name=${entry##*/}
  case $name in loop*|ram*|zram*|sr*|fd*|md*|dm-*|nbd*) continue ;; esac
  [ -b "/dev/$name" ] || continue
  [ "$(cat "$entry/ro")" = 0 ] && [ "$(cat "$entry/removable")" = 0 ] && [ "$(cat "$entry/size")" -gt 0 ] || continue
)sh";
  if (!disk.serial().empty() || !disk.wwn().empty() || !disk.model().empty() || disk.protocol() == "SATA" ||
      disk.protocol() == "SAS")
    out += "  facts=$(udevadm info --query=property --name=\"/dev/$name\") || continue\n";
  if (!disk.serial()
           .empty()) {  // of a SAS disk the first one is its WWN, and a later one what its label says
    out += "  echo \"$facts\" | grep -qxF";
    for (const char* key : {"ID_SERIAL_SHORT=", "ID_SCSI_SERIAL=", "SCSI_IDENT_SERIAL="})
      out += " -e " + shell_word(key + disk.serial());
    out += " || continue\n";
  }
  if (!disk.wwn().empty()) {
    const std::string digits = disk.wwn().substr(disk.wwn().find('.') + 1);  // eui. or none
    out += "  echo \"$facts\" | grep -qixE " +
           shell_word("ID_WWN(_WITH_EXTENSION)?=(0x|naa\\.|eui\\.)?" + digits) + " || continue\n";
  }
  if (!disk.path().empty())
    out += "  [ \"$(readlink -f " + shell_word(disk.path()) + ")\" = \"/dev/$name\" ] || continue\n";
  const auto compare = [&](const char* how, std::uint64_t bytes) {
    out += "  [ $(($(cat \"$entry/size\") * 512)) " + std::string(how) + " " + std::to_string(bytes) +
           " ] || continue\n";
  };
  if (disk.min_size() != 0) compare("-ge", disk.min_size());
  if (disk.max_size() != 0) compare("-le", disk.max_size());
  return out + kind_conditions(disk) + R"sh(  if [ -n "$disk" ]; then
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
)sh";
}

}  // namespace metalmesh::answer
