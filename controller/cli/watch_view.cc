#include "controller/cli/watch_view.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <boost/json.hpp>
#include <tuple>
#include <utility>

#include "controller/cli/json_text.h"
#include "controller/cli/text_table.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

bool in_flight(const rest::Deployment& deployment) {
  return deployment.state() == "ISSUED" || deployment.state() == "RUNNING" ||
         deployment.state() == "CANCELLING";
}

/// Lower needs eyes sooner.
int urgency(const rest::Deployment& deployment) {
  if (is_ended(deployment)) return has_succeeded(deployment) ? 3 : 0;
  return in_flight(deployment) ? 1 : 2;
}

std::string stage_words(const rest::Deployment& deployment) {
  if (is_ended(deployment) || deployment.stage() == wire::STAGE_UNSPECIFIED) return state_words(deployment);
  const std::string stage = wire::Stage_Name(deployment.stage());
  return deployment.state() == "CANCELLING" ? "CANCELLING" : stage;
}

/// By earlier installs; without any, nobody knows.
std::string end_words(const rest::Deployment& d) {
  if (!d.has_eta()) return "end unknown";
  return fmt::format("ends about {} UTC", google::protobuf::util::TimeUtil::ToString(d.eta()).substr(11, 5));
}

std::string row_of(const rest::Deployment& d, std::size_t name_width, std::size_t width) {
  std::string out = fit_to(d.server(), name_width) + "  ";
  if (is_ended(d)) {
    out += state_words(d);
    if (d.has_fault())
      out += fmt::format("  {}: {}", wire::FaultCode_Name(d.fault().code()), d.fault().seen());
    return cut_to(out, width);
  }
  out += fit_to(stage_words(d), 10) + " " + bar(d.percent(), 26) + fmt::format(" {:>3} %", d.percent());
  if (d.bytes_per_second() > 0) out += "  " + rate_words(d.bytes_per_second());
  if (in_flight(d) && may_wipe(d)) out += "  " + end_words(d);
  if (!d.note().empty()) out += "  " + d.note();
  return cut_to(out, width);
}

std::string counts_words(const std::map<std::string, std::size_t>& counts) {
  std::string out;
  for (const auto& [state, count] : counts)
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, state);
  return out;
}

}  // namespace

void WatchView::set_deployments(std::vector<rest::Deployment> deployments) {
  deployments_ = std::move(deployments);
  std::ranges::sort(deployments_, {},
                    [](const auto& d) { return std::tuple(d.position(), d.server(), d.id()); });
}

void WatchView::take_progress(std::string_view json) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(json, error);
  if (error || !value.is_object()) return;
  const auto* id = value.get_object().if_contains("deployment");
  rest::Deployment update;
  if (id == nullptr || !id->is_string() || !from_json(json, update)) return;
  const auto found = std::ranges::find(deployments_, std::string(id->get_string()), &rest::Deployment::id);
  // A late sample must not bring a finished one back to life.
  if (found == deployments_.end() || is_ended(*found)) return;
  found->set_stage(update.stage());
  found->set_percent(update.percent());
  found->set_bytes_read(update.bytes_read());
  found->set_bytes_per_second(update.bytes_per_second());
  found->set_package_bytes(update.package_bytes());
  found->clear_eta();
  if (update.has_eta()) *found->mutable_eta() = update.eta();
}

std::string WatchView::summary() const {
  const auto ended = static_cast<std::size_t>(std::ranges::count_if(deployments_, is_ended));
  std::map<std::string, std::size_t> counts;
  for (const auto& d : deployments_) ++counts[d.state()];
  const std::string what = action_words(rollout_.spec());
  std::string out = fmt::format("rollout {}{}: {}, {} of {} ended", rollout_.metadata().name(),
                                what.empty() || what == "install" ? "" : fmt::format(" ({})", what),
                                rollout_.status().state(), ended, deployments_.size());
  if (!counts.empty()) out += " (" + counts_words(counts) + ")";
  if (rollout_.status().waves_size() > 1)
    out += fmt::format(", wave {} of {}", rollout_.status().wave(), rollout_.status().waves_size());
  if (!rollout_.status().stop_reason().empty()) out += ": " + rollout_.status().stop_reason();
  if (!rollout_.status().waits().empty()) out += "; waits: " + waits_words(rollout_.status(), now_);
  return out;
}

std::vector<std::string> WatchView::frame(std::size_t width, std::size_t height) const {
  std::vector<std::string> out = {cut_to(summary(), width)};
  std::vector<const rest::Deployment*> shown;
  for (const auto& d : deployments_) shown.push_back(&d);
  const std::size_t room = height > 2 ? height - 2 : 0;
  std::map<std::string, std::size_t> hidden;
  if (shown.size() > room) {
    std::vector<const rest::Deployment*> by_urgency = shown;
    std::ranges::sort(by_urgency, {},
                      [](const auto* d) { return std::tuple(urgency(*d), d->position(), d->server()); });
    for (std::size_t i = room; i < by_urgency.size(); ++i) ++hidden[by_urgency[i]->state()];
    by_urgency.resize(room);
    shown = std::move(by_urgency);
  }
  std::size_t name_width = 8;
  for (const auto* d : shown)
    name_width = std::max(name_width, std::min<std::size_t>(32, display_width(d->server())));
  for (const auto* d : shown) out.push_back(row_of(*d, name_width, width));
  if (!hidden.empty() && height > 1) out.push_back(cut_to("and " + counts_words(hidden), width));
  return out;
}

std::vector<std::string> WatchView::news() {
  std::vector<std::string> out;
  const std::string& waits = rollout_.status().waits();
  if (waits != std::exchange(waited_, waits) && !waits.empty())
    out.push_back("waits: " + waits_words(rollout_.status(), now_));
  for (const auto& d : deployments_) {
    const Said now{d.state(), static_cast<int>(d.stage()), d.percent() / 10, d.note()};
    Said& before = said_[d.id()];
    if (before == now) continue;
    before = now;
    if (is_ended(d)) {
      out.push_back(fmt::format("{}: {}", d.server(), state_words(d)));
      std::string text = failure_text(d, 4);
      if (!text.empty()) text.pop_back();
      if (!text.empty()) out.push_back(std::move(text));
      continue;
    }
    std::string line = fmt::format("{}: {}", d.server(), stage_words(d));
    if (d.percent() > 0) line += fmt::format(" {} %", d.percent());
    if (d.bytes_per_second() > 0) line += fmt::format(" ({})", rate_words(d.bytes_per_second()));
    if (!d.note().empty()) line += ": " + d.note();
    out.push_back(std::move(line));
  }
  return out;
}

std::string WatchView::closing_text() const {
  std::string out;
  for (const auto& d : deployments_) {
    const std::string text = failure_text(d, 2);
    if (!text.empty()) out += fmt::format("{}: {}\n{}", d.server(), state_words(d), text);
  }
  const std::string causes = causes_text(deployments_);
  if (std::ranges::count(causes, '\n') > 0 && deployments_.size() > 1) out += "\n" + causes;
  return out + summary() + "\n";
}

bool WatchView::finished() const {
  const std::string& state = rollout_.status().state();
  if (state == "planned") return true;  // its start was taken back
  return state == "done" || (state == "stopped" && std::ranges::none_of(deployments_, in_flight));
}

bool WatchView::all_succeeded() const {
  return !deployments_.empty() && std::ranges::all_of(deployments_, has_succeeded);
}

}  // namespace metalmesh::cli
