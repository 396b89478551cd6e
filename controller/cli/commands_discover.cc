// discover: which BMCs stand in ranges of a site's addresses, and what they could be registered as; 1 when a list of serials was
// given and does not fit.
#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "common/base/command_words.h"
#include "common/os/files.h"
#include "controller/cli/commands.h"
#include "controller/cli/json_text.h"
#include "controller/cli/proposal.h"

namespace metalmesh::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto word_patience = 120s;  // of a site, for the next piece
constexpr std::size_t serials_most = 4U << 20;

std::string discovery_path(const std::string& site) {
  return object_path(*find_kind("Site"), site) + "/discovery";
}

bool is_open(const rest::Discovery& discovery) {
  return discovery.state() == "asked" || discovery.state() == "running";
}

/// To its end, with a line for each piece.
Result<rest::Discovery> follow(Session& session, ApiClient& api, const std::string& site) {
  rest::Discovery now;
  std::string id;
  auto moved = std::chrono::steady_clock::now();
  std::uint32_t asked = 0;
  while (true) {
    if (auto status = api.get(discovery_path(site), now); !status) return std::unexpected(status.error());
    if (!id.empty() && now.request_id() != id)
      return fail(ErrorKind::conflict, "another discovery of site " + site + " was asked for meanwhile");
    id = now.request_id();
    if (now.asked() != asked) {
      asked = now.asked();
      moved = std::chrono::steady_clock::now();
      session.console().complain(progress_text(now));
    }
    if (!is_open(now)) return now;
    if (std::chrono::steady_clock::now() - moved >= word_patience)
      return fail(
          ErrorKind::conflict,
          fmt::format("no word from site {} for {} s; {} of {} addresses were looked at by then\n  next: {}",
                      site, word_patience.count(), now.asked(), now.of(), commands::describe("site", site)));
    std::this_thread::sleep_for(300ms);
  }
}

Result<std::map<std::string, std::string>> serials_at(ApiClient& api, const std::string& site) {
  auto servers = fetch_all(api, *find_kind("Server"));
  if (!servers) return std::unexpected(servers.error());
  std::map<std::string, std::string> out;
  for (const auto& object : *servers) {
    const auto& server = dynamic_cast<const rest::Server&>(*object);
    if (server.spec().site() != site) continue;
    const std::string& seen = server.status().seen().serial();
    out[server.metadata().name()] = seen.empty() ? server.spec().identity().serial() : seen;
  }
  return out;
}

Result<std::vector<ExpectedMachine>> expected_by(const std::string& file) {
  if (file.empty()) return std::vector<ExpectedMachine>();
  auto text = os::read_file(file, serials_most);
  if (!text) return std::unexpected(text.error());
  auto machines = parse_serials(*text);
  if (!machines) return std::unexpected(std::move(machines.error()).with(file));
  return machines;
}

}  // namespace

CommandResult discover_bmcs(Session& session, const DiscoverOrder& order) {
  const auto expected = expected_by(order.serials);
  if (!expected) return std::unexpected(expected.error());
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const std::string path = discovery_path(order.site);
  rest::Site site;
  if (order.stop) {
    if (auto status = (*api)->send("DELETE", path, rest::NoParameters(), site); !status)
      return std::unexpected(status.error());
    session.console().print(fmt::format("discovery of site {} was stopped\n", order.site));
    session.suggest(commands::last_discovery(order.site), "what it found until then:");
    return ExitCode::ok;
  }
  if (!order.last) {
    rest::StartDiscovery body;
    body.mutable_ranges()->Assign(order.ranges.begin(), order.ranges.end());
    body.set_port(order.port);
    if (auto status = (*api)->send("POST", path, body, site); !status) return std::unexpected(status.error());
  }
  const auto discovery = follow(session, **api, order.site);
  if (!discovery) return std::unexpected(discovery.error());
  if (discovery->state() == "failed") {
    const wire::Fault& fault = discovery->fault();
    return fail(ErrorKind::conflict, fmt::format("{}: {}\n  next: {}", wire::FaultCode_Name(fault.code()),
                                                 fault.seen(), fault.next()));
  }
  const auto registered = serials_at(**api, order.site);
  if (!registered) return std::unexpected(registered.error());
  const Proposal proposal = propose(*discovery, order.site, *expected, *registered);
  const bool compared = !order.serials.empty();
  const std::string words = discovery_text(*discovery, proposal, compared);
  if (session.format == Format::yaml) {
    session.console().print(proposal_yaml(*discovery, proposal));
    if (compared) session.console().complain(words);
  } else {
    session.show(*discovery, words);
    if (compared && session.format == Format::json) session.console().complain(words);
  }
  if (!proposal.servers.empty() && session.format == Format::table)
    session.suggest(
        commands::last_discovery(order.site, "-o yaml"),
        fmt::format("{} can be registered, as: (look at it, then give it to metalmesh apply -f FILE)",
                    proposal.servers.size()));
  const bool fits = !compared || (proposal.missing.empty() && proposal.unexpected.empty());
  return fits ? ExitCode::ok : ExitCode::refused;
}

}  // namespace metalmesh::cli
