#include "common/adapters/support_bundle.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <utility>

#include "common/adapters/log_writer.h"
#include "common/adapters/machine_facts.h"
#include "common/adapters/recording_ring.h"
#include "common/adapters/tar_gz.h"
#include "common/base/digest.h"
#include "common/os/files.h"
#include "common/recording/secret_finder.h"

namespace metalmesh::adapters {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr char manifest_name[] = "manifest.json";

/// Learns the values of lines `name: value` and `name=value` whose name says that they are secret.
void find_in_lines(std::string_view text, recording::SecretSet& secrets) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = line.find_first_of(":=");
    if (colon == std::string_view::npos || !recording::names_a_secret(line.substr(0, colon))) continue;
    constexpr std::string_view around = " \t\r\"',{}";
    const std::string_view rest = line.substr(colon + 1);
    const std::size_t first = rest.find_first_not_of(around);
    if (first == std::string_view::npos) continue;
    secrets.learn(rest.substr(first, rest.find_last_not_of(around) + 1 - first));
  }
}

void find_in_json_lines(std::string_view text, recording::SecretSet& secrets) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end != 0) recording::find_in_json(text.substr(0, end), secrets);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Result<std::string> tail_of(const fs::path& file, std::size_t most) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return fail(ErrorKind::not_found, file.string() + " cannot be read");
  const auto size = static_cast<std::uint64_t>(in.tellg());
  const std::uint64_t length = std::min<std::uint64_t>(size, most);
  std::string bytes(length, '\0');
  in.seekg(static_cast<std::streamoff>(size - length));
  in.read(bytes.data(), static_cast<std::streamsize>(length));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

}  // namespace

SupportBundle::SupportBundle(std::string program, std::string version, std::uint64_t mask_key,
                             std::function<void(const std::string& line)> tell)
    : program_(std::move(program)),
      version_(std::move(version)),
      tell_(std::move(tell)),
      secrets_(mask_key) {}

void SupportBundle::text(std::string name, std::string text, Kind kind) {
  tell_(name + ": " + std::to_string(text.size()) + " bytes");
  recording::find_in_text(text, secrets_);
  if (kind == Kind::json) find_in_json_lines(text, secrets_);
  if (kind == Kind::config) find_in_lines(text, secrets_);
  parts_.push_back({std::move(name), std::move(text), false});
}

void SupportBundle::text(std::string name, Result<std::string> given, Kind kind) {
  if (!given) return missing(std::move(name), given.error().message);
  text(std::move(name), std::move(*given), kind);
}

void SupportBundle::missing(std::string name, std::string why) {
  tell_(name + ": missing, " + why);
  missing_.push_back({std::move(name), std::move(why)});
}

void SupportBundle::config_file(const std::string& name, const fs::path& file) {
  text(name, os::read_file(file), Kind::config);
}

void SupportBundle::log_file(const std::string& name, const fs::path& file, std::size_t most) {
  text(name, tail_of(file, most), Kind::plain);
}

void SupportBundle::recording(const std::string& name, const fs::path& folder) {
  const auto files = recording_files(folder);
  if (files.empty()) return missing(name, folder.string() + " holds no recording");
  for (const fs::path& file : files) {
    const std::string entry = name + "/" + file.filename().string();
    auto bytes = os::read_file(file, std::size_t{1} << 30U);
    if (!bytes) {
      missing(entry, bytes.error().message);  // the ring may just have dropped it
      continue;
    }
    tell_(entry + ": " + std::to_string(bytes->size()) + " bytes");
    parts_.push_back({entry, std::move(*bytes), true});
  }
}

void SupportBundle::folder_facts(const std::string& name, const fs::path& folder) {
  text(name, adapters::folder_facts(folder), Kind::plain);
}

void SupportBundle::machine_facts(const std::string& name) {
  text(name, adapters::machine_facts(), Kind::plain);
}

std::string SupportBundle::manifest(WallTime now) const {
  json::array parts;
  for (const Part& part : parts_) {
    parts.push_back(json::object{
        {"name", part.name}, {"bytes", part.bytes.size()}, {"sha256", to_hex(sha256(part.bytes))}});
  }
  json::array absent;
  for (const Missing& each : missing_) absent.push_back(json::object{{"name", each.name}, {"why", each.why}});
  const json::object all = {{"program", program_},
                            {"version", version_},
                            {"made", rfc3339(now)},
                            {"parts", std::move(parts)},
                            {"missing", std::move(absent)}};
  return json::serialize(all) + "\n";
}

Status SupportBundle::write(const fs::path& path, WallTime now) {
  for (Part& part : parts_) {
    if (!part.masked) secrets_.mask(part.bytes);
  }
  for (Missing& each : missing_) secrets_.mask(each.why);
  auto archive = TarGzWriter::create(path);
  if (!archive) return std::unexpected(archive.error());
  const auto modified = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  const std::string folder =
      path.filename().string().substr(0, path.filename().string().find('.')).substr(0, 40);
  if (Status done = (*archive)->add(folder + "/" + manifest_name, manifest(now), modified); !done)
    return done;
  for (const Part& part : std::exchange(parts_, {})) {
    if (Status done = (*archive)->add(folder + "/" + part.name, part.bytes, modified); !done) return done;
  }
  return (*archive)->finish();
}

}  // namespace metalmesh::adapters
