#include "controller/cli/plan_text.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "controller/cli/text_table.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

constexpr int shown_most = 40;          // servers, in and out
constexpr std::size_t rows_most = 10;   // of a table of totals
constexpr std::size_t names_shown = 3;  // of those who are out for one reason

std::string plural(std::uint64_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string identity_words(const rest::ServerIdentity& identity) {
  if (!identity.serial().empty()) return identity.serial();
  if (!identity.uuid().empty()) return identity.uuid();
  return identity.macs().empty() ? std::string() : identity.macs(0);
}

/// "to inspect", "to power off within 600 s"
std::string to_do(const rest::RolloutSpec& spec) {
  const std::int64_t within = spec.power().within().seconds();
  return "to " + action_words(spec) + (within == 0 ? "" : fmt::format(" within {} s", within));
}

std::string bytes_words(std::uint64_t bytes) {
  constexpr double giga = 1e9;
  return bytes == 0 ? std::string() : fmt::format("{:.1f} GB", static_cast<double>(bytes) / giga);
}

using Counts = std::map<std::string, std::uint64_t>;

/// The largest first.
std::vector<std::pair<std::string, std::uint64_t>> sorted(const Counts& counts) {
  std::vector<std::pair<std::string, std::uint64_t>> out(counts.begin(), counts.end());
  std::ranges::sort(out, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return out;
}

std::string waves_text(const rest::Plan& plan) {
  std::string out;
  for (const rest::PlanWave& wave : plan.waves()) {
    if (plan.waves_size() < 2) break;
    out += fmt::format("wave {} ({}): {}{}\n", wave.number(), wave.name(), plural(wave.servers(), "server"),
                       wave.gate().empty() ? "" : "; then, before the next: " + wave.gate());
  }
  return out;
}

std::string or_usual(const std::string& said, std::string_view usual) {
  return said.empty() ? std::string(usual) : said;
}

std::string limits_text(const rest::RolloutSpec& spec) {
  std::string out = fmt::format(
      "limits: {} side by side, {} at a site; nothing starts later than {} after its start\n",
      spec.parallel().total(), spec.parallel().per_site(), span_words(spec.start_within().seconds()));
  const rest::RolloutStop& stop = spec.stop_after();
  if (spec.action() == "install") {
    out += fmt::format("stops at: {} failed after the wipe, {} before it, {} without proof\n",
                       or_usual(stop.after_wipe(), "3 and 3 %"), or_usual(stop.before_wipe(), "10 and 10 %"),
                       or_usual(stop.unproven(), "3 and 3 %"));
  } else {
    out += fmt::format("stops at: {} failed\n", or_usual(stop.failed(), "3 and 3 %"));
  }
  return out;
}

/// What each site reads over its BMCs, and how long that takes when as many as may run side by side do.
std::string sites_text(const rest::Rollout& rollout) {
  const rest::Plan& plan = rollout.status().plan();
  Counts sites;
  for (const auto& server : plan.servers()) ++sites[server.site()];
  std::vector<Cells> rows = {{"SITE", "SERVERS", "AT ONCE", "READS", "TAKES ABOUT"}};
  const std::uint64_t per_site = std::max<std::uint64_t>(1, rollout.spec().parallel().per_site());
  std::uint64_t more = 0, more_servers = 0;
  for (const auto& [site, servers] : sorted(sites)) {
    if (rows.size() > rows_most) {
      ++more;
      more_servers += servers;
      continue;
    }
    const std::uint64_t turns = (servers + per_site - 1) / per_site;
    const std::int64_t each = plan.media().expected().seconds();
    rows.push_back({site, std::to_string(servers), std::to_string(std::min(servers, per_site)),
                    bytes_words(servers * plan.media().expected_bytes()),
                    each == 0 ? "" : span_words(each * static_cast<std::int64_t>(turns))});
  }
  std::string out = render_table(rows);
  if (more > 0)
    out += fmt::format("and {} with {}\n", plural(more, "more site"), plural(more_servers, "server"));
  return out;
}

std::string types_text(const rest::Plan& plan) {
  Counts types;
  for (const auto& server : plan.servers())
    ++types[server.hardware_type().empty() ? "no type" : server.hardware_type()];
  if (types.size() < 2 && types.contains("no type")) return {};
  std::vector<std::string> words;
  for (const auto& [type, servers] : sorted(types)) {
    if (words.size() < rows_most) words.push_back(fmt::format("{} {}", servers, type));
  }
  return fmt::format("hardware: {}{}\n", fmt::join(words, ", "), types.size() > rows_most ? ", ..." : "");
}

std::string reasons_text(const rest::Plan& plan) {
  struct Out {
    std::uint64_t servers = 0;
    std::set<std::string> sites;
    std::vector<std::string> names;
  };
  std::map<std::string, Out> reasons;
  Counts counts;
  for (const auto& server : plan.excluded()) {
    Out& out = reasons[server.reason()];
    ++counts[server.reason()];
    out.sites.insert(server.site());
    if (out.names.size() < names_shown) out.names.push_back(server.name());
  }
  std::vector<Cells> rows = {{"REASON", "SERVERS", "SITES", "SUCH AS"}};
  for (const auto& [reason, servers] : sorted(counts)) {
    const Out& out = reasons.at(reason);
    rows.push_back({reason, std::to_string(servers), std::to_string(out.sites.size()),
                    fmt::format("{}", fmt::join(out.names, ", "))});
  }
  return render_table(rows);
}

std::string list_of_servers(const rest::Plan& plan) {
  std::vector<Cells> rows = {{"WAVE", "SERVER", "SITE", "IDENTITY", "BMC", "HOLDS"}};
  // Of servers that are ordered by the roles of a hardware type, or differ from it.
  const bool has_roles =
      std::ranges::any_of(plan.servers(), [](const auto& server) { return !server.roles().empty(); });
  const bool has_remarks =
      std::ranges::any_of(plan.servers(), [](const auto& server) { return !server.remarks().empty(); });
  if (has_roles) rows.front().emplace_back("ROLES");
  if (has_remarks) rows.front().emplace_back("REMARKS");
  for (const auto& server : plan.servers()) {
    Cells& row = rows.emplace_back(Cells{std::to_string(server.wave()), server.name(), server.site(),
                                         identity_words(server.identity()), server.bmc(), server.holds()});
    std::vector<std::string> roles;
    for (const auto& role : server.roles()) roles.push_back(role_words(role));
    if (has_roles) row.push_back(fmt::format("{}", fmt::join(roles, "; ")));
    if (has_remarks) row.push_back(fmt::format("{}", fmt::join(server.remarks(), "; ")));
  }
  return render_table(rows);
}

std::string list_of_excluded(const rest::Plan& plan) {
  std::vector<Cells> rows = {{"SERVER", "SITE", "HOLDS", "REASON", "WHY"}};
  for (const auto& server : plan.excluded())
    rows.push_back({server.name(), server.site(), server.holds(), server.reason(), server.message()});
  return render_table(rows);
}

}  // namespace

std::string plan_text(const rest::Rollout& rollout, bool all) {
  const rest::Plan& plan = rollout.status().plan();
  const bool lists = all || plan.servers_size() + plan.excluded_size() <= shown_most;
  std::string out =
      fmt::format("plan {} of rollout {}: {} {}\n", plan.digest().substr(0, short_digest),
                  rollout.metadata().name(), plural(plan.server_count(), "server"),
                  plan.image().empty() ? to_do(rollout.spec())
                                       : fmt::format("with {}, profile {}", plan.image(), plan.profile()));
  out += waves_text(plan);
  if (!lists) out += limits_text(rollout.spec()) + types_text(plan);
  if (plan.servers_size() > 0) {
    out += lists ? list_of_servers(plan) : sites_text(rollout);
    if (!plan.media().summary().empty()) out += plan.media().summary() + "\n";
  }
  if (plan.excluded_size() > 0) {
    out += fmt::format("\nnot included: {}\n", plural(plan.excluded_count(), "server"));
    out += lists ? list_of_excluded(plan) : reasons_text(plan);
  }
  for (const std::string& warning : plan.warnings()) out += "warning: " + warning + "\n";
  if (!lists)
    out += fmt::format("server by server: metalmesh rollout plan {} --all\n", rollout.metadata().name());
  return out;
}

}  // namespace metalmesh::cli
