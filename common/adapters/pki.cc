#include "common/adapters/pki.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/adapters/certificates.h"
#include "common/adapters/os_entropy.h"
#include "common/adapters/revocations.h"
#include "common/adapters/row_cipher.h"
#include "common/base/digest.h"
#include "common/os/files.h"
#include "common/text/letters.h"

namespace metalmesh::adapters {
namespace {

constexpr mode_t private_mode = 0600;
constexpr mode_t public_mode = 0644;
constexpr char crl[] = "crl.pem";

std::string revoked_certificate(const std::string& site) { return "revoked/" + site + ".crt"; }

/// Names that would overwrite the mesh's own files.
const std::set<std::string_view> reserved_names = {"ca",  "broker",          "controller", "controller-tools",
                                                   "api", "controller-sign", "admin",      "store"};
/// At the broker a tool is its user, and a site is itself: no name is both's.
constexpr std::string_view tool_prefix = "tool-";

/// `whose`: site, tool, or what it may be.
Status check_name(std::string_view whose, const std::string& name) {
  const bool plain = !name.empty() && name.size() <= 63 && name.front() != '-' && name.back() != '-' &&
                     std::ranges::all_of(name, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
  if (!plain) {
    return fail(ErrorKind::invalid,
                fmt::format("{} name \"{}\": use a-z, 0-9 and -, at most 63 characters", whose, name));
  }
  if (reserved_names.contains(name)) {
    return fail(ErrorKind::invalid,
                fmt::format("{} name \"{}\" is taken by the mesh itself; choose another", whose, name));
  }
  return {};
}

Status check_site_name(const std::string& name) {
  if (!name.starts_with(tool_prefix)) return check_name("site", name);
  return fail(ErrorKind::invalid, fmt::format("site name \"{}\": names that begin with {} are those of tools",
                                              name, tool_prefix));
}

Status check_tool_name(const std::string& name) {
  if (name.starts_with(tool_prefix)) return check_name("tool", name);
  return fail(ErrorKind::invalid,
              fmt::format("tool name \"{0}\": call it, and its user, {1}{0}", name, tool_prefix));
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
    if (auto status = can_sign(stem + ".crt"); !status) return status;
    auto made = make_leaf(authority_, request, now_);
    if (!made) return std::unexpected(made.error());
    if (auto status = write(stem + ".key", made->key, private_mode); !status) return status;
    return write(stem + ".crt", made->certificate, public_mode);
  }

  Status revocations() { return has(crl) ? Status() : revoke({}); }

  /// `certificate`: PEM; empty: none.
  Status revoke(const std::string& certificate, std::optional<Duration> life = std::nullopt) {
    if (auto status = can_sign(crl); !status) return status;
    const std::string before = has(crl) ? read(crl).value_or("") : "";
    auto list = make_revocations(authority_, before, certificate, now_, life);
    if (!list) return std::unexpected(list.error());
    return write(crl, *list, public_mode);
  }

  Status signing(const std::string& stem) {
    if (has(stem + ".pub")) return {};
    auto made = make_signing_pair();
    if (!made) return std::unexpected(made.error());
    if (auto status = write(stem + ".key", made->private_key, private_mode); !status) return status;
    return write(stem + ".pub", made->public_key, public_mode);
  }

  Status store_key() {
    return has("store.key") ? Status() : write("store.key", RowKeys::fresh(), private_mode);
  }

  Status admin_token() {
    if (has("tokens")) return {};
    OsEntropy entropy;
    const std::string token = to_hex(entropy.bytes(32));
    if (auto status = write("admin.token", token + "\n", private_mode); !status) return status;
    return write("tokens", fmt::format("admin admin {}\n", to_hex(sha256(token))), private_mode);
  }

 private:
  [[nodiscard]] Status can_sign(const std::string& what) const {
    if (!authority_.key.empty()) return {};
    return fail(ErrorKind::conflict, fmt::format("{} has ca.crt but no ca.key, so {} cannot be signed; bring "
                                                 "ca.key back for this run",
                                                 path_.string(), what));
  }

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
  if (auto status = folder.revocations(); !status) return status;
  for (const auto* name : {"broker", "api", "controller", "controller-tools"}) {
    const bool client = std::string_view(name).starts_with("controller");
    const LeafRequest request{name, with_loopback(options.hosts, name), !client, client};
    if (auto status = folder.leaf(name, request); !status) return status;
  }
  if (auto status = folder.signing("controller-sign"); !status) return status;
  for (const PkiSite& site : options.sites) {
    const LeafRequest request{site.name, with_loopback(site.hosts, site.name), true, true};
    if (auto status = folder.leaf(site.name, request); !status) return status;
    if (auto status = folder.signing("site-keys/" + site.name); !status) return status;
  }
  for (const std::string& tool : options.tools) {
    if (auto status = folder.leaf(tool, {tool, {tool}, false, true}); !status) return status;
  }
  if (auto status = folder.store_key(); !status) return status;
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
  for (const std::string& tool : options.tools) {
    if (auto status = check_tool_name(tool); !status) return std::unexpected(status.error());
  }
  std::error_code code;
  std::filesystem::create_directories(folder / "site-keys", code);
  if (code) {
    return fail(ErrorKind::denied,
                fmt::format("creating {}: {}", (folder / "site-keys").string(), code.message()));
  }
  Folder writer(folder, now);
  std::vector<std::string> names = options.tools;
  for (const PkiSite& site : options.sites) names.push_back(site.name);
  for (const std::string& name : names) {
    if (writer.has(revoked_certificate(name)))
      return fail(ErrorKind::conflict,
                  fmt::format("{} was revoked, and its name is never given again; choose another", name));
  }
  if (auto status = fill(writer, options); !status) return std::unexpected(status.error());
  return writer.take_written();
}

Status revoke_site(const std::filesystem::path& folder, const std::string& site, WallTime now) {
  if (auto status = check_name("site or tool", site); !status) return status;
  Folder writer(folder, now);
  const std::string kept = revoked_certificate(site), file = site + ".crt";
  // A crash in between leaves it listed twice at most.
  if (!writer.has(file))
    return fail(ErrorKind::not_found, fmt::format("{} has no {}{}", folder.string(), file,
                                                  writer.has(kept) ? ": it was revoked before" : ""));
  if (auto status = writer.authority(); !status) return status;
  auto certificate = writer.read(file);
  if (!certificate) return std::unexpected(certificate.error());
  if (auto status = writer.revoke(*certificate); !status) return status;
  std::error_code code;
  std::filesystem::create_directories(folder / "revoked", code);
  if (auto status = writer.write(kept, *certificate, public_mode); !status) return status;
  for (const std::string& gone :
       {site + ".key", "site-keys/" + site + ".key", "site-keys/" + site + ".pub", file})
    std::filesystem::remove(folder / gone, code);
  return {};
}

Result<WallTime> renew_revocations(const std::filesystem::path& folder, std::optional<Duration> life,
                                   WallTime now) {
  Folder writer(folder, now);
  if (!writer.has("ca.crt"))
    return fail(ErrorKind::not_found, folder.string() + " has no ca.crt: it is no folder of \"pki init\"");
  if (auto status = writer.authority(); !status) return std::unexpected(status.error());
  if (auto status = writer.revoke({}, life); !status) return std::unexpected(status.error());
  const RevocationsRead written = read_revocations(folder / crl);
  if (!written.unreadable.empty()) return fail(ErrorKind::internal, written.unreadable);
  return written.until;
}

}  // namespace metalmesh::adapters
