// What the media server makes of an image, for tests and for people who want to look at it.
//
//   mm_compose write BASE OUT /path=file...            the composed image, as a file
//   mm_compose second iso|fat LABEL OUT /path=file...  a second medium
//   mm_compose measure BASE SERVERS /path=file...      what one server costs, and what SERVERS mounts cost
//
// Prints one JSON object; exit code 3 and the reason when the image is refused.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>

#include "agents/media/media_core.h"
#include "agents/media/patch/compose.h"
#include "agents/media/server/file_reader.h"
#include "agents/media/virtual_image.h"

namespace {

using namespace metalmesh;
using Clock = std::chrono::steady_clock;

[[noreturn]] void stop(int code, const std::string& why) {
  std::fprintf(stderr, "mm_compose: %s\n", why.c_str());
  std::exit(code);
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) stop(2, path + " cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Files>
void add_files(Files* files, int argc, char** argv, int from) {
  for (int i = from; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto equals = argument.find('=');
    if (equals == std::string::npos) stop(2, "expected /path=file, got " + argument);
    auto* file = files->Add();
    file->set_path(argument.substr(0, equals));
    file->set_content(content_of(argument.substr(equals + 1)));
  }
}

wire::Mount mount_of(const std::string& base, const media::BlockReader& reader) {
  wire::Mount order;
  order.set_token("tok");
  order.set_state(wire::CLOSED);
  order.mutable_image()->set_path(base);
  order.mutable_image()->set_size(reader.size());
  order.mutable_image()->set_sha256("base");
  return order;
}

std::uint64_t bytes_in_memory(const media::Overlay& overlay) {
  std::uint64_t bytes = overlay.patches.size() * sizeof(media::Patch);
  for (const media::Patch& patch : overlay.patches) {
    if (const auto* text = std::get_if<media::SharedText>(&patch.content)) bytes += text->size();
  }
  return bytes;
}

/// Returns the SHA-free facts that tests need; writes the image to `out`.
void write_image(const std::string& out, media::BlockReader* base, media::Overlay overlay) {
  const std::uint64_t memory = bytes_in_memory(overlay);
  const std::size_t patches = overlay.patches.size();
  std::string guarded;
  for (const auto& range : overlay.guarded) {
    guarded += (guarded.empty() ? "[" : ",[") + std::to_string(range.offset) + "," +
               std::to_string(range.length) + "]";
  }
  auto image = media::VirtualImage::create(base != nullptr ? base->size() : 0, "base", std::move(overlay));
  if (!image) stop(1, image.error().message);
  const media::FileHandle file(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) stop(2, out + " cannot be written");
  for (const media::Segment& segment : image->segments({0, image->size()})) {
    std::string bytes;
    if (const auto* part = std::get_if<media::ByteRange>(&segment)) {
      auto read = base->read(part->offset, part->length);
      if (!read) stop(1, read.error().message);
      bytes = std::move(*read);
    } else {
      bytes = std::get<media::SharedText>(segment).view();
    }
    if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
      stop(2, "disk full");
  }
  std::printf("{\"size\": %llu, \"memory\": %llu, \"patches\": %zu, \"etag\": %s, \"guarded\": [%s]}\n",
              static_cast<unsigned long long>(image->size()), static_cast<unsigned long long>(memory),
              patches, image->etag().c_str(), guarded.c_str());
}

media::FileReader open_base(const std::string& path) {
  auto reader = media::FileReader::open(path);
  if (!reader) stop(2, reader.error().message);
  return std::move(*reader);
}

media::Overlay compose(const wire::Mount& order, media::BlockReader* base) {
  auto overlay = media::compose_medium(order, base);
  if (!overlay) stop(3, overlay.error().message);
  return std::move(*overlay);
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// Of this thread: what is left of a measurement when the machine is busy with other things.
double cpu_millis() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

void measure(const wire::Mount& order, media::FileReader& base, int servers) {
  constexpr int rounds = 31;
  std::vector<double> wall;
  std::vector<double> cpu;
  media::Overlay overlay;
  for (int i = 0; i < rounds; ++i) {
    const auto begin = Clock::now();
    const double cpu_begin = cpu_millis();
    overlay = compose(order, &base);
    wall.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    cpu.push_back(cpu_millis() - cpu_begin);
  }
  std::sort(wall.begin(), wall.end());
  std::sort(cpu.begin(), cpu.end());

  media::FileImages images;
  media::MediaCore core(&images);
  const std::uint64_t before = resident_bytes();
  int refused = 0;
  for (int i = 0; i < servers; ++i) {
    wire::MediaCommand command;
    wire::Mount& mount = *command.mutable_mount();
    mount = order;
    mount.set_token("server-" + std::to_string(i));
    mount.mutable_changes(0)->mutable_content()->append("\n# " + std::to_string(i) + "\n");
    for (const auto& effect : core.on_command(command, Now{}).effects) {
      if (std::holds_alternative<media::Tell>(effect)) ++refused;
    }
  }
  if (refused != 0) stop(1, std::to_string(refused) + " mounts were refused");
  std::printf(
      "{\"wall_ms\": %.3f, \"cpu_ms\": %.3f, \"overlay_bytes\": %llu, \"patches\": %zu, \"mounts\": %d, "
      "\"mounts_bytes\": %llu}\n",
      wall[rounds / 2], cpu[rounds / 2], static_cast<unsigned long long>(bytes_in_memory(overlay)),
      overlay.patches.size(), servers, static_cast<unsigned long long>(resident_bytes() - before));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "write" && argc >= 5) {
    media::FileReader base = open_base(argv[2]);
    wire::Mount order = mount_of(argv[2], base);
    add_files(order.mutable_changes(), argc, argv, 4);
    write_image(argv[3], &base, compose(order, &base));
  } else if (verb == "second" && argc >= 6) {
    wire::Mount order;
    order.mutable_second()->set_format(std::string(argv[2]) == "fat" ? wire::SecondMedium::FAT
                                                                     : wire::SecondMedium::ISO);
    order.mutable_second()->set_label(argv[3]);
    add_files(order.mutable_second()->mutable_files(), argc, argv, 5);
    write_image(argv[4], nullptr, compose(order, nullptr));
  } else if (verb == "measure" && argc >= 5) {
    media::FileReader base = open_base(argv[2]);
    wire::Mount order = mount_of(argv[2], base);
    add_files(order.mutable_changes(), argc, argv, 4);
    measure(order, base, std::atoi(argv[3]));
  } else {
    stop(2,
         "usage: write BASE OUT /path=file... | second iso|fat LABEL OUT /path=file... | measure BASE "
         "SERVERS /path=file...");
  }
}
