#include "agents/core/agent_core.h"

#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "agents/core/blob_cache.h"
#include "agents/core/command_desk.h"
#include "agents/core/damage_desk.h"
#include "agents/core/discovery_desk.h"
#include "agents/core/faults.h"
#include "agents/core/job_queue.h"
#include "agents/core/media_reports.h"
#include "agents/core/progress_samples.h"
#include "agents/core/row_table.h"
#include "agents/core/seed.h"
#include "agents/core/site_doctor.h"
#include "agents/core/stop_desk.h"
#include "common/base/digest.h"
#include "common/ports/clock_row.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t journal_id_bytes = 16;

/// What follows `prefix` in `text`, or nothing.
std::optional<std::string> after(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return std::string(text.substr(prefix.size()));
}

/// "job/<deployment>/<n>" -> "<deployment>".
std::optional<std::string> owner_of(std::string_view id, std::string_view prefix) {
  auto rest = after(id, prefix);
  if (rest) rest->resize(std::min(rest->size(), rest->rfind('/')));
  return rest;
}

}  // namespace

struct AgentCore::Impl {
  Impl(const RowReader& reader, const Signer& signer, const Verifier& verifier, Entropy& entropy_source,
       AgentSettings given)
      : settings(std::move(given)),
        entropy(entropy_source),
        site_row(load_row<record::SiteState>(reader, rows::site)),
        site(settings),
        channel(settings.site, signer),
        damage(reader),
        journal(reader, channel, settings.frame_gap),
        link(reader, settings, verifier, channel, journal, entropy),
        fences(reader),
        breaker(reader),
        maps(reader),
        mounts(entropy, settings),
        jobs(reader),
        usual_reads(reader),
        shelf(reader, channel, settings.shelf_room),
        context{settings, site,   link, journal,     fences, breaker, bmcs,
                maps,     mounts, jobs, usual_reads, shelf,  damage,  entropy},
        launches(context),
        runner(context, launches),
        blobs(reader, channel),
        images(reader, journal, settings.families, draw_seed(entropy)),
        queue(context, runner, blobs, images),
        inspections(reader, context),
        doctor(settings, site, link, images, journal),
        stopping(context, runner),
        discovery(reader, context, inspections),
        commands(context, runner, images, inspections, doctor, stopping, discovery, site_row),
        samples(journal),
        media(context, runner, launches, images, samples) {
    site.apply(settings, site_row.settings());
  }

  // One overload per kind of input; `now` has the wall clock the agent trusts.
  void on(const Started&, const Now& now, Outcome& out);
  void on(const Committed&, const Now& now, Outcome& out);
  void on(const BusUp&, const Now& now, Outcome& out);
  void on(const BusDown& down, const Now& now, Outcome& out);
  void on(const MessageArrived& message, const Now& now, Outcome& out);
  void on(const TimerFired& timer, const Now& now, Outcome& out);
  void on(const HttpReplied& reply, const Now& now, Outcome& out);
  void on(const HttpFailed& failed, const Now& now, Outcome& out);
  void on(const ImageReady& ready, const Now& now, Outcome& out) {
    review_ |= images.on_ready(ready, now, out);
  }
  void on(const ImageProgress& progress, const Now& now, Outcome&) { images.on_progress(progress, now); }
  void on(const ImageFailed& failed, const Now& now, Outcome& out) {
    review_ |= images.on_failed(failed, jobs.images(), now, out);
  }
  void on(const MediaReported& report, const Now& now, Outcome& out) {
    review_ |= media.take(report.event, now, out);
  }
  void on(const ProbeAnswered& answer, const Now& now, Outcome& out);
  void on(const CredentialsChanged& change, const Now& now, Outcome& out);
  void on(const DiskLevel& level, const Now& now, Outcome& out);
  // Of a person on its machine.
  void on(const ExchangeOpened& asked, const Now& now, Outcome& out) { stopping.on(asked, now, out); }
  void on(const ExchangeClosed&, const Now&, Outcome&) {}
  void on(const ExchangeDrained&, const Now&, Outcome&) {}
  // Nor is it backed up: what it knows must be the newest.
  void on(const BackupReported&, const Now&, Outcome&) {}
  void on(const RevocationsRead&, const Now&, Outcome&) {}

  /// What answer files are rendered by here, if it is news.
  void tell_families(const Now& now, Outcome& out);
  void drop_acked(const Now& now, Outcome& out);
  /// What was fetched for jobs that are all gone.
  void tidy(const Now& now, Outcome& out);
  /// The time was set back, perhaps while nobody here knew one: no order gets longer by that.
  void follow_clock(const StreamLink::Received& received, Outcome& out);
  /// What waits for a time, or for this incarnation to be proven.
  void judge_waiting(const Now& now, Outcome& out);
  /// To a job; and tells the controller what its new system showed by that.
  void deliver(JobSlot& slot, const work::JobInput& input, const Now& now, Outcome& out);
  /// After every input: what is queued gets its chance once something changed that it may wait for.
  void review(const Now& now, Outcome& out);

  AgentSettings settings;
  Entropy& entropy;
  record::SiteState site_row;
  SiteStanding site;
  UpChannel channel;
  DamageDesk damage;
  EventJournal journal;
  StreamLink link;
  FenceTable fences;
  CredentialBreaker breaker;
  BmcDesk bmcs;
  BmcMaps maps;
  MountDesk mounts;
  JobTable jobs;
  UsualReads usual_reads;
  BlobShelf shelf;
  JobContext context;
  LaunchDesk launches;
  JobRunner runner;
  BlobCache blobs;
  ImageDesk images;
  JobQueue queue;
  InspectionDesk inspections;
  SiteDoctor doctor;
  StopDesk stopping;
  DiscoveryDesk discovery;
  CommandDesk commands;
  ProgressSamples samples;
  MediaReports media;
  bool started_ = false;
  bool review_ = false;
  bool blob_stored_ = false;
  Now raw_;  // the clock as it was handed in: what the link compares with the controller's
};

void AgentCore::Impl::on(const Started&, const Now& now, Outcome& out) {
  if (!site_row.machine_id().empty() && site_row.machine_id() != settings.machine_id) {
    out.emit(Halt{"this data folder belongs to machine " + site_row.machine_id() + ", and this is machine " +
                  settings.machine_id +
                  ": a copied journal must not act. Start with an empty folder and enrol the site anew"});
    return;
  }
  if (!journal.exists()) journal.open(to_hex(entropy.bytes(journal_id_bytes)), settings.machine_id, now, out);
  if (site_row.machine_id().empty()) {
    site_row.set_machine_id(settings.machine_id);
    site_row.set_journal_id(journal.stream().journal_id());
    put_row(out, rows::site, site_row);
  }
  started_ = true;
  tell_families(now, out);
  damage.tell(journal, now, out);
  drop_acked(now, out);
  blobs.keep(jobs.blobs(), out);
  for (JobSlot* slot : jobs.all()) launches.on_due(*slot, now, out);
  media.send_mounts(out);  // before the bus: a server that reads its medium must not wait for the WAN
  out.emit(ImageLimit{site_row.settings().images()});
  images.resume(out);
  review_ = true;
}

void AgentCore::Impl::on(const Committed&, const Now& now, Outcome& out) {
  journal.on_committed(now, out);
  review_ |= std::exchange(blob_stored_, false);  // it is readable now
}

void AgentCore::Impl::on(const BusUp&, const Now& now, Outcome& out) {
  link.on_bus_up(raw_, out);
  blobs.on_bus_up(now, out);
}

void AgentCore::Impl::on(const BusDown& down, const Now&, Outcome& out) {
  link.on_bus_down(out);
  out.log(LogLevel::warning, "the broker is away: " + down.reason + "; accepted work goes on",
          {{"site", settings.site.str()}});
}

void AgentCore::Impl::on(const MessageArrived& message, const Now& now, Outcome& out) {
  const StreamLink::Received received = link.on_message(message, raw_, out);
  const Now trusted = link.trusted(raw_);  // a Welcome may just have told the time
  follow_clock(received, out);
  for (const delivery::Entry& entry : received.commands) commands.take(entry, trusted, out);
  if (received.want) shelf.answer(*received.want, out);
  if (received.chunk) blob_stored_ |= blobs.on_chunk(*received.chunk, now, out);
  if (received.acked) drop_acked(now, out);
  if (received.standing) judge_waiting(trusted, out);
  review_ |= received.standing || received.chunk || !received.commands.empty();
}

void AgentCore::Impl::on(const TimerFired& timer, const Now& now, Outcome& out) {
  const std::string& token = timer.token;
  if (token == "hello") return link.on_hello_due(raw_, out);
  if (token == "stream") return journal.on_due(now, out);
  if (token == "blob") return blobs.pump(now, out);
  if (token == "discovery") return discovery.on_due(now, out);
  if (token == "queue" || token == "inspections") {
    review_ = true;
  } else if (const auto job_name = after(token, rows::job)) {
    if (JobSlot* slot = jobs.find(*job_name)) runner.on_poll_due(*slot, now, out);
  } else if (const auto mount_name = after(token, "mount/")) {
    if (JobSlot* slot = jobs.find(*mount_name)) launches.on_due(*slot, now, out);
  } else if (const auto image = after(token, rows::image)) {
    images.on_due(*image, out);
  } else if (const auto inspection = after(token, rows::inspect)) {
    inspections.on_due(*inspection, now, out);
  }
}

void AgentCore::Impl::on(const HttpReplied& reply, const Now& now, Outcome& out) {
  if (const auto deployment = owner_of(reply.id, rows::job)) {
    if (JobSlot* slot = jobs.find(*deployment)) deliver(*slot, reply, now, out);
  } else if (const auto inspection = owner_of(reply.id, rows::inspect)) {
    inspections.on_reply(*inspection, reply, now, out);
  } else if (const auto place = owner_of(reply.id, DiscoveryDesk::prefix)) {
    discovery.on_answer(*place, reply, now, out);
  }
}

void AgentCore::Impl::on(const HttpFailed& failed, const Now& now, Outcome& out) {
  if (const auto deployment = owner_of(failed.id, rows::job)) {
    if (JobSlot* slot = jobs.find(*deployment)) runner.deliver(*slot, failed, now, out);
  } else if (const auto inspection = owner_of(failed.id, rows::inspect)) {
    inspections.on_failure(*inspection, failed, now, out);
  } else if (const auto place = owner_of(failed.id, DiscoveryDesk::prefix)) {
    discovery.on_answer(*place, failed, now, out);
  }
}

void AgentCore::Impl::on(const ProbeAnswered& answer, const Now& now, Outcome& out) {
  if (answer.id.starts_with(SiteDoctor::probe_prefix)) return doctor.on_answer(answer, now, out);
  if (const auto place = after(answer.id, DiscoveryDesk::prefix))
    return discovery.on_answer(*place, answer, now, out);
  const auto deployment = owner_of(answer.id, rows::job);
  if (!deployment) return;
  if (JobSlot* slot = jobs.find(*deployment)) deliver(*slot, answer, now, out);
}

void AgentCore::Impl::on(const CredentialsChanged& change, const Now& now, Outcome& out) {
  std::string names;
  for (const auto& entry : change.credentials) names += (names.empty() ? "" : " ") + entry.name;
  out.log(LogLevel::info, "credentials of this site", {{"names", names}});
  const auto version = [this](const JobSlot& slot) {
    return breaker.version(slot.job.agreed().bmc().credential());
  };
  std::map<const JobSlot*, std::string> versions;
  for (const JobSlot* slot : jobs.all()) versions[slot] = version(*slot);
  for (const std::string& name : breaker.changed(change, out)) {
    wire::Event event;
    event.mutable_credential_released()->set_credential(name);
    journal.tell(std::move(event), now, out);
    out.log(LogLevel::info, "credential set: what waited for it goes on", {{"credential", name}});
  }
  for (JobSlot* slot : jobs.all()) {
    if (version(*slot) != versions[slot]) runner.deliver(*slot, work::CredentialSet{}, now, out);
  }
  review_ = true;
}

void AgentCore::Impl::on(const DiskLevel& level, const Now&, Outcome& out) {
  if (level.low != site.disk_low) {
    out.log(level.low ? LogLevel::error : LogLevel::info,
            level.low ? "the disk is below its reserve: no new job is started"
                      : "the disk is above its reserve again",
            {{"free_bytes", std::to_string(level.free_bytes)}});
  }
  site.disk_low = level.low;
  site.free_bytes = level.free_bytes;
  review_ = true;
}

void AgentCore::Impl::deliver(JobSlot& slot, const work::JobInput& input, const Now& now, Outcome& out) {
  runner.deliver(slot, input, now, out);
  samples.after(slot, now, out);
}

void AgentCore::Impl::tell_families(const Now& now, Outcome& out) {
  wire::Event event;
  for (const auto& [name, family] : settings.families.all()) {
    wire::FamilyRef& known = *event.mutable_families()->add_families();
    known.set_name(name);
    known.set_sha256(families::family_sha256(family));
  }
  const std::string digest = sha256(event.families().SerializeAsString());
  if (digest == site_row.families_sha256()) return;
  site_row.set_families_sha256(digest);
  put_row(out, rows::site, site_row);
  journal.tell(std::move(event), now, out);
}

void AgentCore::Impl::drop_acked(const Now& now, Outcome& out) {
  const std::size_t before = jobs.size();
  for (const std::string& token : jobs.drop_acked(journal.stream().acked(), out))
    MountDesk::forget(token, out);
  if (jobs.size() != before) tidy(now, out);
}

void AgentCore::Impl::tidy(const Now& now, Outcome& out) {
  blobs.keep(jobs.blobs(), out);
  images.keep(jobs.images(), now, out);
}

void AgentCore::Impl::follow_clock(const StreamLink::Received& received, Outcome& out) {
  if (received.clock_stepped == Duration::zero() && !received.clock_learned) return;
  for (JobSlot* slot : jobs.all()) {
    if (!slot->open() || slot->job.launched()) continue;
    wire::Issue& issue = *slot->job.mutable_issue();
    const Duration made_at = from_wire(issue.clock_steps());
    follow_steps(issue, made_at + received.clock_stepped);
    if (received.clock_learned) link.fit_to_clock(issue);
    if (from_wire(issue.clock_steps()) != made_at) jobs.store(*slot, out);
  }
}

void AgentCore::Impl::judge_waiting(const Now& now, Outcome& out) {
  runner.judge_launches(now, out);
  for (JobSlot* slot : jobs.all()) launches.on_due(*slot, now, out);
}

void AgentCore::Impl::review(const Now& now, Outcome& out) {
  if (!started_) return;
  review_ |= runner.take_queue_changed();
  review_ |= inspections.take_freed();
  bool freed = runner.take_place_freed();
  while (review_ || freed) {
    inspections.review(now, out);
    if (std::exchange(review_, false)) {
      queue.review(now, out);
    } else {
      queue.fill(now, out);
    }
    review_ = runner.take_queue_changed() || inspections.take_freed();
    freed = runner.take_place_freed();
  }
  discovery.review(now, out);
}

AgentCore::AgentCore(const RowReader& rows, const Signer& signer, const Verifier& verifier, Entropy& entropy,
                     AgentSettings settings)
    : impl_(std::make_unique<Impl>(rows, signer, verifier, entropy, std::move(settings))) {}

AgentCore::~AgentCore() = default;

Outcome AgentCore::handle(const Input& input, const Now& now) {
  Outcome out;
  impl_->raw_ = now;
  if (std::holds_alternative<Started>(input)) impl_->link.on_started(now);
  impl_->link.look_whether_woken(now, out);
  if (impl_->link.look_at_clock(now, out)) {
    impl_->judge_waiting(impl_->link.trusted(now), out);
    impl_->review_ = true;
  }
  const Now trusted = impl_->link.trusted(now);
  std::visit([&](const auto& what) { impl_->on(what, trusted, out); }, input);
  impl_->review(impl_->link.trusted(now), out);
  impl_->link.keep_ledger(out);
  impl_->link.keep_clock(now, out);
  return out;
}

}  // namespace metalmesh::agent
