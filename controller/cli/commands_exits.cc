// rollout pause, continue, skip, set, retry and report: what is done with a rollout that was started.
#include <fmt/format.h>

#include <algorithm>

#include "common/base/command_words.h"
#include "common/ports/wire_time.h"
#include "common/text/scalars.h"
#include "controller/cli/commands.h"
#include "controller/cli/posture.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

Result<rest::Rollout> act_on(Session& session, const std::string& name, std::string_view verb,
                             const google::protobuf::Message& body) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::Rollout rollout;
  const std::string path = fmt::format("{}/{}", object_path(*find_kind("Rollout"), name), verb);
  if (auto status = (*api)->send("POST", path, body, rollout); !status)
    return std::unexpected(status.error());
  return rollout;
}

CommandResult shown(Session& session, const Result<rest::Rollout>& rollout, const std::string& what) {
  if (!rollout) return std::unexpected(rollout.error());
  const std::string& name = rollout->metadata().name();
  const auto& status = rollout->status();
  session.show(*rollout,
               fmt::format("rollout {} is {}{}\n{}", name, status.state(), what,
                           status.waits().empty() ? "" : waits_words(status, Console::now()) + "\n"));
  session.suggest(commands::watch(name));
  return ExitCode::ok;
}

std::string code_of(const rest::Deployment& deployment) {
  return deployment.has_fault() ? wire::FaultCode_Name(deployment.fault().code()) : std::string();
}

}  // namespace

Result<google::protobuf::Timestamp> time_at(const std::string& text) {
  if (const auto span = parse_duration(text)) return to_wire(Console::now() + *span);
  google::protobuf::Timestamp at;
  if (google::protobuf::util::TimeUtil::FromString(text, &at)) return at;
  return fail(
      ErrorKind::invalid,
      fmt::format("--until {}: expected a time such as 2026-10-04T05:00:00Z, or a span such as 2h", text));
}

CommandResult pause_rollout(Session& session, const std::string& name, const std::string& reason) {
  rest::PauseRollout body;
  body.set_reason(reason);
  return shown(session, act_on(session, name, "pause", body), ": it starts no more, what runs goes on");
}

CommandResult continue_rollout(Session& session, const ExitOrder& order) {
  rest::ContinueRollout body;
  body.set_wave(order.wave);
  body.set_confirm(order.confirm);
  body.set_accept_failures(order.accept);
  body.set_reason(order.reason);
  return shown(session, act_on(session, order.name, "continue", body), "");
}

CommandResult skip_servers(Session& session, const ExitOrder& order) {
  rest::SkipServers body;
  for (const std::string& server : order.servers) body.add_servers(server);
  for (const std::string& site : order.sites) body.add_sites(site);
  body.set_reason(order.reason);
  return shown(session, act_on(session, order.name, "skip", body), "");
}

CommandResult set_rollout(Session& session, const ExitOrder& order) {
  rest::SetRollout body;
  if (!order.until.empty()) {
    const auto until = time_at(order.until);
    if (!until) return std::unexpected(until.error());
    *body.mutable_until() = *until;
  }
  if (order.parallel != 0) body.mutable_parallel()->set_total(order.parallel);
  if (order.per_site != 0) body.mutable_parallel()->set_per_site(order.per_site);
  body.set_reason(order.reason);
  return shown(session, act_on(session, order.name, "set", body), "");
}

CommandResult report_rollout(Session& session, const std::string& name, const std::string& format) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::Rollout rollout;
  if (auto status = (*api)->get(object_path(*find_kind("Rollout"), name), rollout); !status)
    return std::unexpected(status.error());
  auto deployments = fetch_deployments(**api, name);
  if (!deployments) return std::unexpected(deployments.error());
  std::ranges::sort(*deployments, {}, [](const auto& d) { return std::tuple(d.position(), d.id()); });
  std::vector<Cells> rows = {{"SERVER", "SITE", "WAVE", "STATE", "SKIPPED", "PROOF", "DISK", "CAUSE", "SEEN",
                              "RESOLVED", "STARTED", "ENDED"}};
  for (const rest::Deployment& d : *deployments)
    rows.push_back({d.server(), d.site(), std::to_string(d.wave()), d.state(), d.skipped() ? "yes" : "",
                    proof_words(d.proof()), may_wipe(d) ? disk_words(d.disk()) : "", code_of(d),
                    d.has_fault() ? d.fault().seen() : d.note(), d.resolved_by(), time_words(d.started()),
                    time_words(d.ended())});
  const ReportFormat shape = format == "csv"    ? ReportFormat::csv
                             : format == "json" ? ReportFormat::json
                                                : ReportFormat::table;
  session.console().print(report_text(rows, shape));
  const auto misses = std::ranges::count_if(*deployments, [](const auto& d) { return !has_succeeded(d); });
  if (shape == ReportFormat::table) session.console().print(causes_text(*deployments));
  return misses == 0 ? ExitCode::ok : ExitCode::refused;
}

}  // namespace metalmesh::cli
