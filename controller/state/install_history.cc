#include "controller/state/install_history.h"

#include <algorithm>

#include "common/ports/wire_time.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t most_kept = 31;  // of a site and profile: enough for a median, and soon up to date

constexpr Duration longest = std::chrono::hours(30 * 24);

bool believable(Duration span) { return span >= Duration::zero() && span <= longest; }

std::string name_of(const std::string& profile) { return profile.substr(0, profile.find('@')); }

}  // namespace

void InstallHistory::add(const rest::Deployment& deployment, const std::string& profile,
                         const std::string& image_sha256) {
  if (deployment.state() != states::succeeded || profile.empty()) return;
  if (const std::uint64_t read = deployment.bytes_read(); read > 0) {
    std::uint64_t& least = reads_[{image_sha256, profile}].try_emplace(deployment.site(), read).first->second;
    least = std::min(least, read);
  }
  if (!deployment.has_started() || !deployment.has_launched_at() || !deployment.has_ran()) return;
  const Duration to_launch = from_wire(deployment.launched_at()) - from_wire(deployment.started());
  const Duration run = from_wire(deployment.ran());
  if (!believable(to_launch) || !believable(run)) return;  // the site's clock was set meanwhile
  Install install;
  install.ended = from_wire(deployment.ended());
  install.took = {.installs = 1,
                  .to_launch = to_launch,
                  .run = run,
                  .bytes_read = deployment.bytes_read(),
                  .package_bytes = deployment.package_bytes()};
  std::vector<Install>& all = installs_[{deployment.site(), name_of(profile)}];
  all.insert(std::ranges::upper_bound(all, install.ended, {}, &Install::ended), install);
  if (all.size() > most_kept) all.erase(all.begin());
}

std::uint64_t InstallHistory::usual_reads(const std::string& image_sha256, const std::string& profile) const {
  const auto found = reads_.find({image_sha256, profile});
  if (found == reads_.end()) return 0;
  return std::ranges::max_element(found->second, {}, &LeastBySite::value_type::second)->second;
}

std::optional<InstallFigures> InstallHistory::of(const std::string& site, const std::string& profile) const {
  const auto found = installs_.find({site, name_of(profile)});
  if (found == installs_.end()) return std::nullopt;
  const auto median = [&](auto InstallFigures::* field) {
    std::vector<std::decay_t<decltype(std::declval<InstallFigures>().*field)>> values;
    for (const Install& install : found->second) values.push_back(install.took.*field);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
  };
  return InstallFigures{.installs = static_cast<std::uint32_t>(found->second.size()),
                        .to_launch = median(&InstallFigures::to_launch),
                        .run = median(&InstallFigures::run),
                        .bytes_read = median(&InstallFigures::bytes_read),
                        .package_bytes = median(&InstallFigures::package_bytes)};
}

}  // namespace metalmesh::controller
