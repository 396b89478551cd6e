// report posture, report drift: what somebody should know of the fleet, as a table, for a spreadsheet, or for a program.
#include <fmt/format.h>

#include <algorithm>

#include "common/ports/wire_time.h"
#include "common/text/percent.h"
#include "common/text/scalars.h"
#include "controller/cli/commands.h"
#include "controller/cli/posture.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

template <class T>
Result<std::vector<T>> all_of_kind(ApiClient& api, std::string_view kind,
                                   const std::map<std::string, std::string>& query = {}) {
  auto objects = fetch_all(api, *find_kind(kind), query);
  if (!objects) return std::unexpected(objects.error());
  std::vector<T> out;
  for (const auto& object : *objects) out.push_back(dynamic_cast<const T&>(*object));
  return out;
}

ReportFormat format_of(const std::string& word) {
  if (word == "csv") return ReportFormat::csv;
  return word == "json" ? ReportFormat::json : ReportFormat::table;
}

Result<Duration> time_given(std::string_view option, const std::string& text, Duration otherwise) {
  if (text.empty()) return otherwise;
  const auto parsed = parse_duration(text);
  if (!parsed)
    return fail(ErrorKind::invalid, fmt::format("{} {}: expected a duration such as 30d", option, text));
  return *parsed;
}

/// Lines of comma-separated values end in CR LF, which print would show.
void show_report(Session& session, const std::vector<Cells>& rows, ReportFormat format) {
  const std::string text = report_text(rows, format);
  format == ReportFormat::csv ? session.console().write(text) : session.console().print(text);
}

}  // namespace

CommandResult report_posture(Session& session, const ReportOrder& order) {
  PostureBounds bounds;
  const auto clock = time_given("--clock", order.clock, std::chrono::seconds(bounds.clock));
  if (!clock) return std::unexpected(clock.error());
  const auto certificate = time_given("--certificate", order.certificate, bounds.certificate);
  if (!certificate) return std::unexpected(certificate.error());
  bounds.clock = std::chrono::duration_cast<std::chrono::seconds>(*clock).count();
  bounds.certificate = *certificate;
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const auto servers = all_of_kind<rest::Server>(**api, "servers",
                                                 {{"labelSelector", order.selector}, {"where", order.where}});
  if (!servers) return std::unexpected(servers.error());
  const auto exceptions = all_of_kind<rest::PostureException>(**api, "postureexceptions");
  if (!exceptions) return std::unexpected(exceptions.error());
  const std::vector<Exposure> findings = posture_of(*servers, *exceptions, bounds, Console::now());
  std::vector<Cells> rows = {{"SERVER", "SITE", "FINDING", "FOUND", "ACCEPTED", "UNTIL"}};
  for (const Exposure& each : findings)
    rows.push_back({each.server, each.site, std::string(each.what), each.found, each.accepted, each.until});
  const auto open =
      std::ranges::count_if(findings, [](const Exposure& each) { return each.accepted.empty(); });
  const ReportFormat format = format_of(order.format);
  show_report(session, rows, format);
  const auto read =
      std::ranges::count_if(*servers, [](const auto& server) { return server.status().has_facts(); });
  if (format == ReportFormat::table)
    session.console().print(fmt::format("{} findings, {} of them accepted; {} of {} servers were read\n",
                                        findings.size(), static_cast<std::int64_t>(findings.size()) - open,
                                        read, servers->size()));
  return open == 0 ? ExitCode::ok : ExitCode::refused;
}

CommandResult report_drift(Session& session, const ReportOrder& order) {
  const auto since = time_given("--since", order.since, std::chrono::days(7));
  if (!since) return std::unexpected(since.error());
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const WallTime from = Console::now() - *since;
  std::vector<Cells> rows = {{"AT", "SERVER", "SITE", "CHANGED"}};
  std::string after;
  do {
    rest::EventList page;
    const std::string path =
        "/api/v1/events?type=drift&limit=200" + (after.empty() ? "" : "&after=" + percent_encode(after));
    if (auto status = (*api)->get(path, page); !status) return std::unexpected(status.error());
    for (const auto& event : page.items()) {
      if (event.type() == "drift" && from_wire(event.at()) >= from)
        rows.push_back({time_words(event.at()), event.server(), event.site(), event.message()});
    }
    after = page.next();
  } while (!after.empty());
  if (rows.size() == 1 && order.format == "table") {
    session.console().print("nothing is otherwise than it was\n");
  } else {
    show_report(session, rows, format_of(order.format));
  }
  return rows.size() == 1 ? ExitCode::ok : ExitCode::refused;
}

}  // namespace metalmesh::cli
