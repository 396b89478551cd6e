// I13: memory, queues and stores are bounded: messages fit the broker's limit, a sender's window is kept, and
// a site whose work is done and acknowledged keeps its journal's tail and its fences, nothing else.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agents/core/row_keys.h"
#include "schemas/record/stream.pb.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

constexpr std::size_t message_limit = 64 * 1024;
constexpr std::uint64_t window = 64;

class Bounds final : public Invariant {
 public:
  explicit Bounds(Court& court) : Invariant("bounds", court) {}

  void on_frame(const Frame& frame) override {
    if (frame.message.payload.size() > message_limit) object("a message is longer than 64 KiB");
    if (frame.data == nullptr || frame.by_controller) return;
    record::StreamSender sender;
    const auto row = frame.rows.find(std::string(agent::rows::events) + "m");
    if (!row || !sender.ParseFromString(*row)) return;
    const std::uint64_t acked = raise(std::string(frame.node), sender);
    const std::uint64_t last =
        frame.data->first_seq() + static_cast<std::uint64_t>(frame.data->entries_size()) - 1;
    if (last > acked + window)
      object(fmt::format("{} has sent {} events that nobody acknowledged", frame.node, last - acked));
  }
  // Each row of a batch: a resync in the same turn takes back what an ack before it said, and what was sent
  // in between was sent by that ack.
  void on_agent_rows(const std::string& node, const Batch& batch) override {
    for (const RowWrite& row : batch) {
      record::StreamSender sender;
      if (row.value && row.key == std::string(agent::rows::events) + "m" &&
          sender.ParseFromString(*row.value))
        raise(node, sender);
    }
  }

 private:
  std::uint64_t raise(const std::string& node, const record::StreamSender& sender) {
    std::uint64_t& acked = acked_[{node, sender.journal_id()}];
    return acked = std::max<std::uint64_t>(acked, sender.acked());
  }

  std::map<std::pair<std::string, std::string>, std::uint64_t> acked_;  // by agent and journal
};

}  // namespace

std::unique_ptr<Invariant> bounds(Court& court) { return std::make_unique<Bounds>(court); }

}  // namespace metalmesh::sim
