#include "controller/core/image_surveys.h"

#include <algorithm>

#include "common/families/image_words.h"
#include "common/ports/wire_time.h"

namespace metalmesh::controller {
namespace {

constexpr int most_surveys = 8;

bool is_of(const rest::ImageSurvey& survey, const std::string& site) {
  return std::ranges::find(survey.sites(), site) != survey.sites().end();
}

/// What a site told before is not what it finds now.
void forget_site(rest::ImageStatus& status, const std::string& site) {
  for (rest::ImageSurvey& survey : *status.mutable_surveys()) {
    auto& sites = *survey.mutable_sites();
    sites.erase(std::remove(sites.begin(), sites.end(), site), sites.end());
  }
  auto& surveys = *status.mutable_surveys();
  surveys.erase(std::remove_if(surveys.begin(), surveys.end(),
                               [](const rest::ImageSurvey& survey) { return survey.sites().empty(); }),
                surveys.end());
}

}  // namespace

void keep_survey(rest::ImageStatus& status, const std::string& site, const wire::ImageFindings& found,
                 WallTime at) {
  forget_site(status, site);
  auto& surveys = *status.mutable_surveys();
  const std::string bytes = found.SerializeAsString();
  auto same = std::ranges::find_if(surveys, [&](const rest::ImageSurvey& survey) {
    return survey.findings().SerializeAsString() == bytes;
  });
  if (same == surveys.end()) {
    if (surveys.size() == most_surveys)
      surveys.erase(std::ranges::min_element(
          surveys, {}, [](const rest::ImageSurvey& survey) { return from_wire(survey.at()); }));
    *surveys.Add()->mutable_findings() = found;
    same = surveys.end() - 1;
  }
  same->add_sites(site);
  *same->mutable_at() = to_wire(at);
}

std::optional<std::string> image_refused_at(const MeshState& mesh, const rest::Image& image,
                                            const std::string& site, const std::string& family) {
  const auto survey = std::ranges::find_if(image.status().surveys(),
                                           [&](const rest::ImageSurvey& one) { return is_of(one, site); });
  if (survey == image.status().surveys().end()) return std::nullopt;
  const wire::ImageVerdict* verdict = families::verdict_of(survey->findings(), family);
  if (verdict == nullptr || verdict->obstacle().empty()) return std::nullopt;
  const auto known = mesh.families.find(site);
  if (known == mesh.families.end()) return std::nullopt;
  const auto digest = known->second.find(family);
  if (digest == known->second.end() || digest->second != verdict->family_sha256()) return std::nullopt;
  return verdict->obstacle();
}

}  // namespace metalmesh::controller
