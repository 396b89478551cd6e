#include "common/adapters/credential_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <vector>

#include "common/adapters/os_entropy.h"
#include "common/base/check.h"
#include "common/base/digest.h"
#include "common/os/files.h"
#include "common/text/filler/yaml_document.h"
#include "common/text/near_miss.h"

namespace metalmesh::adapters {
namespace {

constexpr std::size_t file_limit = std::size_t{1} << 20;

/// scrypt with 4 MiB: versions reach rows and the controller, and a plain digest of a short password would
/// give the password away.
std::string version_of(const std::string& name, const std::string& username, const Secret& password) {
  std::string input = username;
  input.push_back('\0');
  input.append(password.reveal());
  const std::string salt = "metalmesh credential version\n" + name;
  std::array<unsigned char, 8> out{};
  MM_CHECK(EVP_PBE_scrypt(input.data(), input.size(), reinterpret_cast<const unsigned char*>(salt.data()),
                          salt.size(), 4096, 8, 1, std::uint64_t{16} << 20, out.data(), out.size()) == 1);
  const Secret wiped(std::move(input));
  return to_hex({reinterpret_cast<const char*>(out.data()), out.size()});
}

struct Login {
  std::string username;
  Secret password;
  std::string set;  // when a person set or released it; empty: written by hand
};
using Logins = std::map<std::string, Login>;

Result<Logins> parse_logins(std::string_view text, const std::string& name) {
  auto documents = parse_yaml(text, name);
  if (!documents) return std::unexpected(documents.error());
  Logins out;
  if (documents->empty()) return out;
  const TextNode& root = documents->front();
  if (documents->size() != 1 || root.kind != TextNode::Kind::mapping) {
    return std::unexpected(error_at(name, root, "expected `<name>: {username: ..., password: ...}` lines"));
  }
  for (std::size_t i = 0; i + 1 < root.children.size(); i += 2) {
    const TextNode& key = root.children[i];
    const TextNode& value = root.children[i + 1];
    const TextNode* username = value.find("username");
    const TextNode* password = value.find("password");
    const TextNode* set = value.find("set");
    const auto scalar = [](const TextNode* node) {
      return node != nullptr && node->kind == TextNode::Kind::scalar;
    };
    const std::size_t fields = set == nullptr ? 2 : 3;
    if (!scalar(username) || !scalar(password) || (set != nullptr && !scalar(set)) ||
        value.children.size() != 2 * fields) {
      return std::unexpected(
          error_at(name, value, fmt::format("{}: expected exactly `username` and `password`", key.value)));
    }
    out.emplace(key.value,
                Login{username->value, Secret(password->value), set == nullptr ? std::string() : set->value});
  }
  return out;
}

/// A double-quoted YAML scalar that is a JSON string too.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

CredentialFile::CredentialFile(std::filesystem::path path, LogSink& log)
    : path_(std::move(path)), log_(log) {}
CredentialFile::~CredentialFile() = default;

Result<std::unique_ptr<CredentialFile>> CredentialFile::open(std::filesystem::path path, LogSink& log,
                                                             Broken broken) {
  std::unique_ptr<CredentialFile> file(new CredentialFile(std::move(path), log));
  file->seen_ = file->stamp();
  auto entries = file->load();
  if (!entries && broken == Broken::empty && entries.error().kind == ErrorKind::invalid) {
    log.write(
        {LogLevel::error,
         "credentials not loaded, until the file is mended this site has none: " + entries.error().message,
         {}});
    return file;
  }
  if (!entries) return std::unexpected(entries.error());
  file->entries_ = std::move(*entries);
  return file;
}

CredentialFile::Stamp CredentialFile::stamp() const {
  struct stat info{};
  if (::stat(path_.c_str(), &info) != 0) return {};
  return {info.st_ino, info.st_size,
          info.st_ctim.tv_sec * std::int64_t{1'000'000'000} + info.st_ctim.tv_nsec};
}

Result<CredentialFile::Entries> CredentialFile::load() const {
  if (auto status = os::check_private(path_); !status) {
    if (status.error().kind == ErrorKind::not_found) return Entries{};
    return std::unexpected(status.error());
  }
  auto text = os::read_file(path_, file_limit);
  if (!text) return std::unexpected(text.error());
  const Secret held(std::move(*text));
  auto logins = parse_logins(held.reveal(), path_.string());
  if (!logins) return std::unexpected(logins.error());
  Entries out;
  for (auto& [name, login] : *logins) {
    const auto old = entries_.find(name);
    const bool same = old != entries_.end() && old->second.username == login.username &&
                      old->second.password.reveal() == login.password.reveal() &&
                      old->second.set == login.set;
    std::string version = same ? old->second.version : version_of(name, login.username, login.password);
    if (!same && !login.set.empty()) version += "-" + to_hex(sha256(login.set)).substr(0, 16);
    out.emplace(name, Entry{std::move(login.username), std::move(login.password), std::move(login.set),
                            std::move(version)});
  }
  return out;
}

bool CredentialFile::refresh() {
  const Stamp now = stamp();
  if (now == seen_) return false;
  seen_ = now;
  // Only this thread changes entries_, so load() may read them without the lock.
  auto loaded = load();
  if (!loaded) {
    log_.write({LogLevel::error,
                "credentials not reloaded, the last good ones stay in use: " + loaded.error().message,
                {}});
    return false;
  }
  const auto same = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.version == b.second.version;
  };
  const bool changed = !std::ranges::equal(entries_, *loaded, same);
  const std::lock_guard lock(mutex_);
  entries_ = std::move(*loaded);
  return changed;
}

CredentialsChanged CredentialFile::names() const {
  const std::lock_guard lock(mutex_);
  CredentialsChanged out;
  for (const auto& [name, entry] : entries_) out.credentials.push_back({name, entry.version});
  return out;
}

void CredentialFile::watch(Sink& sink, std::chrono::milliseconds interval) {
  sink.deliver(names());
  watcher_ = std::jthread([this, &sink, interval](const std::stop_token& stop) {
    std::mutex sleep_mutex;
    std::condition_variable_any sleep;
    std::unique_lock lock(sleep_mutex);
    while (!stop.stop_requested()) {
      sleep.wait_for(lock, stop, interval, [] { return false; });
      if (!stop.stop_requested() && refresh()) sink.deliver(names());
    }
  });
}

std::optional<std::pair<std::string, Secret>> CredentialFile::lookup(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return std::nullopt;
  return std::pair(found->second.username, found->second.password);
}

namespace {

Result<Logins> read_logins(const std::filesystem::path& path) {
  auto text = os::read_file(path, file_limit);
  if (text) return parse_logins(Secret(std::move(*text)).reveal(), path.string());
  if (text.error().kind == ErrorKind::not_found) return Logins();
  return std::unexpected(text.error());
}

Status write_logins(const std::filesystem::path& path, const Logins& logins) {
  std::string out;
  const auto add = [&](const char* field, std::string_view value) {
    out.append("  ").append(field).append(": ");
    append_quoted(out, value);
    out += '\n';
  };
  for (const auto& [key, login] : logins) {
    append_quoted(out, key);
    out += ":\n";
    add("username", login.username);
    add("password", login.password.reveal());
    if (!login.set.empty()) add("set", login.set);
  }
  const Secret held(std::move(out));
  return os::write_file(path, held.reveal(), 0600);
}

/// Differs from every other one.
std::string fresh_mark() { return to_hex(OsEntropy().bytes(8)); }

/// Reads, lets `change` act and writes, alone among those that do so.
template <class Change>
Status change_logins(const std::filesystem::path& path, const Change& change) {
  // The lock is a file of its own because the write below replaces the credential file.
  const auto lock = os::lock_file(path.string() + ".lock", os::Held::wait);
  if (!lock) return std::unexpected(lock.error());
  auto logins = read_logins(path);
  if (!logins) return std::unexpected(logins.error());
  if (Status changed = change(*logins); !changed) return changed;
  return write_logins(path, *logins);
}

}  // namespace

Status set_credential(const std::filesystem::path& path, const std::string& name, const std::string& username,
                      const Secret& password) {
  if (name.empty() || username.empty() || password.empty()) {
    return fail(ErrorKind::invalid, "a credential needs a name, a user name and a password");
  }
  return change_logins(path, [&](Logins& logins) -> Status {
    logins.insert_or_assign(name, Login{username, password, fresh_mark()});
    return {};
  });
}

Status release_credential(const std::filesystem::path& path, const std::string& name) {
  return change_logins(path, [&](Logins& logins) -> Status {
    const auto found = logins.find(name);
    if (found == logins.end()) {
      std::vector<std::string> names;
      for (const auto& [known, login] : logins) names.push_back(known);
      const std::string near = near_miss(name, names);
      return fail(ErrorKind::not_found, fmt::format("{} has no credential {}{}", path.string(), name,
                                                    near.empty() ? "" : "; did you mean " + near + "?"));
    }
    found->second.set = fresh_mark();
    return {};
  });
}

}  // namespace metalmesh::adapters
