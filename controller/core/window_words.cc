#include "controller/core/window_words.h"

#include <algorithm>
#include <utility>

#include "common/base/command_words.h"
#include "common/ports/wire_time.h"
#include "controller/core/start_windows.h"

namespace metalmesh::controller {
namespace {

using namespace std::chrono_literals;

std::string hours_words(Duration span) {
  const auto minutes = std::chrono::ceil<std::chrono::minutes>(span).count();
  const std::string rest = std::to_string(minutes % 60) + " min";
  return minutes < 60 ? rest : std::to_string(minutes / 60) + " h" + (minutes % 60 == 0 ? "" : " " + rest);
}

}  // namespace

std::vector<std::string> window_warnings(const MeshState& mesh, const rest::RolloutSpec& spec,
                                         const rest::Plan& plan,
                                         const std::map<std::string, std::uint32_t>& sites, const Now& now) {
  std::vector<std::string> warnings;
  for (const auto& [site, servers] : sites) {
    const StartWindows windows(mesh, spec, site);
    if (!windows.any()) continue;
    const std::string where = "site " + site + ": ";
    const auto opens = windows.is_open(now) ? std::optional(now.wall()) : windows.turns(now.wall_high);
    if (!opens) {
      warnings.push_back(where + windows.words() +
                         " is open at no time within 15 days: nothing starts there");
      continue;
    }
    if (*opens > now.wall_low + from_wire(spec.start_within()))
      warnings.push_back(
          where + "its window opens at " + windows.local_words(*opens) + ", in " +
          hours_words(*opens - now.wall()) +
          ", and startWithin ends before that when it is started now. Next: start it with --until");
    const std::uint32_t at_once =
        std::max(1U, std::min({servers, spec.parallel().per_site(), spec.parallel().total()}));
    // One batch after the other; zero: nobody knows.
    const Duration takes = from_wire(plan.media().expected()) * ((servers + at_once - 1) / at_once);
    if (takes > windows.longest(now.wall_high))
      warnings.push_back(where + std::to_string(servers) + " servers, " + std::to_string(at_once) +
                         " at a time, take about " + hours_words(takes) + ": does not fit " +
                         windows.words());
  }
  return warnings;
}

WindowWait window_wait(const Work& work, const rest::Rollout& rollout, const RolloutTally& tally) {
  std::vector<std::pair<StartWindows, std::optional<WallTime>>> asked;  // most sites have the same
  std::vector<std::string> shut;
  std::optional<std::size_t> first;
  std::optional<WallTime> until;
  for (const auto& [site, pending] : tally.pending) {
    const SiteLink* link = work.link(site);
    StartWindows windows(work.mesh(), rollout.spec(), site);
    if (!windows.any() || windows.is_open(work.now)) {
      if (link != nullptr && !link->silent(work.now)) return {};
      continue;
    }
    auto known = std::ranges::find(asked, windows, &decltype(asked)::value_type::first);
    if (known == asked.end()) {
      const auto opens = windows.is_open(work.now.wall_high) ? std::optional(work.now.wall_high)
                                                             : windows.turns(work.now.wall_high);
      known = asked.insert(asked.end(), {std::move(windows), opens});
    }
    shut.push_back(site);
    if (known->second && (!until || *known->second < *until)) {
      until = known->second;
      first = static_cast<std::size_t>(known - asked.begin());
      std::swap(shut.front(), shut.back());
    }
  }
  if (shut.empty()) return {};
  const std::string more = shut.size() == 1 ? "" : " and " + std::to_string(shut.size() - 1) + " more";
  if (!first)
    return {"none of its windows at site " + shut.front() + more +
                " opens within 15 days: " + asked.front().first.words() +
                ". Next: change the windows of the site, or " + commands::stop(rollout.metadata().name()),
            std::nullopt};
  return {"the window of site " + shut.front() + (shut.size() == 1 ? "" : more + ", the first,") +
              " opens at " + asked[*first].first.local_words(*until),
          until};
}

}  // namespace metalmesh::controller
