// BMC credentials of one site: a YAML (or JSON) file of mode 0600,
//   bmc-hpe: {username: mm-svc, password: "..."}
// read at start and whenever it changes. Values leave through lookup() only; the node learns names and
// versions. A version is slow to guess the value from, and changes with the value and with `set`, an optional
// third field that says that a person has set or released it anew. A file that
// breaks keeps the last good content in use and is reported once.
// Safe from any thread; the watching thread ends with the object.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "common/adapters/credential_source.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/ports/sink.h"

namespace metalmesh::adapters {

class CredentialFile final : public CredentialSource {
 public:
  /// What a file that is there and makes no sense (it is being written) is at first: an error, or one that
  /// holds nothing until it does.
  enum class Broken { refused, empty };
  /// A file that does not exist yet holds no credentials. Kinds: denied (readable by others), invalid.
  static Result<std::unique_ptr<CredentialFile>> open(std::filesystem::path path, LogSink& log,
                                                      Broken broken = Broken::refused);
  ~CredentialFile() override;

  /// Delivers CredentialsChanged now and after every change. Call once; `sink` outlives this object.
  void watch(Sink& sink, std::chrono::milliseconds interval = std::chrono::seconds(1));

  [[nodiscard]] std::optional<std::pair<std::string, Secret>> lookup(const std::string& name) const override;

 private:
  struct Entry {
    std::string username;
    Secret password;
    std::string set;
    std::string version;
  };
  /// What tells one state of the file from another; all zero when it is missing.
  struct Stamp {
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t changed = 0;
    bool operator==(const Stamp&) const = default;
  };
  using Entries = std::map<std::string, Entry>;

  CredentialFile(std::filesystem::path path, LogSink& log);
  [[nodiscard]] Stamp stamp() const;
  [[nodiscard]] Result<Entries> load() const;
  /// True when the content in use changed.
  bool refresh();
  [[nodiscard]] CredentialsChanged names() const;

  std::filesystem::path path_;
  LogSink& log_;
  mutable std::mutex mutex_;
  Entries entries_;
  Stamp seen_;
  std::jthread watcher_;
};

/// Adds or replaces one credential, atomically, keeping the others; creates the file as 0600. Its version is
/// a new one even where the value is the old one.
Status set_credential(const std::filesystem::path& path, const std::string& name, const std::string& username,
                      const Secret& password);
/// Gives a credential that is there a new version and leaves its value alone. Kinds: not_found, as above.
Status release_credential(const std::filesystem::path& path, const std::string& name);

}  // namespace metalmesh::adapters
