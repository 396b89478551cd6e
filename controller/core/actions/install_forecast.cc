#include "controller/core/actions/install_forecast.h"

#include <algorithm>

#include "common/ports/wire_time.h"
#include "controller/core/object_rules.h"

namespace metalmesh::controller {
namespace {

/// In the middle of what BMCs were seen to read at: 0.05 to 10 MB/s.
constexpr std::uint64_t assumed_rate = 2'000'000;

std::string size_words(std::uint64_t bytes) {
  constexpr std::uint64_t mega = 1'000'000;
  if (bytes < 1000 * mega) return std::to_string((bytes + mega - 1) / mega) + " MB";
  const std::uint64_t tenths = (bytes + 50 * mega) / (100 * mega);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GB";
}

std::string time_words(std::chrono::seconds span) {
  const auto seconds = span.count();
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 2 * 3600) return std::to_string((seconds + 30) / 60) + " min";
  return std::to_string(seconds / 3600) + " h " + std::to_string(seconds % 3600 / 60) + " min";
}

/// The slowest of the plan's sites: a rollout is no faster.
InstallFigures slowest(const MeshState& mesh, const std::string& profile, const PlanFigures& plan) {
  InstallFigures most;
  for (const auto& [site, servers] : plan.sites) {
    const auto figures = mesh.installs.of(site, profile);
    if (!figures) continue;
    most.installs += figures->installs;
    most.run = std::max(most.run, figures->run);
    most.bytes_read = std::max(most.bytes_read, figures->bytes_read);
  }
  return most;
}

std::string measured_words(const rest::PlanMedia& media) {
  const std::string of = media.image_bytes() == 0 ? "" : " of " + size_words(media.image_bytes());
  const std::string who = media.measured() == 1
                              ? "the earlier install"
                              : "the median of " + std::to_string(media.measured()) + " earlier installs";
  return "each server reads about " + size_words(media.expected_bytes()) + of +
         " over its BMC, and is ready about " + time_words(std::chrono::seconds(media.expected().seconds())) +
         " after its launch: " + who + " of this profile";
}

std::string assumed_words(const rest::PlanMedia& media, bool all_from_media) {
  if (media.image_bytes() == 0)
    return "what each server reads over its BMC is not known: the image does not say its size";
  return "each server reads up to " + size_words(media.image_bytes()) + " over its BMC" +
         (all_from_media ? "" : ", less what it takes as packages from elsewhere") + ": up to " +
         time_words(std::chrono::seconds(media.expected().seconds())) + " at " +
         size_words(media.bytes_per_second()) +
         "/s, which is assumed (BMCs read at 0.05 to 10 MB/s); no earlier install of this profile tells "
         "better";
}

}  // namespace

rest::PlanMedia forecast_media(const MeshState& mesh, const rest::Plan& plan, const PlanFigures& figures) {
  const rest::Profile& profile = *find_profile(mesh, plan.profile());
  rest::PlanMedia media;
  media.set_image_bytes(mesh.images.at(plan.image()).spec().iso().size());
  const InstallFigures earlier = slowest(mesh, plan.profile(), figures);
  if (earlier.installs > 0) {
    media.set_measured(earlier.installs);
    media.set_expected_bytes(earlier.bytes_read);
    *media.mutable_expected() = to_wire(earlier.run);
    media.set_summary(measured_words(media));
    return media;
  }
  if (media.image_bytes() > 0) {
    media.set_bytes_per_second(assumed_rate);
    media.mutable_expected()->set_seconds(
        static_cast<std::int64_t>((media.image_bytes() + assumed_rate - 1) / assumed_rate));
  }
  media.set_summary(assumed_words(media, packages_from_media(profile)));
  return media;
}

}  // namespace metalmesh::controller
