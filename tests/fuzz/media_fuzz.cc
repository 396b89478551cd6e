// An installer image, and what patching makes of it. The input is the image without its zeros: runs of
// {sector, length, bytes}, numbers of two bytes, big endian.
#include <algorithm>
#include <cstdint>
#include <string>

#include "agents/media/image_probe.h"
#include "agents/media/patch/image_patch.h"
#include "agents/media/virtual_image.h"
#include "tests/fuzz/invariant.h"

namespace {

constexpr std::size_t image_bytes = 640 * 2048;

std::string image_of(const std::uint8_t* data, std::size_t size) {
  std::string image(image_bytes, '\0');
  for (std::size_t at = 0; at + 4 <= size;) {
    const std::size_t offset = (std::size_t{data[at]} << 8U | data[at + 1]) * 2048;
    const std::size_t length = std::size_t{data[at + 2]} << 8U | data[at + 3];
    at += 4;
    const std::size_t there = std::min(length, size - at);
    if (offset < image_bytes) {
      const std::size_t fits = std::min(there, image_bytes - offset);
      image.replace(offset, fits, reinterpret_cast<const char*>(data) + at, fits);
    }
    at += there;
  }
  return image;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace metalmesh::media;
  MemoryReader image(image_of(data, size));
  static const std::vector<MediaChange> changes = {
      {"/EFI/BOOT/grub.cfg", {"EFI", "BOOT", "grub.cfg"}, std::string(3000, '#')},
      {"/ks.cfg", {"ks.cfg"}, "text"},
      {"/made/here/user-data", {"made", "here", "user-data"}, "#cloud-config"}};
  auto overlay = patch_image(image, changes);
  if (overlay) {
    MM_CLAIM(overlay->size >= image.size());
    for (const ByteRange& range : overlay->guarded) MM_CLAIM(range.end() <= overlay->size);
    MM_CLAIM(VirtualImage::create(image.size(), "base", std::move(*overlay)).has_value());
  } else {
    MM_CLAIM(!overlay.error().message.empty());
  }
  static_cast<void>(probe_image(image));
  return 0;
}
