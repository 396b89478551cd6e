// Whatever comes from the bus: only what verifies is opened, and what is opened decodes or is refused.
#include <fuzzer/FuzzedDataProvider.h>

#include "common/delivery/envelope_codec.h"
#include "common/delivery/topics.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/event.pb.h"
#include "schemas/wire/frames.pb.h"
#include "tests/fuzz/invariant.h"
#include "tests/unit/agent_core/stand_ins.h"

namespace metalmesh {
namespace {

class Trusting final : public Verifier {
 public:
  [[nodiscard]] bool verify(std::string_view, std::string_view, std::string_view,
                            const SignatureBytes&) const override {
    return true;
  }
};

/// A frame that decodes says the same after another round.
template <class Message>
void decode(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) return;
  Message again;
  MM_CLAIM(again.ParseFromString(message.SerializeAsString()));
  MM_CLAIM(again.SerializeAsString() == message.SerializeAsString());
}

void decode_all(const std::string& bytes) {
  decode<wire::Hello>(bytes);
  decode<wire::Welcome>(bytes);
  decode<wire::Data>(bytes);
  decode<wire::Ack>(bytes);
  decode<wire::Resync>(bytes);
  decode<wire::Sample>(bytes);
  decode<wire::BlobChunk>(bytes);
  decode<wire::Command>(bytes);
  decode<wire::Event>(bytes);
}

}  // namespace
}  // namespace metalmesh

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace metalmesh;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(topics::site_of_up(bytes));
  if (const auto opened = delivery::open(Trusting(), "controller", bytes)) {
    MM_CLAIM(bytes.size() <= delivery::envelope_limit);
    MM_CLAIM(!opened->kind.empty());
    decode_all(opened->payload);
  }
  // The choke point: with a real key nothing that a mutator makes is let through, but what was sealed is.
  const test::NamedSigner signer("controller");
  const test::NamedVerifier verifier;
  const std::string payload = bytes.substr(0, 4096);
  const std::string sealed = delivery::seal(signer, "data", wire::Resync());
  MM_CLAIM(delivery::open(verifier, "controller", sealed).has_value());
  MM_CLAIM(!delivery::open(verifier, "par1", sealed).has_value());
  if (size > 0) {
    std::string damaged = sealed;
    damaged[data[0] % damaged.size()] ^= static_cast<char>(1U << (size % 8));
    const auto opened = delivery::open(verifier, "controller", damaged);
    MM_CLAIM(!opened || opened->kind == "data");
    MM_CLAIM(!opened || opened->payload.empty());
  }
  decode_all(bytes);
  return 0;
}
