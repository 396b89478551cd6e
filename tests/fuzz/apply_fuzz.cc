// What people write and tools send: YAML manifests of the command line, JSON objects of the API. What is
// accepted says the same after another round; what is refused says why.
#include <cstdint>
#include <string>

#include "common/text/filler/filler.h"
#include "controller/api/json_encode.h"
#include "controller/cli/manifest.h"
#include "schemas/rest/api.pb.h"
#include "tests/fuzz/invariant.h"

namespace metalmesh {
namespace {

template <class Message>
void decode(const std::string& text) {
  Message message;
  const auto decoded = read_json_into(text, message);
  if (!decoded) {
    MM_CLAIM(!decoded.error().message.empty());
    return;
  }
  Message again;
  MM_CLAIM(read_json_into(controller::encode_json(message), again).has_value());
  MM_CLAIM(controller::encode_json(again) == controller::encode_json(message));
}

}  // namespace
}  // namespace metalmesh

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace metalmesh;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto manifests = cli::parse_manifests(text, "fuzz.yaml");
  if (!manifests) MM_CLAIM(!manifests.error().message.empty());
  if (manifests) {
    for (const auto& manifest : *manifests)
      MM_CLAIM(manifest.kind != nullptr && manifest.object && !manifest.name.empty());
  }
  decode<rest::Server>(text);
  decode<rest::Rollout>(text);
  decode<rest::Profile>(text);
  decode<rest::Site>(text);
  return 0;
}
