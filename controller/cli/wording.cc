#include "controller/cli/wording.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/base/command_words.h"
#include "common/ports/wire_time.h"
#include "common/text/letters.h"
#include "controller/cli/text_table.h"

namespace metalmesh::cli {
namespace {

const std::set<std::string_view> end_states = {"SUCCEEDED", "UNPROVEN", "FAILED", "CANCELLED",
                                               "INDETERMINATE"};

/// `PROOF_BOOTED` as "booted".
std::string words_of(std::string name, std::string_view prefix) {
  if (name.starts_with(prefix)) name.erase(0, prefix.size());
  std::ranges::transform(name, name.begin(), [](char c) { return c == '_' ? ' ' : to_lower(c); });
  return name;
}

wire::DiskState disk_of(const rest::Deployment& deployment) {
  if (deployment.disk() != wire::DISK_STATE_UNSPECIFIED) return deployment.disk();
  return deployment.fault().disk();
}

/// Where what was said with its BMC can be read, or why not.
std::string transcript_words(const rest::Deployment& deployment) {
  const rest::Transcript& transcript = deployment.transcript();
  if (transcript.state() == "here")
    return commands::transcript(deployment.id()) +
           (transcript.screen() ? " (--screen FILE: what it showed)" : "");
  return transcript.state() == "gone" ? "the transcript is gone: " + transcript.note()
                                      : "the transcript is at the site, and is being fetched";
}

}  // namespace

std::string problem_text(const rest::Problem& problem) {
  std::string out = problem.detail().empty() ? problem.title() : problem.detail();
  if (!problem.field().empty()) out += "\n  field: " + problem.field();
  if (!problem.next().empty()) out += "\n  next: " + problem.next();
  return out;
}

std::string disk_words(wire::DiskState disk) {
  switch (disk) {
    case wire::DISK_UNTOUCHED:
      return "untouched";
    case wire::DISK_BEING_WRITTEN:
      return "being written";
    case wire::DISK_NEW_SYSTEM:
      return "new system";
    default:
      return "unknown";
  }
}

std::string proof_words(wire::ProofGrade proof) {
  return proof == wire::PROOF_NONE ? std::string() : words_of(wire::ProofGrade_Name(proof), "PROOF_");
}

bool is_ended(const rest::Deployment& deployment) { return end_states.contains(deployment.state()); }
bool may_wipe(const rest::Deployment& deployment) {
  return deployment.action().empty() || deployment.action() == "install";
}
bool may_be_resolved(const rest::Deployment& deployment) {
  if (!deployment.resolved_by().empty()) return false;
  const std::string& state = deployment.state();
  return state == "UNPROVEN" || state == "INDETERMINATE" || !is_ended(deployment);
}
bool has_succeeded(const rest::Deployment& deployment) { return deployment.state() == "SUCCEEDED"; }

std::string state_words(const rest::Deployment& deployment) {
  const std::string proof = proof_words(deployment.proof());
  const bool graded = deployment.state() == "SUCCEEDED" || deployment.state() == "UNPROVEN";
  return graded && !proof.empty() ? fmt::format("{} ({})", deployment.state(), proof) : deployment.state();
}

std::string fence_text(const rest::Deployment& deployment) {
  if (deployment.fence() != "owed") return {};
  return fmt::format("not fenced yet: site {} has not confirmed that nothing of it will start\n",
                     deployment.site());
}

std::string failure_text(const rest::Deployment& deployment, std::size_t indent) {
  if (has_succeeded(deployment) || (!is_ended(deployment) && !deployment.has_fault())) return {};
  const std::string pad(indent, ' ');
  std::string out;
  const wire::Fault& fault = deployment.fault();
  if (deployment.has_fault()) {
    std::vector<std::string> where;
    if (!fault.stage().empty()) where.push_back(fault.stage());
    if (fault.tries() > 1) where.push_back(fmt::format("{} tries", fault.tries()));
    const std::string code = wire::FaultCode_Name(fault.code());
    out += fmt::format("{}{}{}: {}\n", pad,
                       code.empty() ? fmt::format("FAULT_{}", static_cast<int>(fault.code())) : code,
                       where.empty() ? "" : fmt::format(" ({})", fmt::join(where, ", ")), fault.seen());
    if (!fault.detail().empty() && fault.seen().find(fault.detail()) == std::string::npos)
      out += fmt::format("{}BMC:  {}\n", pad, fault.detail());
  }
  if (may_wipe(deployment)) out += fmt::format("{}Disk: {}\n", pad, disk_words(disk_of(deployment)));
  for (const std::string& debt : deployment.debts()) out += fmt::format("{}Owed: {}\n", pad, debt);
  if (deployment.has_transcript()) out += fmt::format("{}Said: {}\n", pad, transcript_words(deployment));
  if (!fault.next().empty()) {
    out += fmt::format("{}Next: {}\n", pad, fault.next());
  } else if (!may_wipe(deployment)) {
    out += fmt::format("{}Next: {}\n", pad, commands::inspect(deployment.server()));
  } else if (deployment.state() == "INDETERMINATE" || deployment.state() == "UNPROVEN") {
    out += fmt::format("{}Next: look at the server, then: {}\n", pad,
                       commands::resolve_either_way(deployment.server()));
  }
  return out;
}

std::string causes_text(const std::vector<rest::Deployment>& deployments) {
  struct Cause {
    wire::DiskState disk;
    std::vector<std::string> servers;
  };
  std::map<std::string, Cause> causes;
  for (const auto& deployment : deployments) {
    if (!is_ended(deployment) || has_succeeded(deployment)) continue;
    const std::string code =
        deployment.has_fault() ? wire::FaultCode_Name(deployment.fault().code()) : deployment.state();
    const std::string disk =
        may_wipe(deployment) ? fmt::format(" (disk {})", disk_words(disk_of(deployment))) : std::string();
    Cause& cause = causes[code + disk];
    cause.disk = disk_of(deployment);
    cause.servers.push_back(deployment.server());
  }
  std::vector<std::pair<std::string, Cause>> sorted(causes.begin(), causes.end());
  // What touched a disk comes first, then what hit most servers.
  std::ranges::sort(sorted, [](const auto& a, const auto& b) {
    const bool a_wiped = a.second.disk != wire::DISK_UNTOUCHED;
    const bool b_wiped = b.second.disk != wire::DISK_UNTOUCHED;
    if (a_wiped != b_wiped) return a_wiped;
    if (a.second.servers.size() != b.second.servers.size())
      return a.second.servers.size() > b.second.servers.size();
    return a.first < b.first;
  });
  constexpr std::size_t shown = 8;
  std::string out;
  for (auto& [name, cause] : sorted) {
    const std::size_t count = cause.servers.size();
    if (count > shown) cause.servers.resize(shown);
    out += fmt::format("{} x {}: {}{}\n", count, name, fmt::join(cause.servers, ", "),
                       count > shown ? fmt::format(" and {} more", count - shown) : "");
  }
  return out;
}

std::string action_words(const rest::RolloutSpec& spec) {
  if (spec.has_boot_iso()) return fmt::format("boot {} once", spec.image());
  if (spec.has_bmc()) return fmt::format("{} {}", spec.action(), spec.bmc().deed());
  return spec.has_power() ? fmt::format("{} {}", spec.action(), spec.power().change()) : spec.action();
}

std::string role_words(const rest::RoleChoice& role) {
  if (!role.missing().empty()) return fmt::format("{}: none, {}", role.role(), role.missing());
  if (!role.looked_for().empty())
    return fmt::format("{}: what the installer finds ({})", role.role(), role.looked_for());
  std::vector<std::string> marks;
  constexpr double giga = 1e9;
  if (role.bytes() != 0) marks.push_back(fmt::format("{:.4g} GB", static_cast<double>(role.bytes()) / giga));
  if (!role.serial().empty()) marks.push_back("serial " + role.serial());
  for (const std::string& mark : {role.wwn(), role.mac()})
    if (!mark.empty()) marks.push_back(mark);
  return fmt::format("{}: {} ({})", role.role(), role.name(), fmt::join(marks, ", "));
}

std::string span_words(std::int64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", (seconds + 59) / 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

std::string waits_words(const rest::RolloutStatus& status, WallTime now) {
  if (!status.has_waits_until() || now == WallTime()) return status.waits();
  const auto left = std::chrono::floor<std::chrono::seconds>(from_wire(status.waits_until()) - now).count();
  return left <= 0 ? status.waits() : fmt::format("{} (in {})", status.waits(), span_words(left));
}

std::string age_words(const google::protobuf::Timestamp& time, WallTime now) {
  if (time.seconds() == 0) return {};
  const auto now_seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const std::int64_t age = std::max<std::int64_t>(0, now_seconds - time.seconds());
  if (age < 120) return fmt::format("{}s", age);
  if (age < 7200) return fmt::format("{}m", age / 60);
  if (age < 172'800) return fmt::format("{}h", age / 3600);
  return fmt::format("{}d", age / 86'400);
}

std::string time_words(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return {};
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(time.seconds())));
}

std::string event_line(const rest::LogEvent& event) {
  const std::string& who = !event.server().empty() ? event.server() : event.site();
  std::string line = fmt::format("{} {:>19}  {:<10} {:<20} {}", time_words(event.at()), event.id(),
                                 event.type(), who, event.message());
  if (!event.actor().empty()) line += fmt::format(" [{}]", event.actor());
  // A line of what was said is none of the log, and the name of a server that a site tells of is what it says, too.
  std::string out;
  for (const char c : line) out += c == '\n' ? std::string("\n    ") : std::string(1, c);
  return out;
}

}  // namespace metalmesh::cli
