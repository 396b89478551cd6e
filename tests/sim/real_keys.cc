#include "tests/sim/real_keys.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "common/adapters/ed25519_signer.h"
#include "common/adapters/pki.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::sim {
namespace {

namespace fs = std::filesystem;

class RealKeyRing final : public KeyRing {
 public:
  Status add(const std::string& owner, const fs::path& stem) {
    auto key = adapters::Ed25519Signer::from_file(fs::path(stem).concat(".key"));
    if (!key) return std::unexpected(key.error());
    signers_.emplace(owner, std::move(*key));
    return verifier_.add_file(owner, fs::path(stem).concat(".pub"));
  }
  [[nodiscard]] const Signer& signer(const std::string& owner) const override { return signers_.at(owner); }
  [[nodiscard]] const Verifier& verifier() const override { return verifier_; }

 private:
  std::map<std::string, adapters::Ed25519Signer> signers_;
  adapters::KeyringVerifier verifier_;
};

}  // namespace

Result<std::unique_ptr<KeyRing>> make_real_keys(const std::vector<std::string>& sites) {
  const TemporaryFolder folder;
  adapters::PkiOptions options;
  for (const std::string& site : sites) options.sites.push_back({site, {"localhost"}});
  const WallTime now = WallTime(std::chrono::hours(24 * 365 * 56));
  if (auto made = adapters::init_pki(folder.path(), options, now); !made)
    return std::unexpected(made.error());
  auto ring = std::make_unique<RealKeyRing>();
  if (auto added = ring->add("controller", folder.path() / "controller-sign"); !added)
    return std::unexpected(added.error());
  for (const std::string& site : sites) {
    if (auto added = ring->add(site, folder.path() / "site-keys" / site); !added)
      return std::unexpected(added.error());
  }
  return ring;
}

}  // namespace metalmesh::sim
