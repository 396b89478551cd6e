#include "agents/app/image_command.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "agents/app/agent_config.h"
#include "agents/media/server/image_folder.h"
#include "common/os/files.h"
#include "common/text/letters.h"

namespace metalmesh::agent {
namespace {

namespace fs = std::filesystem;

constexpr int done = 0;
constexpr int failed = 1;
constexpr int misconfigured = 2;
constexpr std::size_t sums_limit = 1U << 20;

int report(const Error& error) {
  std::cerr << "metalmesh-agent: no image is imported: " << error.message << '\n';
  return misconfigured;
}

/// The files that were named, and for a folder every *.iso in it.
Result<std::vector<fs::path>> files_of(const std::vector<std::string>& names) {
  std::vector<fs::path> files;
  for (const std::string& name : names) {
    std::error_code code;
    if (!fs::is_directory(name, code)) {
      files.emplace_back(name);
      continue;
    }
    const std::size_t before = files.size();
    for (const auto& entry : fs::directory_iterator(name, code)) {
      if (entry.path().extension() == ".iso") files.push_back(entry.path());
    }
    if (code) return fail(ErrorKind::unavailable, name + ": " + code.message());
    if (files.size() == before) return fail(ErrorKind::invalid, name + " has no file *.iso");
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  return files;
}

/// The digest that a file of sums ("<hex>  <name>" or "<hex> *<name>" lines) gives for `name`; of a file with
/// but one digest and no name, that one.
std::string digest_in(const std::string& sums, const std::string& name) {
  std::istringstream lines(sums);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string digest;
    std::string file;
    words >> digest >> std::ws;
    std::getline(words, file);
    if (file.starts_with('*')) file.erase(0, 1);
    digest = to_lower(digest);
    const bool for_it = file.empty() || fs::path(file).filename() == name;
    if (for_it && media::is_image_name(digest)) return digest;
  }
  return {};
}

std::string expected_of(const fs::path& file, const std::string& given) {
  if (!given.empty()) return given;
  const fs::path beside[] = {file.string() + ".sha256", file.parent_path() / "SHA256SUMS",
                             file.parent_path() / "sha256sum.txt"};
  for (const fs::path& sums : beside) {
    const auto text = os::read_file(sums, sums_limit);
    std::string digest = text ? digest_in(*text, file.filename()) : std::string();
    if (!digest.empty()) return digest;
  }
  return {};
}

/// One line on a terminal that tells how far it is.
class Progress {
 public:
  explicit Progress(const fs::path& file) : name_(file.filename()), shown_(isatty(STDERR_FILENO) != 0) {
    std::error_code code;
    const auto size = fs::file_size(file, code);
    whole_ = code ? 0 : 2 * size;  // it is read, and its copy is read back
  }
  ~Progress() {
    if (shown_) std::cerr << "\r\033[K" << std::flush;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::size_t bytes) {
    done_ += bytes;
    const std::uint64_t percent = whole_ == 0 ? 0 : std::min<std::uint64_t>(100, done_ * 100 / whole_);
    if (!shown_ || percent == percent_) return;
    percent_ = percent;
    std::cerr << '\r' << name_ << ": " << percent << " %" << std::flush;
  }

 private:
  std::string name_;
  bool shown_;
  std::uint64_t whole_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t percent_ = 101;
};

struct Imported {
  fs::path file;
  std::string sha256;
  std::string state;  // imported | there | failed
  std::string error;
};

Imported import(media::ImageFolder& folder, const fs::path& file, const std::string& expected) {
  const std::atomic<bool> never = false;
  if (!expected.empty()) {
    if (const auto there = folder.verified(expected, never); there && *there)
      return {file, expected, "there", {}};
  }
  Progress progress(file);
  const auto digest = folder.import_file(file, expected, {}, [&](std::size_t bytes) {
    progress.add(bytes);
    return true;
  });
  if (!digest) return {file, expected, "failed", digest.error().message};
  return {file, *digest, "imported", {}};
}

void show(const Imported& one) {
  if (one.state == "failed") {
    std::cerr << "metalmesh-agent: " << one.error << '\n';
  } else {
    std::cout << one.sha256 << "  " << one.file.string() << ": "
              << (one.state == "there" ? "is at this site already" : "imported") << '\n';
  }
}

std::string json_of(const std::vector<Imported>& all) {
  google::protobuf::Struct document;
  auto& list = *(*document.mutable_fields())["images"].mutable_list_value();
  for (const Imported& one : all) {
    auto& fields = *list.add_values()->mutable_struct_value()->mutable_fields();
    fields["file"].set_string_value(one.file.string());
    fields["sha256"].set_string_value(one.sha256);
    fields["state"].set_string_value(one.state);
    if (!one.error.empty()) fields["error"].set_string_value(one.error);
  }
  std::string text;
  const auto written = google::protobuf::util::MessageToJsonString(document, &text);
  return written.ok() ? text : "{}";
}

}  // namespace

int import_images_command(const AgentOptions& options) {
  const auto config = load_store_config(options);
  if (!config) return report(config.error());
  const auto files = files_of(options.images);
  if (!files) return report(files.error());
  if (!options.image_sha256.empty() && (files->size() != 1 || !media::is_image_name(options.image_sha256)))
    return report({ErrorKind::invalid, "--sha256 takes 64 lower-case hex digits, for one file"});
  auto folder = media::ImageFolder::open(config->data_dir() + "/images");
  if (!folder) return report(folder.error());
  std::vector<Imported> all;
  for (const fs::path& file : *files) {
    all.push_back(import(*folder, file, expected_of(file, options.image_sha256)));
    if (!options.json) show(all.back());
  }
  if (options.json) std::cout << json_of(all) << '\n';
  return std::ranges::any_of(all, [](const Imported& one) { return one.state == "failed"; }) ? failed : done;
}

}  // namespace metalmesh::agent
