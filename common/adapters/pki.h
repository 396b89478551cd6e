// The keys and certificates of one mesh, in one folder:
//   ca.crt ca.key                     the authority of this mesh
//   broker.{crt,key} api.{crt,key}    TLS servers
//   controller.{crt,key}              TLS client of the broker, CN=controller
//   <site>.{crt,key}                  TLS client of the broker and server of the media, CN=<site>
//   controller-sign.{key,pub}         Ed25519, signs commands
//   site-keys/<site>.{key,pub}        Ed25519, signs events; the controller reads the .pub files
//   admin.token tokens                the first token, and the controller's list of "name role sha256(token)"
//   config.yaml                       context for the command line
// Files that exist are kept, so that running it again adds what is missing, such as another site. Private
// files are 0600.
#pragma once

#include <filesystem>
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
  std::vector<std::string> hosts;                  // of broker, controller and API, besides localhost
  std::string api_url = "https://localhost:8443";  // for config.yaml; empty: none is written
};

/// The files that were written, relative to `folder`. Kinds: invalid (a name), denied, conflict (ca.crt
/// without ca.key).
Result<std::vector<std::string>> init_pki(const std::filesystem::path& folder, const PkiOptions& options,
                                          WallTime now);

}  // namespace metalmesh::adapters
