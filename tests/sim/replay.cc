#include "tests/sim/replay.h"

#include <fmt/format.h>

#include <cstdio>

#include "agents/app/agent_recording.h"
#include "common/adapters/log_writer.h"
#include "common/adapters/recording_ring.h"
#include "controller/app/controller_recording.h"

namespace metalmesh::sim {
namespace {

constexpr int same = 0;
constexpr int differs = 1;
constexpr int nothing_to_play = 2;
constexpr int undecided = 3;

Result<std::unique_ptr<DecisionCore>> make_core(const record::RecordingHead& head, const RowReader& rows,
                                                recording::Oracles& oracles) {
  if (head.node() == "controller") return controller::recorded_controller(head, rows, oracles);
  return agent::recorded_agent(head, rows, oracles);
}

/// What a step was about, beside its kind.
std::string detail_of(const Input& input) {
  if (const auto* timer = std::get_if<TimerFired>(&input)) return timer->token;
  if (const auto* reply = std::get_if<HttpReplied>(&input))
    return fmt::format("{} {}", reply->id, reply->status);
  if (const auto* failed = std::get_if<HttpFailed>(&input))
    return fmt::format("{} {}", failed->id, failed->detail);
  if (const auto* message = std::get_if<MessageArrived>(&input)) return message->topic;
  if (const auto* opened = std::get_if<ExchangeOpened>(&input)) return opened->method + " " + opened->target;
  if (const auto* down = std::get_if<BusDown>(&input)) return down->reason;
  return {};
}

void show_step(const record::RecordedStep& step, const Input& input, const Outcome& outcome) {
  const WallTime wall = WallTime(Duration(step.wall_low() + (step.wall_high() - step.wall_low()) / 2));
  fmt::print("{:>8} {} {} {}\n", step.number(), adapters::rfc3339(wall), name_of(input), detail_of(input));
  for (const LogLine& line : outcome.logs) {
    std::string text = line.message;
    for (const auto& [key, value] : line.fields) text.append("  ").append(key).append("=").append(value);
    fmt::print("         # {}\n", text);
  }
  for (const RowWrite& row : outcome.rows)
    fmt::print("         {} {}\n", row.value ? "put" : "erase", row.key);
  for (const Effect& effect : outcome.effects) fmt::print("         > {}\n", recording::describe(effect));
}

void show_head(const recording::Stretch& stretch) {
  const record::RecordingHead& head = stretch.head;
  fmt::print("{} {}, life {}, steps {}..{}{}{}{}\n", head.node(), head.version(), head.life(),
             head.first_step(), head.first_step() + stretch.steps.size() - (stretch.steps.empty() ? 0 : 1),
             head.from_birth() ? "" : ", its beginning is no longer there",
             stretch.cut_off ? ", cut off in the middle of a frame" : "",
             head.rows_left_out() == 0 ? "" : fmt::format(", {} rows left out", head.rows_left_out()));
}

int show_report(const recording::Stretch& stretch, const recording::PlayReport& report) {
  fmt::print("  {} of {} decisions are the same", report.same, report.steps);
  if (report.masked != 0)
    fmt::print("; {} inputs had a secret that was masked, the first in step {}", report.masked,
               *report.first_masked);
  fmt::print("\n");
  if (!report.first) return same;
  fmt::print("  the first that differs: step {}: {}\n", report.first->step, report.first->what);
  return stretch.head.from_birth() && stretch.head.rows_left_out() == 0 ? differs : undecided;
}

}  // namespace

int replay(const std::string& path, bool print) {
  const auto segments = adapters::read_recording(path);
  const auto stretches = segments
                             ? recording::stretches_of(*segments)
                             : Result<std::vector<recording::Stretch>>(std::unexpected(segments.error()));
  if (!stretches) {
    fmt::print(stderr, "mesh_sim: {}\n", stretches.error().message);
    return nothing_to_play;
  }
  int code = same;
  for (const recording::Stretch& stretch : *stretches) {
    show_head(stretch);
    const auto report = recording::play(stretch, make_core, agent::blanked_rows(),
                                        [&](const auto& step, const Input& input, const Outcome& outcome) {
                                          if (print) show_step(step, input, outcome);
                                        });
    if (!report) {
      fmt::print(stderr, "mesh_sim: {}\n", report.error().message);
      return nothing_to_play;
    }
    const int found = show_report(stretch, *report);
    code = found == differs || code == differs ? differs : std::max(code, found);
  }
  return code;
}

}  // namespace metalmesh::sim
