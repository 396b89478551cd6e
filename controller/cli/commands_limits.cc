// limits list and widen; server approve.
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include "common/text/percent.h"
#include "common/text/scalars.h"
#include "controller/cli/commands.h"
#include "controller/cli/server_requests.h"
#include "controller/cli/text_table.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

constexpr char limits_path[] = "/api/v1/limits";

std::string limits_text(const rest::StartPaceList& list) {
  std::vector<Cells> rows = {{"OF", "NAME", "STARTS/H", "CEILING", "NOTE"}};
  for (const auto& pace : list.items()) {
    std::string note = fmt::format("{}", fmt::join(pace.stopped(), "; "));
    if (pace.has_widened_until())
      note += fmt::format("{}widened until {} by {}: {}", note.empty() ? "" : "; ",
                          time_words(pace.widened_until()), pace.widened_by(), pace.widened_reason());
    rows.push_back(
        {pace.kind(), pace.name(), std::to_string(pace.starts()), std::to_string(pace.per_hour()), note});
  }
  std::string out =
      list.items().empty() ? "nothing that writes disks was started within the hour\n" : render_table(rows);
  for (const auto& glass : list.owed())
    out += fmt::format("\n{} was unprotected by {} at {} without an approver: {}\n", glass.server(),
                       glass.by(), time_words(glass.at()), glass.reason());
  return out;
}

}  // namespace

CommandResult show_limits(Session& session) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::StartPaceList list;
  if (auto status = (*api)->get(limits_path, list); !status) return std::unexpected(status.error());
  session.show(list, limits_text(list));
  if (!list.owed().empty())
    session.suggest(fmt::format("metalmesh server approve {} --note TEXT", list.owed(0).server()),
                    "an approver looks at it:");
  return ExitCode::ok;
}

CommandResult widen_limit(Session& session, const WidenOrder& order) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::WidenPace body;
  body.set_per_hour(order.per_hour);
  body.set_reason(order.reason);
  if (!order.duration.empty()) {
    const auto lasting = parse_duration(order.duration);
    if (!lasting || *lasting <= Duration::zero())
      return fail(ErrorKind::invalid,
                  fmt::format("--for {}: expected a duration such as 2h", order.duration));
    *body.mutable_duration() = google::protobuf::util::TimeUtil::NanosecondsToDuration(lasting->count());
  }
  rest::NoParameters nothing;
  const std::string path = fmt::format("{}/{}/{}", limits_path, order.kind, percent_encode(order.name));
  if (auto status = (*api)->send("POST", path, body, nothing); !status)
    return std::unexpected(status.error());
  return show_limits(session);
}

CommandResult approve_server(Session& session, const std::string& name, const std::string& note) {
  rest::ApproveUnprotect body;
  body.set_note(note);
  auto server = post_server(session, name, "approve-unprotect", body);
  if (!server) return std::unexpected(server.error());
  session.show(*server, fmt::format("that {} was unprotected is looked at\n", name));
  session.suggest("metalmesh limits list");
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
