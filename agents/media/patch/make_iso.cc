// An empty image with both trees, into which the direct patcher puts the files: one way of making records.
#include "agents/media/iso_record.h"
#include "agents/media/patch/image_patch.h"
#include "agents/media/patch/iso_names.h"
#include "agents/media/patch/second_medium.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t longest_label = 16;  // of Joliet
// 2024-01-01 00:00:00 UTC; the content has no time of its own.
const std::string recorded{"\x7c\x01\x01\x00\x00\x00\x00", 7};

enum Sector : std::uint64_t {
  primary_descriptor = 16,
  joliet_descriptor,
  terminator,
  primary_tables,  // little, then big endian
  joliet_tables = primary_tables + 2,
  primary_root = joliet_tables + 2,
  joliet_root,
  end_of_image
};

std::string padded(std::string text, std::size_t length, bool joliet) {
  if (joliet) text = to_ucs2(text);
  while (text.size() < length) text += joliet ? std::string("\0 ", 2) : std::string(" ");
  return text.substr(0, length);
}

std::string root_record(std::uint64_t root, char identifier, const std::string& fields) {
  // Cannot fail: the fields are ours and short.
  return *make_iso_record({std::string(1, identifier), root, iso_sector, true, recorded, fields});
}

std::string descriptor(const std::string& label, std::uint64_t tables, std::uint64_t root, bool joliet) {
  std::string bytes(iso_sector, '\0');
  const auto put = [&](std::size_t at, const std::string& text) { bytes.replace(at, text.size(), text); };
  put(0, joliet ? "\2" : "\1");
  put(1, "CD001\1");
  put(8, padded("LINUX", 32, joliet));
  put(40, padded(label, 32, joliet));
  put(80, both_bytes(end_of_image, 4));
  if (joliet) put(88, "%/E");
  put(120, both_bytes(1, 2));  // volumes in the set
  put(124, both_bytes(1, 2));  // number of this one
  put(128, both_bytes(iso_sector, 2));
  put(132, both_bytes(10, 4));  // path table bytes: the root alone
  put(140, little_bytes(tables, 4));
  put(148, big_bytes(tables + 1, 4));
  put(156, root_record(root, '\0', ""));
  for (const std::size_t text_at : {190, 318, 446, 574}) put(text_at, padded("", 128, joliet));
  for (const std::size_t file_at : {702, 739, 776}) put(file_at, padded("", 37, joliet));
  for (const std::size_t date_at : {813, 830, 847, 864}) put(date_at, std::string(16, '0'));
  put(881, "\1");
  return bytes;
}

/// The root directory's own two records; Rock Ridge announces itself in the first.
std::string root_directory(std::uint64_t root, bool rock_ridge) {
  std::string fields;
  std::string announced;
  if (rock_ridge) {
    fields = make_rock_ridge("", true, 36, 0, recorded);
    announced =
        std::string("SP\7\1\xbe\xef\0", 7) + fields + std::string("ER\x12\1\x0a\0\0\1", 8) + "RRIP_1991A";
  }
  std::string bytes = root_record(root, '\0', announced) + root_record(root, '\1', fields);
  bytes.resize(iso_sector, '\0');
  return bytes;
}

std::string path_table(std::uint64_t root, bool big_endian) {
  std::string bytes("\1\0", 2);
  bytes += big_endian ? big_bytes(root, 4) + big_bytes(1, 2) : little_bytes(root, 4) + little_bytes(1, 2);
  bytes.resize(iso_sector, '\0');
  return bytes;
}

std::string empty_iso(const std::string& label) {
  std::string image(primary_descriptor * iso_sector, '\0');
  image += descriptor(label, primary_tables, primary_root, false);
  image += descriptor(label, joliet_tables, joliet_root, true);
  image += std::string(
      "\xff"
      "CD001\1",
      7);
  image.resize(primary_tables * iso_sector, '\0');
  for (const std::uint64_t root : {primary_root, joliet_root}) {
    image += path_table(root, false) + path_table(root, true);
  }
  return image + root_directory(primary_root, true) + root_directory(joliet_root, false);
}

}  // namespace

Result<Overlay> make_iso(const std::string& label, const std::vector<MediaChange>& files) {
  if (label.empty() || label.size() > longest_label) {
    return fail(ErrorKind::invalid, "the label of an ISO medium has 1 to 16 characters");
  }
  MemoryReader skeleton(empty_iso(label));
  auto patched = patch_image(skeleton, files);
  if (!patched) return patched;
  auto image = skeleton.read(0, skeleton.size());
  if (!image) return std::unexpected(image.error());
  image->resize(patched->size, '\0');
  for (const Patch& patch : patched->patches) {
    if (const auto* moved = std::get_if<ByteRange>(&patch.content)) {
      image->replace(patch.offset, moved->length, *skeleton.read(moved->offset, moved->length));
    } else {
      const std::string_view bytes = std::get<SharedText>(patch.content).view();
      image->replace(patch.offset, bytes.size(), bytes);
    }
  }
  patched->patches.clear();
  patched->patches.push_back({0, std::move(*image)});
  return patched;
}

}  // namespace metalmesh::media
