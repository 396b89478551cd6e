#include "controller/cli/object_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "common/base/check.h"
#include "common/text/letters.h"
#include "controller/cli/text_table.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

std::string yes_no(bool value) { return value ? "yes" : "no"; }

// One header and one row per kind; overloads pick by the object's type.

Cells header(const rest::Site&) {
  return {"NAME", "CONNECTED", "HEARD", "AGENT", "RUNNING", "PENDING", "NOTE"};
}
Cells row(const rest::Site& site, WallTime now) {
  const auto& status = site.status();
  return {site.metadata().name(),
          yes_no(status.connected()),
          age_words(status.last_heard(), now),
          status.agent_version(),
          fmt::format("{}/{}", status.running(),
                      site.spec().limits().parallel() == 0 ? "default"
                                                           : std::to_string(site.spec().limits().parallel())),
          std::to_string(status.commands_pending()),
          status.has_revoked()   ? "REVOKED: " + status.revoked().reason()
          : status.quarantined() ? "QUARANTINED: " + status.quarantine_reason()
                                 : ""};
}

Cells header(const rest::User&) { return {"NAME", "ROLE", "SITES", "ACTIONS", "TOKENS", "NOTE"}; }
Cells row(const rest::User& user, WallTime) {
  const auto& spec = user.spec();
  std::string tokens;
  for (const auto& token : user.status().tokens())
    tokens +=
        fmt::format("{}{} until {}", tokens.empty() ? "" : ", ", token.id(), time_words(token.expires()));
  return {user.metadata().name(),
          spec.role() + (spec.disabled() ? " (disabled)" : ""),
          spec.sites().empty() ? "all" : fmt::format("{}", fmt::join(spec.sites(), ",")),
          spec.actions().empty() ? "all" : fmt::format("{}", fmt::join(spec.actions(), ",")),
          tokens,
          spec.note()};
}

Cells header(const rest::Credential&) { return {"NAME", "SITE", "HELD", "REFUSALS", "JOBS HELD"}; }
Cells row(const rest::Credential& credential, WallTime) {
  const auto& status = credential.status();
  return {credential.metadata().name(), credential.spec().site(), yes_no(status.held()),
          std::to_string(status.refusals()), std::to_string(status.jobs_held())};
}

/// "lyon: fetching, par1: failed (...)": those that are ready stand in their own column.
std::string prefetch_words(const rest::Image& image) {
  std::string words;
  for (const auto& one : image.status().prefetches()) {
    if (one.state() == "ready") continue;
    words += fmt::format("{}{}: {}", words.empty() ? "" : ", ", one.site(), one.state());
    if (!one.message().empty()) words += fmt::format(" ({})", one.message());
  }
  return words;
}

Cells header(const rest::Image&) {
  return {"NAME", "FAMILY", "ARCH", "SIZE", "SHA256", "READY AT", "PREFETCH"};
}
Cells row(const rest::Image& image, WallTime) {
  const auto& iso = image.spec().iso();
  return {image.metadata().name(),
          image.spec().family(),
          image.spec().arch(),
          iso.size() == 0 ? "" : fmt::format("{:.1f} GB", static_cast<double>(iso.size()) / 1e9),
          iso.sha256().substr(0, 12),
          fmt::format("{}", fmt::join(image.status().ready_at(), ",")),
          prefetch_words(image)};
}

Cells header(const rest::Family&) { return {"NAME", "TIER", "ENDS BY", "TEMPLATE", "TITLE"}; }
std::string tier_words(const rest::Family& family) {
  if (family.tier() == "documented") return "documented (unverified)";
  return family.not_run().empty() ? family.tier() : family.tier() + " in part";
}
Cells row(const rest::Family& family, WallTime) {
  const std::string restarts =
      family.restarts() == 0 ? "" : fmt::format(", {} restarts before", family.restarts());
  return {family.name(), tier_words(family), family.completion() + restarts,
          family.needs_template() ? "yours" : "built in", family.title()};
}

Cells header(const rest::Profile&) { return {"NAME", "VERSION", "FAMILY", "PROOF", "AGE"}; }
Cells row(const rest::Profile& profile, WallTime now) {
  return {profile.metadata().name(), std::to_string(profile.metadata().version()), profile.spec().family(),
          profile.spec().proof().minimum(), age_words(profile.metadata().changed(), now)};
}

Cells header(const rest::Server&) {
  return {"NAME", "SITE", "PHASE", "PROTECTED", "POWER", "SERIAL", "MODEL", "HOLDS"};
}
Cells row(const rest::Server& server, WallTime) {
  const auto& status = server.status();
  const std::string& serial =
      !status.pinned().serial().empty() ? status.pinned().serial() : server.spec().identity().serial();
  return {server.metadata().name(), server.spec().site(),
          status.phase(),           yes_no(status.protected_()),
          status.power(),           serial,
          status.model(),           status.holds()};
}

Cells header(const rest::Rollout&) {
  return {"NAME", "ACTION", "STATE", "IMAGE", "PROFILE", "SERVERS", "COUNTS"};
}
/// How many take part; the change feed leaves the plan out, but counts are of all of them.
std::string servers_words(const rest::RolloutStatus& status) {
  if (status.has_plan()) return std::to_string(status.plan().server_count());
  std::uint64_t servers = 0;
  for (const auto& [state, count] : status.counts()) servers += count;
  return servers == 0 ? std::string() : std::to_string(servers);
}
Cells row(const rest::Rollout& rollout, WallTime) {
  const auto& status = rollout.status();
  std::string counts;
  // In the order of a life, not of the map.
  for (const auto* state : {"PENDING", "ISSUED", "RUNNING", "CANCELLING", "SUCCEEDED", "UNPROVEN", "FAILED",
                            "CANCELLED", "INDETERMINATE"}) {
    const auto found = status.counts().find(state);
    if (found != status.counts().end() && found->second > 0)
      counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", found->second, state);
  }
  return {rollout.metadata().name(),
          action_words(rollout.spec()),
          status.state(),
          rollout.spec().image(),
          status.plan().profile().empty() ? rollout.spec().profile() : status.plan().profile(),
          servers_words(status),
          counts};
}

/// "2 x 480 GB SSD, 8 x 7680 GB SSD": by size and medium, the smallest first.
std::string drives_words(const wire::Inventory& inventory) {
  std::map<std::pair<std::uint64_t, std::string>, int> alike;
  for (const auto& drive : inventory.drives()) ++alike[{drive.bytes() / 1'000'000'000, drive.media()}];
  std::string words;
  for (const auto& [what, count] : alike)
    words += fmt::format("{}{} x {} GB{}{}", words.empty() ? "" : ", ", count, what.first,
                         what.second.empty() ? "" : " ", what.second);
  return words;
}

Cells header(const rest::SettingsProfile&) { return {"NAME", "BIOS", "BMC", "NOTE"}; }
Cells row(const rest::SettingsProfile& settings, WallTime) {
  const auto& spec = settings.spec();
  return {settings.metadata().name(), std::to_string(spec.bios_size()), std::to_string(spec.bmc_size()),
          spec.note()};
}

Cells header(const rest::PostureException&) { return {"NAME", "FINDINGS", "UNTIL", "REASON"}; }
Cells row(const rest::PostureException& exception, WallTime) {
  const auto& spec = exception.spec();
  return {exception.metadata().name(), fmt::format("{}", fmt::join(spec.findings(), ",")),
          time_words(spec.until()), spec.reason()};
}

/// "data, root"
template <class Roles>
std::string roles_words(const Roles& roles) {
  std::set<std::string> names;
  for (const auto& [role, rule] : roles) names.insert(role);
  return fmt::format("{}", fmt::join(names, ", "));
}

Cells header(const rest::HardwareType&) { return {"NAME", "MANUFACTURER", "MODEL", "DISKS", "NICS", "NOTE"}; }
Cells row(const rest::HardwareType& type, WallTime) {
  const auto& spec = type.spec();
  return {type.metadata().name(),    spec.manufacturer(),      spec.model(),
          roles_words(spec.disks()), roles_words(spec.nics()), spec.note()};
}

Cells header(const rest::ServerHardware&) { return {"SERVER", "SITE", "TYPE", "ROLES", "DIFFERS"}; }
Cells row(const rest::ServerHardware& hardware, WallTime) {
  std::vector<std::string> roles;
  std::vector<std::string> differs;
  for (const auto& role : hardware.roles())
    if (role.missing().empty()) roles.push_back(role_words(role));
  for (const auto& each : hardware.deviations()) differs.push_back(each.message());
  return {
      hardware.server(), hardware.site(),
      hardware.types().empty() ? hardware.type() : fmt::format("{}?", fmt::join(hardware.types(), " or ")),
      fmt::format("{}", fmt::join(roles, "; ")), fmt::format("{}", fmt::join(differs, "; "))};
}

Cells header(const rest::ServerInventory&) {
  return {"SERVER", "PROCESSORS", "MEMORY", "DRIVES", "NICS", "BMC", "BIOS", "HEALTH", "CHANGED"};
}
Cells row(const rest::ServerInventory& of, WallTime now) {
  const wire::Inventory& all = of.inventory();
  const auto& processors = all.processors();
  return {of.server(),
          processors.count() == 0 ? "" : fmt::format("{} x {}", processors.count(), processors.model()),
          all.memory_bytes() == 0 ? "" : fmt::format("{} GB", all.memory_bytes() >> 30U),
          drives_words(all),
          std::to_string(all.nics_size()),
          all.bmc_firmware(),
          all.bios(),
          all.health() == wire::Inventory::HEALTH_UNTOLD
              ? ""
              : to_lower(wire::Inventory::Health_Name(all.health())),
          age_words(of.changed(), now)};
}

Cells header(const rest::Deployment&) {
  return {"ID", "ACTION", "SERVER", "SITE", "STATE", "STAGE", "DONE", "CAUSE", "AGE"};
}
Cells row(const rest::Deployment& deployment, WallTime now) {
  return {deployment.id(),
          deployment.action(),
          deployment.server(),
          deployment.site(),
          state_words(deployment),
          deployment.stage() == wire::STAGE_UNSPECIFIED ? "" : wire::Stage_Name(deployment.stage()),
          fmt::format("{} %", deployment.percent()),
          deployment.has_fault() ? wire::FaultCode_Name(deployment.fault().code()) : deployment.note(),
          age_words(deployment.created(), now)};
}

template <class T>
const T& as(const google::protobuf::Message& object) {
  const T* typed = dynamic_cast<const T*>(&object);
  MM_CHECK(typed != nullptr);
  return *typed;
}

// What a wide table has beside that.

template <class T>
concept HasMetadata = requires(const T& object) { object.metadata().labels(); };

std::string label_words(const google::protobuf::Map<std::string, std::string>& labels) {
  std::map<std::string, std::string> sorted(labels.begin(), labels.end());
  std::string out;
  for (const auto& [name, value] : sorted) out += fmt::format("{}{}={}", out.empty() ? "" : ",", name, value);
  return out;
}

template <class T>
Cells more_header(const T&) {
  if constexpr (HasMetadata<T>) return {"CREATED", "LABELS"};
  return {};
}
template <class T>
Cells more_row(const T& object, WallTime) {
  if constexpr (HasMetadata<T>)
    return {time_words(object.metadata().created()), label_words(object.metadata().labels())};
  return {};
}
Cells more_header(const rest::Server&) {
  return {"BMC", "HOSTNAME", "MAC", "CREDENTIAL", "INSPECTED", "CREATED", "LABELS"};
}
Cells more_row(const rest::Server& server, WallTime now) {
  const auto& spec = server.spec();
  const auto& status = server.status();
  const auto& macs = !status.pinned().macs().empty() ? status.pinned().macs()
                     : !status.seen().macs().empty() ? status.seen().macs()
                                                     : spec.identity().macs();
  return {spec.bmc().address(),
          spec.hostname(),
          macs.empty() ? std::string() : macs.Get(0),
          spec.bmc().credential(),
          status.has_inspected_at() ? age_words(status.inspected_at(), now) : std::string(),
          time_words(server.metadata().created()),
          label_words(server.metadata().labels())};
}

Cells joined(Cells first, Cells more) {
  std::ranges::move(more, std::back_inserter(first));
  return first;
}

struct Columns {
  std::string_view kind;
  Cells (*header)();
  Cells (*row)(const google::protobuf::Message& object, WallTime now);
  Cells (*more_header)();
  Cells (*more_row)(const google::protobuf::Message& object, WallTime now);
};
template <class T>
constexpr Columns columns(std::string_view kind) {
  return {kind, [] { return header(T::default_instance()); },
          [](const google::protobuf::Message& object, WallTime now) { return row(as<T>(object), now); },
          [] { return more_header(T::default_instance()); },
          [](const google::protobuf::Message& object, WallTime now) { return more_row(as<T>(object), now); }};
}
constexpr Columns all_columns[] = {columns<rest::Site>("Site"),
                                   columns<rest::User>("User"),
                                   columns<rest::Credential>("Credential"),
                                   columns<rest::Image>("Image"),
                                   columns<rest::Profile>("Profile"),
                                   columns<rest::Server>("Server"),
                                   columns<rest::Rollout>("Rollout"),
                                   columns<rest::SettingsProfile>("SettingsProfile"),
                                   columns<rest::PostureException>("PostureException"),
                                   columns<rest::HardwareType>("HardwareType"),
                                   columns<rest::ServerInventory>("Inventory"),
                                   columns<rest::ServerHardware>("Hardware"),
                                   columns<rest::Family>("Family"),
                                   columns<rest::Deployment>("Deployment")};

const Columns& columns_of(const Kind& kind) {
  const auto* found = std::ranges::find(all_columns, kind.name, &Columns::kind);
  MM_CHECK(found != std::end(all_columns));
  return *found;
}

}  // namespace

Cells object_header(const Kind& kind) { return columns_of(kind).header(); }

Cells object_row(const Kind& kind, const google::protobuf::Message& object, WallTime now) {
  return columns_of(kind).row(object, now);
}

Cells wide_header(const Kind& kind) { return joined(object_header(kind), columns_of(kind).more_header()); }

Cells wide_row(const Kind& kind, const google::protobuf::Message& object, WallTime now) {
  return joined(object_row(kind, object, now), columns_of(kind).more_row(object, now));
}

std::string objects_table(const Kind& kind, const Objects& objects, WallTime now) {
  if (objects.empty()) return fmt::format("no {}\n", kind.plural);
  std::vector<Cells> rows = {object_header(kind)};
  for (const auto& object : objects) rows.push_back(object_row(kind, *object, now));
  return render_table(rows);
}

}  // namespace metalmesh::cli
