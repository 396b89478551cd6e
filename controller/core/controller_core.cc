#include "controller/core/controller_core.h"

#include <string>
#include <utility>

#include "common/base/digest.h"
#include "common/delivery/stream_rows.h"
#include "controller/core/backup_acts.h"
#include "controller/core/field_rules.h"
#include "controller/core/inventories.h"
#include "controller/core/mesh_clock.h"
#include "controller/core/plans_under_way.h"
#include "controller/core/request_desk.h"
#include "controller/core/revocations.h"
#include "controller/core/settle.h"
#include "controller/core/site_care.h"
#include "controller/core/site_messages.h"
#include "controller/core/store_damage.h"
#include "controller/core/transcripts.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

constexpr char tick_token[] = "controller/tick";
constexpr Duration tick_every = std::chrono::seconds(1);
constexpr std::size_t life_bytes = 6;

LoadedState or_empty(Result<LoadedState>& loaded, const ControllerLimits& limits) {
  LoadedState state = loaded ? std::move(*loaded) : LoadedState();
  state.mesh.catalogue = limits.families;
  state.mesh.zones = limits.zones;
  state.mesh.pace_limits = limits.pace;
  return state;
}

/// The rows in memory, and the streams of every site as whole as they are.
Result<LoadedState> load_whole(const RowReader& rows) {
  auto loaded = load_state(rows);
  if (!loaded) return loaded;
  for (const auto& [site, link] : loaded->inner.links) {
    for (const Status& status : {delivery::check_sender_rows(tables::command_stream(site), rows),
                                 delivery::check_receiver_row(tables::event_stream(site), rows)}) {
      if (!status) return std::unexpected(status.error());
    }
  }
  return loaded;
}

}  // namespace

struct ControllerCore::Impl {
  Impl(const RowReader& rows_in, const Signer& signer_in, const Verifier& verifier_in, Entropy& entropy_in,
       ControllerLimits limits_in, Result<LoadedState> loaded)
      : rows(rows_in),
        signer(signer_in),
        entropy(entropy_in),
        limits(limits_in),
        broken(loaded ? std::string() : loaded.error().message),
        ledger(or_empty(loaded, limits_in)),
        hearing(limits_in.first_hearing),
        transcripts(rows_in, limits_in.transcripts),
        messages(verifier_in, limits_in.site_share, hearing, transcripts),
        requests(limits) {}

  /// The time to decide by; `machine` is what the machine's clocks show.
  Now look_at_clock(const Now& machine) { return clock.look(machine, ledger.inner()); }
  Work work(const Now& now, Outcome& out) {
    return {rows, ledger, links, hearing, metrics, signer, entropy, now, out};
  }

  void started(Work& work);
  void tick(Work& work);
  void pump_all(Work& work);

  const RowReader& rows;
  const Signer& signer;
  Entropy& entropy;
  ControllerLimits limits;
  std::string broken;  // why the rows could not be loaded
  Ledger ledger;
  MeshClock clock;
  SiteLinks links;
  FirstHearing hearing;
  Transcripts transcripts;
  QuietInspections quiet_inspections;
  ControllerMetrics metrics;
  SiteMessages messages;
  RequestDesk requests;
  bool bus_up = false;
};

void ControllerCore::Impl::started(Work& work) {
  ledger.begin_life(to_hex(entropy.bytes(life_bytes)), work.now.wall());
  clock.settle(work);
  ensure_links(work, rows, limits);
  if (const std::string how = ledger.inner().restored_from; !how.empty()) {
    begin_epoch(work, ledger.mesh().epoch, how);
    ledger.break_off_changes();
  }
  act_on_damage(work);
  hearing.begin(ledger.mesh());
  requests.started(work);
  work.moved = true;
  work.out.emit(TimerArm{tick_token, work.now.mono + tick_every});
}

void ControllerCore::Impl::tick(Work& work) {
  clock.settle(work);
  if (bus_up) quiet_inspections.go_on(work);
  for (auto& [name, link] : links) {
    refresh_site(work, name);
    serve_site(work, name);
    LinkTools tools = work.tools();
    if (bus_up && link->due(work.now)) link->pump(tools);
    if (bus_up && requests.owes_word()) link->tell_ledger(tools);
  }
  if (bus_up) requests.word_sent();
  clock.keep(work);
  hearing.ends(links, work.now);
  if (bus_up) transcripts.ask(work);
  transcripts.tidy(work);
  watch_revocations(work);
  work.moved = true;  // deadlines and silences may have passed
  work.out.emit(TimerArm{tick_token, work.now.mono + tick_every});
}

void ControllerCore::Impl::pump_all(Work& work) {
  LinkTools tools = work.tools();
  for (auto& [name, link] : links) link->pump(tools);
}

ControllerCore::ControllerCore(const RowReader& rows, const Signer& signer, const Verifier& verifier,
                               Entropy& entropy, ControllerLimits limits)
    : impl_(std::make_unique<Impl>(rows, signer, verifier, entropy, limits, load_whole(rows))) {}

ControllerCore::~ControllerCore() = default;

const MeshState& ControllerCore::state() const { return impl_->ledger.mesh(); }
const ControllerMetrics& ControllerCore::metrics() const { return impl_->metrics; }

Outcome ControllerCore::handle(const Input& input, const Now& machine) {
  Outcome out;
  if (!impl_->broken.empty()) {
    out.emit(Halt{"the stored state cannot be read: " + impl_->broken});
    return out;
  }
  impl_->ledger.let_go();
  const Now now = impl_->look_at_clock(machine);
  Work work = impl_->work(now, out);
  impl_->clock.hold(work);
  if (std::holds_alternative<Started>(input)) {
    impl_->started(work);
  } else if (std::holds_alternative<Committed>(input)) {
    for (auto& [name, link] : impl_->links) link->on_committed();
    if (impl_->bus_up) impl_->pump_all(work);
    return out;
  } else if (std::holds_alternative<BusUp>(input)) {
    impl_->bus_up = true;
    impl_->hearing.on_bus(true, now);
    for (auto& [name, link] : impl_->links) link->on_bus_up();
    impl_->pump_all(work);
  } else if (std::holds_alternative<BusDown>(input)) {
    impl_->bus_up = false;
    impl_->hearing.on_bus(false, now);
  } else if (const auto* message = std::get_if<MessageArrived>(&input)) {
    impl_->messages.take(work, *message, impl_->bus_up);
  } else if (const auto* timer = std::get_if<TimerFired>(&input)) {
    if (timer->token == tick_token) impl_->tick(work);
    if (timer->token == PlansUnderWay::token) impl_->requests.go_on(work);
    if (timer->token == ApplyDesk::token) impl_->requests.go_on_applying(work);
  } else if (const auto* backup = std::get_if<BackupReported>(&input)) {
    take_backup_report(work, *backup);
  } else if (const auto* list = std::get_if<RevocationsRead>(&input)) {
    impl_->ledger.set_revocations(*list);
    watch_revocations(work);
  } else if (const auto* disk = std::get_if<DiskLevel>(&input)) {
    impl_->ledger.set_disk_low(disk->low);
    work.moved = true;
  }
  settle(work);
  return out;
}

std::vector<std::pair<std::uint64_t, OperatorResult>> ControllerCore::take_answers() {
  return impl_->requests.take_answers();
}

const std::map<std::string, record::IdempotentAnswer>& ControllerCore::answers() const {
  return impl_->ledger.inner().answers;
}

void ControllerCore::keep_answer(const std::string& key, record::IdempotentAnswer answer, const Now& machine,
                                 Outcome& out) {
  impl_->ledger.put_answer(key, std::move(answer));
  impl_->ledger.flush(out.rows, impl_->look_at_clock(machine).wall());
}

OperatorResult ControllerCore::operate(const OperatorRequest& request, const Now& machine, Outcome& out) {
  if (!impl_->broken.empty()) {
    return std::unexpected(
        rules::refusal(ErrorKind::internal, "", "the stored state cannot be read: " + impl_->broken));
  }
  impl_->ledger.let_go();
  const Now now = impl_->look_at_clock(machine);
  Work work = impl_->work(now, out);
  impl_->clock.hold(work);
  return impl_->requests.decide(work, request);
}

}  // namespace metalmesh::controller
