#include "controller/api/metrics_text.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace metalmesh::controller {
namespace {

std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

class Page {
 public:
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = "metalmesh_" + std::string(name);
    text_ +=
        "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) + "\n";
  }
  void sample(std::uint64_t value) { text_ += name_ + " " + std::to_string(value) + "\n"; }
  void sample(std::string_view label, std::string_view value, std::uint64_t number) {
    text_ += name_ + "{" + std::string(label) + "=\"" + label_value(value) + "\"} " + std::to_string(number) +
             "\n";
  }
  /// A metric without labels.
  void single(std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    begin(name, type, help);
    sample(value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

void write_objects(Page& page, const MeshState& state) {
  page.begin("objects", "gauge", "Objects by kind.");
  for_each_kind(ObjectKinds{},
                [&]<class T>() { page.sample("kind", Kind<T>::word, (state.*Kind<T>::objects).size()); });

  page.begin("servers", "gauge", "Servers by phase.");
  for (const auto& [phase, count] : state.phases) page.sample("phase", phase, count);

  std::map<std::string, std::uint64_t> rollouts;
  for (const auto& [name, rollout] : state.rollouts) ++rollouts[rollout.status().state()];
  page.begin("rollouts", "gauge", "Rollouts by state.");
  for (const auto& [rollout, count] : rollouts) page.sample("state", rollout, count);

  std::map<std::string, std::uint64_t> deployments;
  for (const auto& [id, deployment] : state.deployments) ++deployments[deployment.state()];
  page.begin("deployments", "gauge", "Deployments by state.");
  for (const auto& [name, count] : deployments) page.sample("state", name, count);

  std::map<std::string, std::uint64_t> faults;
  for (const auto& [id, deployment] : state.deployments) {
    if (deployment.has_fault()) ++faults[wire::FaultCode_Name(deployment.fault().code())];
  }
  page.begin("deployment_faults", "gauge", "Deployments whose last fault has this code.");
  for (const auto& [code, count] : faults) page.sample("code", code, count);
}

/// One family per value, one sample per site: the format wants a family's samples together.
template <class Value>
void write_per_site(Page& page, const MeshState& state, std::string_view name, std::string_view help,
                    Value value) {
  page.begin(name, "gauge", help);
  for (const auto& [site, object] : state.sites) page.sample("site", site, value(object.status()));
}

void write_sites(Page& page, const MeshState& state) {
  using Status = rest::SiteStatus;
  write_per_site(page, state, "site_connected", "1 while the site's agent is heard.",
                 [](const Status& s) { return std::uint64_t{s.connected()}; });
  write_per_site(page, state, "site_quarantined", "1 while the site waits for a person.",
                 [](const Status& s) { return std::uint64_t{s.quarantined()}; });
  write_per_site(page, state, "site_last_heard_seconds", "When the site was last heard, seconds since 1970.",
                 [](const Status& s) { return static_cast<std::uint64_t>(s.last_heard().seconds()); });
  write_per_site(page, state, "site_events_received", "Events taken in from the site's journal.",
                 [](const Status& s) { return s.events_received(); });
  write_per_site(page, state, "site_commands_pending", "Commands the site has not acknowledged.",
                 [](const Status& s) { return s.commands_pending(); });
  write_per_site(page, state, "site_running", "Installs in flight at the site.",
                 [](const Status& s) { return std::uint64_t{s.running()}; });

  std::uint64_t connected = 0;
  std::uint64_t quarantined = 0;
  for (const auto& [name, site] : state.sites) {
    connected += site.status().connected() ? 1 : 0;
    quarantined += site.status().quarantined() ? 1 : 0;
  }
  page.begin("sites", "gauge",
             "Sites by what is known of their agent; quarantined ones are counted there, too.");
  page.sample("state", "connected", connected);
  page.sample("state", "silent", state.sites.size() - connected);
  page.sample("state", "quarantined", quarantined);
}

std::uint64_t seconds_of(const RevocationsRead& list) {
  if (!list.unreadable.empty()) return 0;
  const auto since_1970 = list.until.time_since_epoch();
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(since_1970).count()));
}

struct CoreCounter {
  std::string_view name;
  std::string_view help;
  std::uint64_t ControllerMetrics::* value;
};
constexpr CoreCounter core_counters[] = {
    {"frames_taken_total", "Verified frames from known sites.", &ControllerMetrics::frames_taken},
    {"frames_rejected_total", "Frames with a bad signature or form.", &ControllerMetrics::frames_rejected},
    {"frames_unknown_site_total", "Frames from sites that were never applied.",
     &ControllerMetrics::frames_from_unknown},
    {"frames_odd_total", "Verified frames of no use: foreign journal, unknown kind.",
     &ControllerMetrics::frames_odd},
    {"events_folded_total", "Events of sites taken into the state.", &ControllerMetrics::events_folded},
    {"events_unreadable_total", "Events that this version cannot read; the log keeps them as they came.",
     &ControllerMetrics::events_unreadable},
    {"events_repaired_total", "Events with text that was not UTF-8.", &ControllerMetrics::events_repaired},
    {"deployments_reopened_total", "Deployments whose end was disproved by a later fact.",
     &ControllerMetrics::deployments_reopened},
    {"events_foreign_total", "Events about servers of another site or of nobody.",
     &ControllerMetrics::events_foreign},
    {"commands_sent_total", "Commands put into sites' streams.", &ControllerMetrics::commands_sent},
    {"samples_taken_total", "Progress samples.", &ControllerMetrics::samples_taken},
    {"blob_chunks_sent_total", "Chunks of profiles sent to sites.", &ControllerMetrics::blob_chunks_sent},
    {"transcript_pieces_total", "Pieces of transcripts fetched from sites.",
     &ControllerMetrics::transcript_pieces},
    {"transcripts_taken_total", "Transcripts fetched whole.", &ControllerMetrics::transcripts_taken},
    {"transcripts_gone_total", "Transcripts that will not come, or had to go.",
     &ControllerMetrics::transcripts_gone},
    {"operator_requests_total", "Writes and orders of people and tools.",
     &ControllerMetrics::operator_requests},
    {"operator_refusals_total", "Those of them that were refused.", &ControllerMetrics::operator_refusals},
    {"deployments_issued_total", "Deployments handed out to sites.", &ControllerMetrics::deployments_issued},
    {"deployments_ended_total", "Deployments that reached an end.", &ControllerMetrics::deployments_ended},
    {"journals_lost_total", "Sites that came back with a new journal.", &ControllerMetrics::journals_lost},
    {"epochs_begun_total", "New controller epochs.", &ControllerMetrics::epochs_begun},
    {"quarantines_total", "Sites put into quarantine.", &ControllerMetrics::quarantines},
    {"newcomers_refused_total", "Agents that were refused because another one under their name lives.",
     &ControllerMetrics::newcomers_refused},
    {"site_shares_exceeded_total", "Times that a site told more than its share and was let wait.",
     &ControllerMetrics::shares_exceeded},
    {"event_gaps_total", "Runs of events that sites told and this ledger will never have.",
     &ControllerMetrics::event_gaps},
};

}  // namespace

std::string metrics_text(const MeshState& state, const ControllerMetrics& core, const ApiCounters& counters,
                         const std::string& version) {
  Page page;
  page.begin("build_info", "gauge", "Always 1; the version is in the label.");
  page.sample("version", version, 1);
  write_objects(page, state);
  write_sites(page, state);
  page.single("events_total", "counter", "Entries of the event log.", state.last_event);
  page.single("controller_epoch", "gauge", "Rises when the controller was restored from a backup.",
              state.epoch);
  page.single("disk_low", "gauge", "1 while free space is below the reserve.", state.disk_low ? 1 : 0);
  if (state.revocations)
    page.single(
        "revocations_end_seconds", "gauge",
        "When the broker's list of revoked certificates ends, seconds since 1970; 0: it cannot be read.",
        seconds_of(*state.revocations));
  page.single("broker_connected", "gauge", "1 while the broker connection is up.", counters.bus_up ? 1 : 0);
  page.single("event_streams", "gauge", "Open event streams.", counters.event_streams);
  page.single("change_streams", "gauge", "Open streams of the change feed.", counters.change_streams);
  page.single("changes_total", "counter", "Changes of objects that were numbered.", state.changes.last());
  for (const CoreCounter& it : core_counters) page.single(it.name, "counter", it.help, core.*it.value);
  page.begin("api_replies_total", "counter", "Replies of the API by HTTP status.");
  for (const auto& [status, count] : counters.replies) page.sample("status", std::to_string(status), count);
  return page.take();
}

}  // namespace metalmesh::controller
