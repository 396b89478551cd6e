#include "controller/core/controller_core.h"

#include <bit>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "common/base/command_words.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/delivery/blob_transfer.h"
#include "common/delivery/envelope_codec.h"
#include "common/delivery/stream_rows.h"
#include "common/delivery/topics.h"
#include "common/ports/wire_time.h"
#include "controller/core/audit_line.h"
#include "controller/core/backup_acts.h"
#include "controller/core/deployment_fold.h"
#include "controller/core/event_fold.h"
#include "controller/core/event_gaps.h"
#include "controller/core/field_rules.h"
#include "controller/core/inventories.h"
#include "controller/core/late_facts.h"
#include "controller/core/mesh_clock.h"
#include "controller/core/operator_acts.h"
#include "controller/core/plans_under_way.h"
#include "controller/core/request_digest.h"
#include "controller/core/restore_hold.h"
#include "controller/core/revocations.h"
#include "controller/core/rollout_runner.h"
#include "controller/core/site_care.h"
#include "controller/core/store_damage.h"
#include "controller/core/transcripts.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

constexpr char tick_token[] = "controller/tick";
constexpr Duration tick_every = std::chrono::seconds(1);
constexpr std::size_t strangers_named = 256;
constexpr std::size_t life_bytes = 6;
constexpr Duration share_told_every = std::chrono::hours(1);

LoadedState or_empty(Result<LoadedState>& loaded, const ControllerLimits& limits) {
  LoadedState state = loaded ? std::move(*loaded) : LoadedState();
  state.mesh.catalogue = limits.families;
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
        verifier(verifier_in),
        entropy(entropy_in),
        limits(limits_in),
        broken(loaded ? std::string() : loaded.error().message),
        ledger(or_empty(loaded, limits_in)),
        hearing(limits_in.first_hearing),
        transcripts(rows_in, limits_in.transcripts) {}

  /// The time to decide by; `machine` is what the machine's clocks show.
  Now look_at_clock(const Now& machine) { return clock.look(machine, ledger.inner()); }
  Work work(const Now& now, Outcome& out) {
    return {rows, ledger, links, hearing, metrics, signer, entropy, now, out};
  }

  void started(Work& work);
  void tick(Work& work);
  void message(Work& work, const MessageArrived& message);
  void take_news(Work& work, const std::string& site, SiteLink& link, SiteNews news);
  void answer_blob(Work& work, const std::string& site, const SiteLink& link, const wire::BlobWant& want);
  void pump_all(Work& work);
  void settle(Work& work);
  OperatorResult decide(Work& work, const OperatorRequest& request);
  OperatorResult begin(Work& work, const OperatorRequest& request, PlanAct::Body body);
  void go_on(Work& work);
  OperatorResult conclude(Work& work, const OperatorRequest& request, const ActResult& result);
  Answer answer_of(const Acted& acted) const;
  /// To a request that was carried out before.
  OperatorResult answer_again(const record::IdempotentAnswer& before) const;
  /// Whether the site may tell so much more now; if not, people are told.
  bool fits_share(Work& work, const std::string& site, std::size_t bytes);
  /// A line at the 1st, 2nd, 4th, 8th ... time: noise must not fill a disk.
  void odd(Work& work, const std::string& site, const std::string& what);

  const RowReader& rows;
  const Signer& signer;
  const Verifier& verifier;
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
  PlansUnderWay plans;
  std::vector<std::pair<std::uint64_t, OperatorResult>> answers;
  bool bus_up = false;
  bool act_untold = false;  // sites are not told yet that the ledger has what a person was granted
  std::set<std::string> strangers;
  std::map<std::string, std::uint64_t> oddities;  // by site
  struct Share {
    SiteQuota quota;
    std::optional<MonoTime> told;
  };
  std::map<std::string, Share> shares;  // by site
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
  PlansUnderWay::started(work);
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
    if (bus_up && act_untold) link->tell_ledger(tools);
  }
  act_untold = act_untold && !bus_up;
  clock.keep(work);
  hearing.ends(links, work.now);
  if (bus_up) transcripts.ask(work);
  transcripts.tidy(work);
  watch_revocations(work);
  work.moved = true;  // deadlines and silences may have passed
  work.out.emit(TimerArm{tick_token, work.now.mono + tick_every});
}

void ControllerCore::Impl::odd(Work& work, const std::string& site, const std::string& what) {
  const std::uint64_t count = ++oddities[site];
  if (!std::has_single_bit(count)) return;
  work.out.log(LogLevel::warning, what + " (" + std::to_string(count) + " such from this site so far)",
               {{"site", site}});
}

bool ControllerCore::Impl::fits_share(Work& work, const std::string& site, std::size_t bytes) {
  Share& share = shares.try_emplace(site, Share{SiteQuota(limits.site_share)}).first->second;
  const bool fits = share.quota.takes(bytes, work.now.mono) || planted(Defect::share_ignored);
  const bool told = share.told && work.now.mono - *share.told < share_told_every;
  if (fits || told) return fits;
  share.told = work.now.mono;
  ++metrics.shares_exceeded;
  rest::LogEvent line;
  line.set_type("site");
  line.set_site(site);
  line.set_message(
      "site " + site + " tells more than its share (" + std::to_string(limits.site_share.per_second >> 10U) +
      " KiB/s): its events wait at the site, and none is lost. Next: look at its agent's log for what "
      "repeats itself");
  ledger.note(std::move(line), work.now.wall());
  return false;
}

void ControllerCore::Impl::message(Work& work, const MessageArrived& message) {
  const auto site = topics::site_of_up(message.topic);
  if (!site) return;
  SiteLink* link = work.link(site->str());
  if (ledger.mesh().revoked_sites.contains(site->str()) && !planted(Defect::revoked_is_heard)) {
    ++metrics.frames_rejected;
    return odd(work, site->str(), "frame rejected: the site was revoked");
  }
  if (link == nullptr) {
    ++metrics.frames_from_unknown;
    if (strangers.size() < strangers_named && strangers.insert(site->str()).second) {
      work.out.log(LogLevel::warning, "a site that was never applied speaks; its frames are ignored",
                   {{"site", site->str()}});
    }
    return;
  }
  auto opened = delivery::open(verifier, site->str(), message.payload);
  if (planted(Defect::any_site_speaks)) {
    for (const auto& [name, other] : links)
      if (!opened) opened = delivery::open(verifier, name, message.payload);
  }
  if (!opened) {
    ++metrics.frames_rejected;
    return odd(work, site->str(), "frame rejected: " + opened.error().message);
  }
  if (opened->kind == "data" && !fits_share(work, site->str(), opened->payload.size())) return;
  ++metrics.frames_taken;
  LinkTools tools = work.tools();
  take_news(work, site->str(), *link, link->on_frame(opened->kind, opened->payload, tools));
}

void ControllerCore::Impl::take_news(Work& work, const std::string& site, SiteLink& link, SiteNews news) {
  if (news.oddity) {
    ++metrics.frames_odd;
    odd(work, site, *news.oddity);
  }
  if (news.quarantine) {
    ++metrics.quarantines;
    rest::LogEvent line;
    line.set_type("site");
    line.set_site(site);
    line.set_message("site " + site + " is quarantined: " + *news.quarantine +
                     ". Nothing is handed to it. Next: find out which agent is the right one, then: " +
                     commands::clear_quarantine(site));
    ledger.note(std::move(line), work.now.wall());
  }
  for (const std::string& deployment : news.doubted) doubt_end(work, deployment);
  if (news.foreign) hold_for_foreign(work, site, *news.foreign);
  if (news.newcomer) note_newcomer(work, site, *news.newcomer);
  if (news.lost_journal) void_site(work, site, *news.lost_journal);
  if (news.restored) begin_epoch(work, *news.restored, "site " + site + " knows more than this store");
  // Whoever let this controller go on before this site was heard has not seen what it tells.
  if (news.ahead && !work.mesh().hold) begin_hold(work, "site " + site + " knows more than this store");
  if (news.ahead) note_difference(work, difference(site, "", "", news.ahead->first, news.ahead->second));
  if (news.missing) hold_for_missing(work, site, *news.missing);
  if (news.gap) note_gap(work, site, *news.gap);
  if (news.commands_begun) repeat_wishes(work, site);
  for (const delivery::Entry& entry : news.entries)
    fold_event(work, site, news.journal, entry.seq, entry.bytes);
  if (news.sample) fold_sample(work, site, *news.sample);
  if (news.blob_want) answer_blob(work, site, link, *news.blob_want);
  if (news.blob_chunk) transcripts.on_chunk(work, site, *news.blob_chunk);
  LinkTools tools = work.tools();
  if (news.welcome) link.send_welcome(std::move(*news.welcome), tools);
  if (news.refusal) link.send_refusal(std::move(*news.refusal), tools);
  refresh_site(work, site);
  work.moved |= hearing.ends(links, work.now);
  if (!link.silent(work.now)) *ledger.live_site(site).mutable_last_heard() = to_wire(work.now.wall());
  serve_site(work, site);
  if (bus_up) link.pump(tools);
  if (!link.commands_damaged().empty()) relearn_site(work, site, link.commands_damaged());
}

void ControllerCore::Impl::answer_blob(Work& work, const std::string& site, const SiteLink& link,
                                       const wire::BlobWant& want) {
  std::optional<std::string> blob;
  if (!rules::sha256_hex("", want.sha256())) {
    auto found = rows.get(tables::row(tables::blobs, want.sha256()));
    if (found) {
      blob = std::move(*found);
    } else {
      odd(work, site, "a profile's content cannot be handed out: " + found.error().message);
    }
  }
  LinkTools tools = work.tools();
  link.publish("blob_chunk", delivery::answer_blob_want(want, blob ? &*blob : nullptr), tools);
  ++metrics.blob_chunks_sent;
}

void ControllerCore::Impl::pump_all(Work& work) {
  LinkTools tools = work.tools();
  for (auto& [name, link] : links) link->pump(tools);
}

/// The end of every input: carry rollouts on, then turn what changed into rows and lines.
void ControllerCore::Impl::settle(Work& work) {
  if (std::exchange(work.moved, false)) run_rollouts(work);
  save_links(work);
  for (const rest::LogEvent& line : ledger.flush(work.out.rows, work.now.wall())) {
    std::vector<std::pair<std::string, std::string>> fields = {{"event", std::to_string(line.number())},
                                                               {"type", line.type()}};
    const auto add = [&](const char* name, const std::string& value) {
      if (!value.empty()) fields.emplace_back(name, value);
    };
    add("site", line.site());
    add("server", line.server());
    add("deployment", line.deployment());
    add("rollout", line.rollout());
    add("actor", line.actor());
    work.out.log(LogLevel::info, line.message(), std::move(fields));
  }
}

Answer ControllerCore::Impl::answer_of(const Acted& acted) const {
  const MeshState& mesh = ledger.mesh();
  Answer answer;
  answer.created = acted.created;
  with_kind_that(
      FeedKinds{}, [&]<class T>() { return Kind<T>::word == acted.kind; },
      [&]<class T>() {
        const T& object = (mesh.*Kind<T>::objects).at(acted.name);
        if constexpr (std::is_same_v<T, rest::Deployment>) {
          answer.object = object;
        } else {
          answer.object = Object(object);
        }
        return true;
      });
  return answer;
}

OperatorResult ControllerCore::Impl::answer_again(const record::IdempotentAnswer& before) const {
  const MeshState& mesh = ledger.mesh();
  const auto& [kind, name] = std::tie(before.kind(), before.name());
  const auto there = with_kind_that(
      FeedKinds{}, [&]<class T>() { return Kind<T>::word == kind; },
      [&]<class T>() { return (mesh.*Kind<T>::objects).contains(name); });
  if (kind.empty() || there.value_or(false)) return answer_of({before.created(), kind, name, {}});
  return std::unexpected(rules::refusal(
      ErrorKind::conflict, "Idempotency-Key",
      "the request of this key was carried out before, and " + kind + " " + name + " has been deleted since",
      "use a new key to make it again"));
}

OperatorResult ControllerCore::Impl::decide(Work& work, const OperatorRequest& request) {
  ++metrics.operator_requests;
  if (!request.idempotency_key.empty()) {
    if (request.idempotency_key.size() > idempotency_key_limit) {
      return std::unexpected(rules::refusal(ErrorKind::invalid, "Idempotency-Key", "longer than 255 bytes"));
    }
    const std::string digest = request_digest(request);
    const auto stored = ledger.inner().answers.find(answer_key(request));
    if (stored != ledger.inner().answers.end() && !planted(Defect::repeats_act_again)) {
      if (stored->second.request_sha256() == digest) return answer_again(stored->second);
      return std::unexpected(rules::refusal(ErrorKind::conflict, "Idempotency-Key",
                                            "this key was used for another request",
                                            "use a new key for a new request"));
    }
  }
  if (auto body = PlanAct::body_of(request)) return begin(work, request, std::move(*body));
  return conclude(work, request,
                  std::visit(
                      [&](const auto& body) -> ActResult {
                        using Body = std::decay_t<decltype(body)>;
                        if constexpr (std::is_same_v<Body, Apply>) {
                          return apply_object(work, body);
                        } else if constexpr (std::is_same_v<Body, Delete>) {
                          return delete_object(work, body);
                        } else if constexpr (std::is_constructible_v<PlanAct::Body, Body>) {
                          std::unreachable();
                        } else {
                          return act(work, body, request.actor);
                        }
                      },
                      request.body));
}

OperatorResult ControllerCore::Impl::begin(Work& work, const OperatorRequest& request, PlanAct::Body body) {
  auto begun = plans.begin(work, request, std::move(body), limits.planned_at_once);
  if (const auto* result = std::get_if<ActResult>(&begun)) return conclude(work, request, *result);
  settle(work);
  return Answer{.object = {}, .later = std::get<std::uint64_t>(begun)};
}

void ControllerCore::Impl::go_on(Work& work) {
  if (auto done = plans.go_on(work, limits.planned_at_once))
    answers.emplace_back(done->number, conclude(work, done->request, done->result));
}

OperatorResult ControllerCore::Impl::conclude(Work& work, const OperatorRequest& request,
                                              const ActResult& result) {
  ledger.note(audit_line(request, result), work.now.wall());
  if (!result) {
    ++metrics.operator_refusals;
    settle(work);
    return std::unexpected(result.error());
  }
  lift_damage(work, request);
  ensure_links(work, rows, limits);
  for (auto& [name, link] : links) {
    serve_site(work, name);
    refresh_site(work, name);
  }
  settle(work);
  act_untold = true;
  Answer answer = answer_of(*result);
  if (!request.idempotency_key.empty()) {
    ledger.put_answer(answer_key(request), to_record(answer, request_digest(request)));
    ledger.flush(work.out.rows, work.now.wall());
  }
  return answer;
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
    impl_->message(work, *message);
  } else if (const auto* timer = std::get_if<TimerFired>(&input)) {
    if (timer->token == tick_token) impl_->tick(work);
    if (timer->token == PlansUnderWay::token) impl_->go_on(work);
  } else if (const auto* backup = std::get_if<BackupReported>(&input)) {
    take_backup_report(work, *backup);
  } else if (const auto* list = std::get_if<RevocationsRead>(&input)) {
    impl_->ledger.set_revocations(*list);
    watch_revocations(work);
  } else if (const auto* disk = std::get_if<DiskLevel>(&input)) {
    impl_->ledger.set_disk_low(disk->low);
    work.moved = true;
  }
  impl_->settle(work);
  return out;
}

std::vector<std::pair<std::uint64_t, OperatorResult>> ControllerCore::take_answers() {
  return std::exchange(impl_->answers, {});
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
  return impl_->decide(work, request);
}

}  // namespace metalmesh::controller
