// X.509 with ECDSA P-256 keys, made in memory: one certificate authority and the leaves it signs. Leaves
// start an hour before `now`, because management boards keep poor time.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace metalmesh::adapters {

/// PEM. The key is secret; it is written to a 0600 file or not at all.
struct KeyPair {
  std::string certificate;
  std::string key;
};

struct LeafRequest {
  std::string common_name;
  std::vector<std::string> hosts;  // DNS names and IP addresses, for the subject alternative names
  bool server = true;
  bool client = false;
};

Result<KeyPair> make_authority(const std::string& common_name, WallTime now, int days = 3650);
Result<KeyPair> make_leaf(const KeyPair& authority, const LeafRequest& request, WallTime now, int days = 825);

/// Ed25519, for signed envelopes: PKCS#8 and SPKI, PEM.
struct SigningPair {
  std::string private_key;
  std::string public_key;
};
Result<SigningPair> make_signing_pair();

}  // namespace metalmesh::adapters
