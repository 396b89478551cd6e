#include "controller/cli/proposal.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/base/machine_key.h"
#include "common/text/letters.h"
#include "controller/cli/json_text.h"
#include "controller/cli/text_table.h"

namespace metalmesh::cli {
namespace {

constexpr std::size_t longest_name = 63;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\"");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\"") - first + 1);
}

std::vector<std::string> cells_of_line(std::string_view line) {
  std::vector<std::string> out;
  while (true) {
    const auto comma = line.find(',');
    out.emplace_back(trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return out;
    line.remove_prefix(comma + 1);
  }
}

std::string cell(const std::vector<std::string>& columns, std::size_t index) {
  return index < columns.size() ? columns[index] : std::string();
}

/// Letters, digits and dashes, of what may be anything.
std::string as_name(std::string_view text) {
  std::string out;
  for (const char c : to_lower(text)) {
    if (is_alnum(c))
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  out.resize(std::min(out.size(), longest_name));
  while (out.ends_with('-')) out.pop_back();
  return out;
}

/// As far as it is known: of what was registered, too.
std::string serial_of(const rest::FoundServer& found, const std::map<std::string, std::string>& registered) {
  if (!found.bmc().serial().empty()) return normal_serial(found.bmc().serial());
  if (!found.bmc().service_tag().empty()) return normal_serial(found.bmc().service_tag());
  const auto known = registered.find(found.server());
  return known == registered.end() ? std::string() : normal_serial(known->second);
}

std::string what_words(const wire::FoundBmc& bmc) {
  switch (bmc.what()) {
    case wire::FoundBmc::REDFISH:
      return "Redfish " + bmc.redfish();
    case wire::FoundBmc::NO_TLS:
      return "no TLS";
    case wire::FoundBmc::NOT_ASKED:
      return "not asked";
    default:
      return "something else";
  }
}

rest::Server server_for(const rest::FoundServer& found, const std::string& site, std::string name) {
  const wire::FoundBmc& bmc = found.bmc();
  rest::Server server;
  server.set_api_version("metalmesh/v1");
  server.set_kind("Server");
  server.mutable_metadata()->set_name(std::move(name));
  rest::ServerSpec& spec = *server.mutable_spec();
  spec.set_site(site);
  spec.mutable_bmc()->set_address(bmc.address());
  spec.mutable_bmc()->set_key_sha256(bmc.key_sha256());
  spec.mutable_bmc()->set_credential(bmc.credential());
  // What only the service root tells is not the machine's, or not for sure.
  if (usable_uuid(bmc.system_uuid())) spec.mutable_identity()->set_uuid(normal_uuid(bmc.system_uuid()));
  if (usable_serial(bmc.serial())) spec.mutable_identity()->set_serial(normal_serial(bmc.serial()));
  return server;
}

std::string remark(const wire::FoundBmc& bmc) {
  std::string out;
  for (const std::string& word : {bmc.manufacturer(), bmc.model(), bmc.vendor(), bmc.product()})
    if (!word.empty()) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

Result<std::vector<ExpectedMachine>> parse_serials(std::string_view text) {
  std::vector<ExpectedMachine> out;
  std::set<std::string> serials, names;
  std::size_t serial_at = 0, name_at = 1, number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (trimmed(line).empty() || trimmed(line).starts_with('#')) continue;
    const std::vector<std::string> columns = cells_of_line(line);
    const auto column = [&](std::string_view word) {
      return static_cast<std::size_t>(
          std::ranges::find(columns, word, [](const auto& c) { return to_lower(c); }) - columns.begin());
    };
    if (out.empty() && column("serial") < columns.size()) {
      serial_at = column("serial");
      name_at = column("name");
      continue;
    }
    ExpectedMachine machine{normal_serial(cell(columns, serial_at)), cell(columns, name_at)};
    if (machine.serial.empty()) return fail(ErrorKind::invalid, fmt::format("line {} has no serial", number));
    if (!machine.name.empty() && as_name(machine.name) != machine.name)
      return fail(
          ErrorKind::invalid,
          fmt::format("line {}: \"{}\" is no name; write lower-case letters, digits and dashes, 63 at "
                      "most",
                      number, machine.name));
    if (!serials.insert(machine.serial).second)
      return fail(ErrorKind::invalid,
                  fmt::format("line {}: serial {} is there twice", number, machine.serial));
    if (!machine.name.empty() && !names.insert(machine.name).second)
      return fail(ErrorKind::invalid, fmt::format("line {}: name {} is there twice", number, machine.name));
    out.push_back(std::move(machine));
  }
  return out;
}

Proposal propose(const rest::Discovery& discovery, const std::string& site,
                 const std::vector<ExpectedMachine>& expected,
                 const std::map<std::string, std::string>& registered) {
  std::map<std::string, const ExpectedMachine*> wanted;
  for (const ExpectedMachine& machine : expected) wanted[machine.serial] = &machine;
  Proposal out;
  std::set<std::string> seen, names;
  for (const auto& [name, serial] : registered) {
    names.insert(name);
    seen.insert(normal_serial(serial));
  }
  for (const rest::FoundServer& found : discovery.found()) {
    const wire::FoundBmc& bmc = found.bmc();
    const std::string serial = serial_of(found, registered);
    const auto match = wanted.find(serial);
    out.lines.push_back({&found, match != wanted.end()});
    if (bmc.what() != wire::FoundBmc::REDFISH) continue;
    if (serial.empty())
      ++out.untold;
    else if (match == wanted.end())
      out.unexpected.push_back(serial + " at " + bmc.address());
    seen.insert(serial);
    if (!found.server().empty()) continue;
    std::string name = match != wanted.end() ? match->second->name : std::string();
    if (name.empty()) name = as_name(site + "-" + (serial.empty() ? bmc.address() : serial));
    // Nodes of one chassis may tell one serial.
    if (names.contains(name)) name = as_name(site + "-" + bmc.address());
    names.insert(name);
    out.servers.push_back(server_for(found, site, std::move(name)));
  }
  for (const ExpectedMachine& machine : expected)
    if (!seen.contains(machine.serial)) out.missing.push_back(machine);
  return out;
}

std::string discovery_text(const rest::Discovery& discovery, const Proposal& proposal, bool compared) {
  std::vector<Cells> rows = {{"ADDRESS", "FOUND", "SERIAL", "MODEL", "SERVER", "NOTE"}};
  if (compared) rows.front().insert(rows.front().begin() + 3, "EXPECTED");
  std::size_t bmcs = 0, known = 0;
  for (const Proposal::Line& line : proposal.lines) {
    const wire::FoundBmc& bmc = line.found->bmc();
    bmcs += bmc.what() == wire::FoundBmc::REDFISH ? 1 : 0;
    known += line.found->server().empty() ? 0 : 1;
    const std::string& serial = bmc.serial().empty() ? bmc.service_tag() : bmc.serial();
    rows.push_back({bmc.address(), what_words(bmc), serial, remark(bmc), line.found->server(), bmc.note()});
    if (compared) rows.back().insert(rows.back().begin() + 3, line.expected ? "yes" : "");
  }
  std::string out = rows.size() > 1 ? render_table(rows) : std::string();
  out +=
      fmt::format("{} addresses: {} BMCs, {} of what answers is registered already; at {} nothing answers\n",
                  discovery.asked(), bmcs, known, discovery.asked() - proposal.lines.size());
  if (discovery.state() == "stopped")
    out +=
        fmt::format("it was stopped: {} of {} addresses were looked at\n", discovery.asked(), discovery.of());
  if (!compared) return out;
  for (const ExpectedMachine& machine : proposal.missing)
    out +=
        fmt::format("missing: {}{}\n", machine.serial, machine.name.empty() ? "" : " (" + machine.name + ")");
  for (const std::string& machine : proposal.unexpected) out += fmt::format("unexpected: {}\n", machine);
  if (proposal.untold > 0)
    out += fmt::format("{} BMCs tell no serial without a login, so they may be some of those\n",
                       proposal.untold);
  return out;
}

std::string proposal_yaml(const rest::Discovery& discovery, const Proposal& proposal) {
  std::string out;
  for (const rest::FoundServer& found : discovery.found()) {
    if (!found.server().empty())
      out += fmt::format("# {} is server {} already\n", found.bmc().address(), found.server());
  }
  for (const rest::Server& server : proposal.servers) {
    const auto found = std::ranges::find_if(discovery.found(), [&](const rest::FoundServer& one) {
      return one.bmc().address() == server.spec().bmc().address();
    });
    const std::string words = found == discovery.found().end() ? std::string() : remark(found->bmc());
    out += fmt::format("---\n{}{}", words.empty() ? "" : "# " + words + "\n", to_yaml(server));
  }
  return out;
}

std::string progress_text(const rest::Discovery& discovery) {
  return fmt::format("{} of {} addresses looked at, {} answer\n", discovery.asked(), discovery.of(),
                     discovery.found_size());
}

}  // namespace metalmesh::cli
