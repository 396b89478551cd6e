// Beyond the thirteen: nothing is seen outside before it is durable inside. Events are sent and acknowledged
// only from stores, a call that changes a machine leaves after its intent, a guarded byte after LAUNCHED.
#include <fmt/format.h>

#include "agents/core/row_keys.h"
#include "schemas/record/job.pb.h"
#include "schemas/record/stream.pb.h"
#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/words.h"

namespace metalmesh::sim {
namespace {

bool changes_machine(const HttpRequest& request) {
  return request.method == "POST" &&
         (request.url.ends_with("ComputerSystem.Reset") || request.url.ends_with("VirtualMedia.InsertMedia"));
}

class DurableBeforeSeen final : public Invariant {
 public:
  explicit DurableBeforeSeen(Court& court) : Invariant("durable_before_seen", court) {}

  void on_frame(const Frame& frame) override {
    if (frame.data != nullptr && !frame.by_controller) on_events(frame);
    if (frame.ack == nullptr) return;
    if (frame.by_controller) {
      if (frame.ack->up_to() > facts_.logged[frame.ack->journal_id()]) {
        object(fmt::format("the controller acknowledged event {} of {} before it was durable",
                           frame.ack->up_to(), frame.site));
      }
      return;
    }
    record::StreamReceiver cursor;
    const auto row = frame.rows.find(agent::rows::commands);
    if (!row || !cursor.ParseFromString(*row))
      return object(fmt::format("{} acknowledged a command, and its store has no cursor", frame.node));
    // Of a journal that was left in the same turn the acknowledgement says nothing any more.
    if (frame.ack->journal_id() == cursor.journal_id() && frame.ack->up_to() > cursor.cursor())
      object(fmt::format("{} acknowledged command {} before it was durable", frame.node, frame.ack->up_to()));
  }

  void on_call(const BmcCall& call) override {
    if (!changes_machine(call.request)) return;
    const std::string deployment = deployment_of_request(call.request.id);
    record::Job job;
    const auto row = call.rows.find(agent::rows::job + deployment);
    if (!row || !job.ParseFromString(*row) || job.intent() == record::Job::NONE)
      object(call.node + " changes a machine before its intent is durable: " + call.request.url);
    const bool power = call.request.url.ends_with("Reset");
    if (power && job.intent() == record::Job::FINAL_RESET_ON && job.mount_state() != wire::DEAD)
      object(call.node + " switches on the new system while its medium can still be booted: " + deployment);
    if (power && !job.armed()) object(call.node + " switches a machine that is not armed: " + deployment);
  }

  void on_guarded_read(const std::string& deployment) override {
    if (!facts_.launched.contains(deployment))
      object("the installer was served before LAUNCHED was durable: " + deployment);
  }

 private:
  void on_events(const Frame& frame) {
    const std::uint64_t last =
        frame.data->first_seq() + static_cast<std::uint64_t>(frame.data->entries_size()) - 1;
    const auto agent = facts_.agents.find(std::string(frame.node));
    if (agent == facts_.agents.end() || last > facts_.copies[agent->second.copy].entries.size())
      object(fmt::format("{} sent event {} before it was durable", frame.node, last));
  }
};

}  // namespace

std::unique_ptr<Invariant> durable_before_seen(Court& court) {
  return std::make_unique<DurableBeforeSeen>(court);
}

}  // namespace metalmesh::sim
