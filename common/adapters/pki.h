// The keys and certificates of one mesh, in one folder:
//   ca.crt ca.key                     the authority of this mesh
//   crl.pem                           what of it counts no more, for the broker; revoked/<site>.crt keeps what that was
//   broker.{crt,key} api.{crt,key}    TLS servers
//   controller.{crt,key}              TLS client of the broker, CN=controller
//   controller-tools.{crt,key}        the same, of its connection for tools, CN=controller-tools
//   tool-<name>.{crt,key}             TLS client of the broker, CN=tool-<name>, which is a user of the mesh
//   <site>.{crt,key}                  TLS client of the broker and server of the media, CN=<site>
//   controller-sign.{key,pub}         Ed25519, signs commands
//   site-keys/<site>.{key,pub}        Ed25519, signs events; the controller reads the .pub files
//   store.key                         under which the controller encrypts what it stores (row_cipher.h)
//   admin.token tokens                the first token, and the controller's list of "name role sha256(token)"
//   config.yaml                       context for the command line
// Files that exist are kept, so that running it again adds what is missing, such as another site. Private
// files are 0600.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace metalmesh::adapters {

struct PkiSite {
  std::string name;
  std::vector<std::string> hosts;  // under which BMCs reach this site's media server
};

struct PkiOptions {
  std::vector<PkiSite> sites;
  std::vector<std::string> tools;                  // names of users that begin with "tool-"
  std::vector<std::string> hosts;                  // of broker, controller and API, besides localhost
  std::string api_url = "https://localhost:8443";  // for config.yaml; empty: none is written
};

/// The files that were written, relative to `folder`. Kinds: invalid (a name), denied, conflict (ca.crt
/// without ca.key).
Result<std::vector<std::string>> init_pki(const std::filesystem::path& folder, const PkiOptions& options,
                                          WallTime now);

/// The certificate of a site or a tool is put on crl.pem, its keys are deleted, and its name is not given again. Kinds: not_found, conflict
/// (no ca.key), invalid (a name).
Status revoke_site(const std::filesystem::path& folder, const std::string& site, WallTime now);

/// crl.pem with what it lists, good from now on for `life`; none: as long as the authority. The end of it. Kinds: conflict, as above.
Result<WallTime> renew_revocations(const std::filesystem::path& folder, std::optional<Duration> life,
                                   WallTime now);

}  // namespace metalmesh::adapters
