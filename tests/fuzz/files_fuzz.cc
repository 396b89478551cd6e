// Files that an administrator writes, or somebody damages: keys, tokens, credentials, configuration. The
// first byte chooses the kind. What is accepted is usable, what is refused says why, and no secret is in the
// words.
#include <cstdint>
#include <string>

#include "common/adapters/ed25519_signer.h"
#include "common/text/filler/filler.h"
#include "controller/api/access.h"
#include "schemas/config/agent.pb.h"
#include "schemas/config/controller.pb.h"
#include "tests/fuzz/invariant.h"

namespace metalmesh {
namespace {

void check_key(const std::string& pem) {
  if (const auto signer = adapters::Ed25519Signer::from_pem(pem)) {
    MM_CLAIM(!signer->key_id().empty());
    MM_CLAIM(!signer->sign("kind", "payload").bytes.empty());
  } else {
    MM_CLAIM(!signer.error().message.empty());
    MM_CLAIM(pem.size() < 40 || signer.error().message.find(pem.substr(0, 40)) == std::string::npos);
  }
  adapters::KeyringVerifier keyring;
  if (!keyring.add_pem("site", pem)) return;
  MM_CLAIM(!keyring.verify("site", "kind", "payload",
                           SignatureBytes{std::string(16, '\0'), std::string(64, '\0')}));
}

void check_tokens(const std::string& text) {
  const auto table = controller::TokenTable::parse(text);
  if (!table) {
    MM_CLAIM(!table.error().message.empty());
    return;
  }
  MM_CLAIM(!table->authenticate("").has_value() || text.find("e3b0c44298fc1c14") != std::string::npos);
}

template <class Message>
void check_config(const std::string& text) {
  const auto message = read_yaml<Message>(text, "config.yaml");
  MM_CLAIM(message || message.error().message.starts_with("config.yaml"));
}

}  // namespace
}  // namespace metalmesh

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace metalmesh;
  if (size < 1) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      check_key(text);
      break;
    case 1:
      check_tokens(text);
      break;
    case 2:
      check_config<config::Agent>(text);
      break;
    default:
      check_config<config::Controller>(text);
  }
  return 0;
}
