#include "controller/core/site_care.h"

#include <algorithm>
#include <map>
#include <vector>

#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/discoveries.h"
#include "controller/core/fences.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/order_builder.h"
#include "controller/core/prefetches.h"
#include "controller/core/restore_hold.h"
#include "controller/core/server_phases.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t request_id_bytes = 8;
constexpr std::size_t inspections_at_once = 100;  // per site: the rest waits for answers

void note_site(Work& work, const std::string& site, std::string message) {
  rest::LogEvent line;
  line.set_type("site");
  line.set_site(site);
  line.set_message(std::move(message));
  work.ledger.note(std::move(line), work.now.wall());
}

void send_settings(Work& work, const rest::Site& site, SiteLink& link) {
  if (link.settings_version() == site.metadata().version()) return;
  wire::Command command;
  auto& settings = *command.mutable_site_settings();
  settings.set_parallel(site.spec().limits().parallel());
  settings.set_login_refusals(site.spec().limits().login_refusals());
  settings.set_media_address(site.spec().media().address());
  *settings.mutable_bmc_networks() = site.spec().bmc_networks();
  for (const rest::FirstContact& open : site.status().first_contact()) {
    wire::FirstContact& added = *settings.add_first_contact();
    added.set_cidr(open.network());
    *added.mutable_until() = open.until();
  }
  if (site.spec().has_images()) *settings.mutable_images() = site.spec().images();
  std::string digest = sha256(canonical_bytes(settings));
  if (digest != link.row().settings_sha256()) {
    if (!work.send(link, std::move(command))) return;
    link.set_settings_digest(std::move(digest));
  }
  link.set_settings_version(site.metadata().version());
}

void send_inspections(Work& work, const rest::Site& site, SiteLink& link) {
  const auto wishes = work.ledger.inner().wishes.find(site.metadata().name());
  if (wishes == work.ledger.inner().wishes.end()) return;
  std::size_t asked = 0;
  std::vector<std::string> to_ask;
  for (const auto& [server, wish] : wishes->second) {
    if (!wish.request_id().empty()) {
      ++asked;
    } else if (to_ask.size() < inspections_at_once) {
      to_ask.push_back(server);
    }
  }
  for (const std::string& name : to_ask) {
    if (++asked > inspections_at_once) return;
    wire::Command command;
    auto& inspect = *command.mutable_inspect_server();
    inspect.set_server(name);
    *inspect.mutable_bmc() = bmc_target(work.mesh().servers.at(name), &site);
    *inspect.mutable_expected() = order_identity(work.mesh().servers.at(name));
    inspect.set_request_id(to_hex(work.entropy.bytes(request_id_bytes)));
    record::InspectWish wish = wishes->second.at(name);
    inspect.set_planned(wish.planned());
    inspect.set_quiet(wish.quiet());
    inspect.set_look_for_ours(wish.look_for_ours());
    inspect.set_take_ours_away(wish.take_ours_away());
    wish.set_request_id(inspect.request_id());
    const auto sent = work.send(link, std::move(command));
    if (!sent) return;
    wish.set_command_seq(*sent);
    work.ledger.put_wish(site.metadata().name(), name, std::move(wish));
  }
}

void send_prefetches(Work& work, const std::string& site, SiteLink& link) {
  for (const std::string& name : prefetches_at(work.mesh(), site, prefetches::asked)) {
    const rest::Image& image = work.mesh().images.at(name);
    wire::Command command;
    *command.mutable_prefetch_image()->mutable_image() = image_ref(image);
    if (!work.send(link, std::move(command))) return;
    // An image that is there already is not reported once more.
    const bool there = std::ranges::find(image.status().ready_at(), site) != image.status().ready_at().end();
    set_prefetch(work, name, site, there ? prefetches::ready : prefetches::fetching);
  }
}

/// Where the images come from that this mesh knows.
void add_sources(const MeshState& mesh, wire::DiagnoseSite& question) {
  constexpr int most = 8;
  for (const auto& [name, image] : mesh.images) {
    if (question.urls_size() == most) return;
    if (image.spec().iso().urls_size() > 0) question.add_urls(image.spec().iso().urls(0));
  }
}

void send_diagnosis(Work& work, const std::string& site, SiteLink& link) {
  const rest::SiteDoctor& asked = work.mesh().sites.at(site).status().doctor();
  if (!asked.has_asked() || !asked.request_id().empty()) return;
  wire::Command command;
  wire::DiagnoseSite& question = *command.mutable_diagnose_site();
  question.set_request_id(to_hex(work.entropy.bytes(request_id_bytes)));
  add_sources(work.mesh(), question);
  const std::string id = question.request_id();
  if (work.send(link, std::move(command))) work.ledger.live_site(site).mutable_doctor()->set_request_id(id);
}

bool has_condition(const google::protobuf::RepeatedPtrField<rest::Condition>& conditions,
                   std::string_view type) {
  return std::ranges::find(conditions, type, &rest::Condition::type) != conditions.end();
}

/// By what time the site starts, or does not.
void judge_clock(Work& work, const SiteLink& link, rest::SiteStatus& status) {
  auto& conditions = *status.mutable_conditions();
  if (!work.mesh().clock_doubt.empty()) {
    set_condition(conditions, "Clock", "False", "CONTROLLER_CLOCK",
                  "nothing is handed out: the controller says of itself that " + work.mesh().clock_doubt,
                  work.now);
  } else if (!link.row().clock_doubt().empty()) {
    set_condition(conditions, "Clock", "False", "SITE_CLOCK", link.row().clock_doubt(), work.now);
  } else if (has_condition(conditions, "Clock")) {
    set_condition(conditions, "Clock", "True", "OK", "the clocks agree", work.now);
  }
}

/// Whether the site's agent is the only one under its name.
void judge_agent(const Work& work, const SiteLink& link, rest::SiteStatus& status) {
  auto& conditions = *status.mutable_conditions();
  if (const std::string refused = link.refused_newcomer(work.now); !refused.empty()) {
    set_condition(conditions, "Agent", "False", "SECOND_AGENT", refused, work.now);
  } else if (has_condition(conditions, "Agent")) {
    set_condition(conditions, "Agent", "True", "OK", "one agent runs under the name of this site", work.now);
  }
}

/// Whether all rows of its agent's store are whole.
void judge_store(const Work& work, const SiteLink& link, rest::SiteStatus& status) {
  auto& conditions = *status.mutable_conditions();
  std::string damage;
  for (const std::string& row : link.row().damaged_rows()) damage += (damage.empty() ? "" : "; ") + row;
  if (!damage.empty()) {
    set_condition(conditions, "Store", "False", "ROWS_DAMAGED", damage, work.now);
  } else if (has_condition(conditions, "Store")) {
    set_condition(conditions, "Store", "True", "OK", "every row of the agent's store is whole", work.now);
  }
}

/// What watchers of the site are told of at once. That it was heard again, and how much waits, is not.
bool looks_other(const rest::SiteStatus& a, const rest::SiteStatus& b) {
  const auto same = [](const rest::Condition& x, const rest::Condition& y) {
    return x.type() == y.type() && x.status() == y.status() && x.reason() == y.reason();
  };
  return a.connected() != b.connected() || a.running() != b.running() ||
         a.agent_version() != b.agent_version() || a.incarnation() != b.incarnation() ||
         a.journal_id() != b.journal_id() || a.quarantined() != b.quarantined() ||
         a.quarantine_reason() != b.quarantine_reason() ||
         !std::ranges::equal(a.conditions(), b.conditions(), same);
}

}  // namespace

void ensure_links(Work& work, const RowReader& rows, const ControllerLimits& limits) {
  for (const auto& [name, site] : work.mesh().sites) {
    const bool revoked = site.status().has_revoked() && !planted(Defect::revoked_is_heard);
    if (work.links.contains(name) || revoked) continue;
    const auto stored = work.ledger.inner().links.find(name);
    work.links[name] = std::make_unique<SiteLink>(
        name, rows, stored == work.ledger.inner().links.end() ? record::SiteLink() : stored->second,
        limits.twin_settle, limits.site_silent_after, limits.entries_kept);
    refresh_site(work, name);
  }
}

void serve_site(Work& work, const std::string& name) {
  serve_fences(work, name);
  SiteLink* link = work.link(name);
  if (link == nullptr || !link->can_command()) return;
  const rest::Site& site = work.mesh().sites.at(name);
  send_settings(work, site, *link);
  send_inspections(work, site, *link);
  send_prefetches(work, name, *link);
  send_diagnosis(work, name, *link);
  send_discovery(work, name, *link);
}

void note_newcomer(Work& work, const std::string& site, const Newcomer& newcomer) {
  ++work.metrics.newcomers_refused;
  rest::LogEvent line;
  line.set_type("site");
  line.set_site(site);
  line.set_journal_id(newcomer.journal);
  line.set_message(newcomer.refused_because + " (it says of its machine: " +
                   (newcomer.machine.empty() ? "nothing" : newcomer.machine) + ")");
  // What it tells is taken in; what it has not told when it is stopped, nobody will know.
  if (const SiteLink* link = work.link(site))
    line.mutable_gap()->set_from(link->side_cursor(newcomer.journal) + 1);
  work.ledger.note(std::move(line), work.now.wall());
}

void refresh_site(Work& work, const std::string& name) {
  const SiteLink* link = work.link(name);
  if (link == nullptr) return;
  rest::SiteStatus& status = work.ledger.live_site(name);
  const bool connected = !link->silent(work.now);
  if (connected != status.connected()) {
    note_site(work, name,
              connected ? "site " + name + " is heard"
                        : "site " + name +
                              " is silent: what it has accepted goes on, "
                              "nothing new is handed to it");
    work.moved = true;
  }
  const rest::SiteStatus before = status;
  status.set_connected(connected);
  status.set_agent_version(link->row().agent_version());
  status.set_incarnation(link->row().incarnation());
  status.set_journal_id(link->event_journal());
  status.set_events_received(link->event_cursor());
  status.set_commands_pending(link->commands_pending());
  status.set_quarantined(link->quarantined());
  status.set_quarantine_reason(link->quarantine_reason());
  status.set_running(work.ledger.board().in_flight_at(name));
  judge_clock(work, *link, status);
  judge_agent(work, *link, status);
  judge_store(work, *link, status);
  if (status.quarantined() && !before.quarantined()) doubt_in_quarantine(work, name);
  if (looks_other(before, status)) work.ledger.site_moved(name);
}

void repeat_wishes(Work& work, const std::string& site) {
  for (const std::string& image : prefetches_at(work.mesh(), site, prefetches::fetching))
    set_prefetch(work, image, site, prefetches::asked);
  const auto wishes = work.ledger.inner().wishes.find(site);
  if (wishes == work.ledger.inner().wishes.end()) return;
  std::map<std::string, record::InspectWish> sent;
  for (const auto& [server, wish] : wishes->second) {
    if (!wish.request_id().empty()) sent.emplace(server, wish);
  }
  for (auto& [server, wish] : sent) {  // for the same reasons as before
    wish.clear_request_id();
    wish.clear_command_seq();
    work.ledger.put_wish(site, server, std::move(wish));
  }
}

void raise_epoch(Work& work, std::uint64_t seen) {
  // An old store may know one that it should not have believed: better none of another's than 0.
  const std::uint64_t highest = std::max(work.mesh().epoch, seen);
  work.ledger.set_epoch(highest == UINT64_MAX ? highest : highest + 1);
  ++work.metrics.epochs_begun;
  LinkTools tools = work.tools();
  for (auto& [name, link] : work.links) {
    link->learn(to_hex(work.entropy.bytes(request_id_bytes)), tools);
    repeat_wishes(work, name);
  }
}

void relearn_site(Work& work, const std::string& name, const std::string& why) {
  SiteLink* link = work.link(name);
  if (link == nullptr) return;
  LinkTools tools = work.tools();
  link->learn(to_hex(work.entropy.bytes(request_id_bytes)), tools);
  repeat_wishes(work, name);
  note_site(work, name,
            "commands to site " + name + " begin anew: " + why +
                "; nothing is issued to it before it has reported its fences");
}

void begin_epoch(Work& work, std::uint64_t seen, const std::string& evidence) {
  raise_epoch(work, seen);
  rest::LogEvent line;
  line.set_type("controller");
  line.set_message("this controller was restored (" + evidence + "): epoch " +
                   std::to_string(work.mesh().epoch) +
                   " begins; nothing is issued to a site before it has reported its fences");
  work.ledger.note(std::move(line), work.now.wall());
  begin_hold(work, "it was restored from a backup: " + evidence);
}

void save_links(Work& work) {
  for (auto& [name, link] : work.links) {
    if (link->take_changed()) work.ledger.put_link(name, link->row());
  }
}

}  // namespace metalmesh::controller
