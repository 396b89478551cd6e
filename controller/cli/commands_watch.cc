// rollout watch and events: reading along, through restarts of the controller.
#include <fmt/format.h>

#include "common/adapters/log_writer.h"
#include "common/base/command_words.h"
#include "common/text/percent.h"
#include "controller/cli/commands.h"
#include "controller/cli/event_feed.h"
#include "controller/cli/feed_loop.h"
#include "controller/cli/json_text.h"
#include "controller/cli/next_step.h"
#include "controller/cli/watch_view.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

using namespace std::chrono_literals;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr auto refresh_least = 500ms;  // events may come in hundreds
constexpr auto refresh_most = 5s;      // should an event be missed all the same

/// What a rollout looks like now, kept up to date by events and by asking again.
class Watch {
 public:
  Watch(Session& session, ApiClient& api, std::string name)
      : session_(session),
        api_(api),
        name_(std::move(name)),
        feed_(api.target(), "/api/v1/events?rollout=" + percent_encode(name_)) {}

  Status refresh() {
    // The rollout first: if it says done, the deployments read after it have all ended.
    rest::Rollout rollout;
    if (auto status = api_.get(object_path(*find_kind("Rollout"), name_), rollout); !status) return status;
    auto deployments = fetch_deployments(api_, name_);
    if (!deployments) return std::unexpected(deployments.error());
    rollout_ = rollout;
    deployments_ = *deployments;
    view_.set_rollout(rollout);
    view_.set_deployments(std::move(*deployments));
    refreshed_ = std::chrono::steady_clock::now();
    stale_ = false;
    return {};
  }

  /// One round: hear, ask again if needed, draw. Only refusals are errors; a controller that is away is
  /// waited for.
  Status round() {
    auto heard = feed_.listen(250ms);
    if (!heard) return std::unexpected(heard.error());
    for (const SseMessage& message : heard->messages) {
      if (message.event == "progress") {
        view_.take_progress(message.data);
      } else {
        stale_ = true;
      }
    }
    if (heard->connected_now) stale_ = true;
    if (!heard->lost.empty()) say("connection lost, trying again: " + heard->lost);
    const auto age = std::chrono::steady_clock::now() - refreshed_;
    if (!feed_.away() && ((stale_ && age >= refresh_least) || age >= refresh_most)) {
      auto status = refresh();
      if (!status && exit_code_of(status.error()) != ExitCode::unreachable) return status;
    }
    draw();
    return {};
  }

  void draw() {
    Console& console = session_.console();
    if (session_.format != Format::table) return;
    view_.set_now(Console::now());
    if (console.is_terminal()) {
      const auto [width, height] = console.size();
      auto lines = view_.frame(width, height);
      if (feed_.away()) lines.emplace_back("(no connection to the controller: this is the last known state)");
      console.draw(lines);
      return;
    }
    const std::string now = adapters::rfc3339(Console::now()).substr(11, 8);
    for (const std::string& line : view_.news()) console.print(fmt::format("{} {}\n", now, line));
  }

  void say(const std::string& text) {
    if (!session_.console().is_terminal()) session_.console().complain(text + "\n");
  }

  [[nodiscard]] const WatchView& view() const { return view_; }
  [[nodiscard]] const rest::Rollout& rollout() const { return rollout_; }
  [[nodiscard]] const std::vector<rest::Deployment>& deployments() const { return deployments_; }

 private:
  Session& session_;
  ApiClient& api_;
  std::string name_;
  EventFeed feed_;
  WatchView view_;
  rest::Rollout rollout_;
  std::vector<rest::Deployment> deployments_;
  SteadyTime refreshed_{};
  bool stale_ = true;
};

std::string log_event_text(const Session& session, const rest::LogEvent& event) {
  switch (session.format) {
    case Format::table:
      return event_line(event) + "\n";
    case Format::json:
      return shown_json(event, Layout::compact) + "\n";
    case Format::yaml:
      return "---\n" + to_yaml(event);
  }
  return {};
}

/// Events stay when their object goes, so the log is asked, too, before a name counts as wrong.
Status check_filter(ApiClient& api, const std::map<std::string, std::string>& filter) {
  for (const auto& [field, name] : filter) {
    if (name.empty()) continue;
    const Kind* kind = find_kind(field);
    const auto object = kind->make();
    auto found = api.get(object_path(*kind, name), *object);
    if (found || found.error().kind != ErrorKind::not_found) continue;
    rest::EventList page;
    const std::string path = fmt::format("/api/v1/events?limit=1&{}={}", field, percent_encode(name));
    if (auto asked = api.get(path, page); !asked) return asked;
    if (page.items().empty() && page.next().empty()) return found;
  }
  return {};
}

CommandResult follow_events(Session& session, ApiClient& api, const std::string& query,
                            const std::string& after) {
  EventFeed feed(api.target(), "/api/v1/events" + (query.empty() ? "" : "?" + query), after);
  return std::unexpected(read_along(session, feed, [&](const EventFeed::Heard& heard) {
    for (const SseMessage& message : heard.messages) {
      if (message.event == "reset") {
        session.console().complain(
            "the controller was restored from a backup: what follows is its ledger behind the last event "
            "that was in the backup\n");
        continue;
      }
      rest::LogEvent event;
      if (!message.id.empty() && from_json(message.data, event))
        session.console().print(log_event_text(session, event));
    }
  }));
}

}  // namespace

CommandResult watch_rollout(Session& session, const std::string& name) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  Watch watch(session, **api, name);
  if (auto status = watch.refresh(); !status) return std::unexpected(status.error());
  const std::string& state = watch.rollout().status().state();
  if (state.empty() || state == "draft" || state == "planned") {
    const bool startable = watch.rollout().status().plan().server_count() > 0;
    return fail(ErrorKind::conflict,
                fmt::format("rollout {} is not started\n  next: {}", name,
                            startable ? next_after_plan(watch.rollout()).command : commands::plan(name)));
  }
  watch.draw();
  while (!watch.view().finished()) {
    if (auto status = watch.round(); !status) return std::unexpected(status.error());
  }
  session.console().finish_frame();
  session.show(watch.rollout(), watch.view().closing_text());
  const NextStep next = next_after_end(watch.rollout(), watch.deployments());
  session.suggest(next.command, next.first);
  return watch.view().all_succeeded() ? ExitCode::ok : ExitCode::refused;
}

CommandResult show_events(Session& session, const EventsOrder& order) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  if (auto known = check_filter(**api, order.filter); !known) return std::unexpected(known.error());
  std::string query;
  for (const auto& [name, value] : order.filter) {
    if (!value.empty())
      query += fmt::format("{}{}={}", query.empty() ? "" : "&", name, percent_encode(value));
  }
  if (!order.type.empty())
    query += fmt::format("{}type={}", query.empty() ? "" : "&", percent_encode(order.type));
  if (order.follow && (!order.since.empty() || order.tail > 0))
    return fail(ErrorKind::invalid,
                "--since and --tail are of what is there, --follow of what comes: give --after ID");
  if (order.follow) return follow_events(session, **api, query, order.after);
  std::string after = order.after;
  for (;;) {
    std::string path = "/api/v1/events?limit=200";
    if (!query.empty()) path += "&" + query;
    if (!order.since.empty()) path += "&since=" + percent_encode(order.since);
    if (order.tail > 0) path += fmt::format("&tail={}", order.tail);
    if (!after.empty()) path += "&after=" + percent_encode(after);
    rest::EventList page;
    if (auto status = (*api)->get(path, page); !status) return std::unexpected(status.error());
    for (const auto& event : page.items()) session.console().print(log_event_text(session, event));
    if (page.next().empty()) return ExitCode::ok;
    after = page.next();
  }
}

}  // namespace metalmesh::cli
