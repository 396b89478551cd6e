#include "controller/core/controller_word.h"

#include "common/base/planted.h"
#include "common/delivery/envelope_codec.h"
#include "common/ports/wire_time.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t frame_limit =
    8192;  // a Welcome names some predecessors, and why a site is in quarantine

template <class Frame>
std::optional<ControllerWord> words_of(const std::string& payload) {
  Frame frame;
  if (!frame.ParseFromString(payload)) return std::nullopt;
  ControllerWord word{frame.instance(), frame.ledger(), frame.controller_epoch(), {}};
  if (frame.has_clock()) word.clock = from_wire(frame.clock());
  return word;
}

}  // namespace

std::optional<ControllerWord> read_word(const Verifier& verifier, std::string_view frame) {
  if (frame.empty() || frame.size() > frame_limit) return std::nullopt;
  const auto opened = delivery::open(verifier, "controller", frame);
  if (!opened) return std::nullopt;
  if (opened->kind == "welcome") return words_of<wire::Welcome>(opened->payload);
  if (opened->kind == "ack") return words_of<wire::Ack>(opened->payload);
  return std::nullopt;
}

}  // namespace metalmesh::controller
