#include "common/adapters/pki.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/adapters/certificates.h"
#include "common/adapters/os_entropy.h"
#include "common/base/digest.h"
#include "common/os/files.h"
#include "common/text/letters.h"

namespace metalmesh::adapters {
namespace {

constexpr mode_t private_mode = 0600;
constexpr mode_t public_mode = 0644;

/// Names that would overwrite the mesh's own files.
const std::set<std::string_view> reserved_names = {"ca",  "broker",          "controller",
                                                   "api", "controller-sign", "admin"};

Status check_site_name(const std::string& name) {
  const bool plain = !name.empty() && name.size() <= 63 && name.front() != '-' && name.back() != '-' &&
                     std::ranges::all_of(name, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
  if (!plain) {
    return fail(ErrorKind::invalid,
                fmt::format("site name \"{}\": use a-z, 0-9 and -, at most 63 characters", name));
  }
  if (reserved_names.contains(name)) {
    return fail(ErrorKind::invalid,
                fmt::format("site name \"{}\" is taken by the mesh itself; choose another", name));
  }
  return {};
}

/// Writes what is missing and remembers what it wrote.
class Folder {
 public:
  Folder(std::filesystem::path path, WallTime now) : path_(std::move(path)), now_(now) {}

  [[nodiscard]] bool has(const std::string& name) const {
    std::error_code code;
    return std::filesystem::exists(path_ / name, code);
  }
  Status write(const std::string& name, std::string_view bytes, mode_t mode) {
    auto status = os::write_file(path_ / name, bytes, mode);
    if (status) written_.push_back(name);
    return status;
  }
  [[nodiscard]] Result<std::string> read(const std::string& name) const {
    return os::read_file(path_ / name, 65536);
  }
  std::vector<std::string> take_written() { return std::move(written_); }

  Status authority() {
    if (!has("ca.crt")) {
      auto made = make_authority("Metalmesh", now_);
      if (!made) return std::unexpected(made.error());
      authority_ = std::move(*made);
      // The key first: a certificate whose key was lost in a crash would stop every later run.
      if (auto status = write("ca.key", authority_.key, private_mode); !status) return status;
      return write("ca.crt", authority_.certificate, public_mode);
    }
    auto certificate = read("ca.crt");
    if (!certificate) return std::unexpected(certificate.error());
    authority_.certificate = std::move(*certificate);
    if (has("ca.key")) {
      auto key = read("ca.key");
      if (!key) return std::unexpected(key.error());
      authority_.key = std::move(*key);
    }
    return {};
  }

  Status leaf(const std::string& stem, const LeafRequest& request) {
    if (has(stem + ".crt") && has(stem + ".key")) return {};
    if (authority_.key.empty()) {
      return fail(ErrorKind::conflict,
                  fmt::format("{} has ca.crt but no ca.key, so {}.crt cannot be signed; bring "
                              "ca.key back for this run",
                              path_.string(), stem));
    }
    auto made = make_leaf(authority_, request, now_);
    if (!made) return std::unexpected(made.error());
    if (auto status = write(stem + ".key", made->key, private_mode); !status) return status;
    return write(stem + ".crt", made->certificate, public_mode);
  }

  Status signing(const std::string& stem) {
    if (has(stem + ".pub")) return {};
    auto made = make_signing_pair();
    if (!made) return std::unexpected(made.error());
    if (auto status = write(stem + ".key", made->private_key, private_mode); !status) return status;
    return write(stem + ".pub", made->public_key, public_mode);
  }

  Status admin_token() {
    if (has("tokens")) return {};
    OsEntropy entropy;
    const std::string token = to_hex(entropy.bytes(32));
    if (auto status = write("admin.token", token + "\n", private_mode); !status) return status;
    return write("tokens", fmt::format("admin admin {}\n", to_hex(sha256(token))), private_mode);
  }

 private:
  std::filesystem::path path_;
  WallTime now_;
  KeyPair authority_;
  std::vector<std::string> written_;
};

std::vector<std::string> with_loopback(std::vector<std::string> hosts, const std::string& name) {
  for (const auto* host : {"localhost", "127.0.0.1", "::1"}) hosts.emplace_back(host);
  if (!name.empty()) hosts.push_back(name);
  std::ranges::sort(hosts);
  hosts.erase(std::ranges::unique(hosts).begin(), hosts.end());
  return hosts;
}

Status fill(Folder& folder, const PkiOptions& options) {
  if (auto status = folder.authority(); !status) return status;
  for (const auto* name : {"broker", "api", "controller"}) {
    const bool client = std::string_view(name) == "controller";
    const LeafRequest request{name, with_loopback(options.hosts, name), !client, client};
    if (auto status = folder.leaf(name, request); !status) return status;
  }
  if (auto status = folder.signing("controller-sign"); !status) return status;
  for (const PkiSite& site : options.sites) {
    const LeafRequest request{site.name, with_loopback(site.hosts, site.name), true, true};
    if (auto status = folder.leaf(site.name, request); !status) return status;
    if (auto status = folder.signing("site-keys/" + site.name); !status) return status;
  }
  if (auto status = folder.admin_token(); !status) return status;
  if (options.api_url.empty() || folder.has("config.yaml")) return {};
  return folder.write("config.yaml",
                      fmt::format("server: {}\nca: ca.crt\ntokenFile: admin.token\n", options.api_url),
                      public_mode);
}

}  // namespace

Result<std::vector<std::string>> init_pki(const std::filesystem::path& folder, const PkiOptions& options,
                                          WallTime now) {
  for (const PkiSite& site : options.sites) {
    if (auto status = check_site_name(site.name); !status) return std::unexpected(status.error());
  }
  std::error_code code;
  std::filesystem::create_directories(folder / "site-keys", code);
  if (code) {
    return fail(ErrorKind::denied,
                fmt::format("creating {}: {}", (folder / "site-keys").string(), code.message()));
  }
  Folder writer(folder, now);
  if (auto status = fill(writer, options); !status) return std::unexpected(status.error());
  return writer.take_written();
}

}  // namespace metalmesh::adapters
