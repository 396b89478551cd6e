// Prefetch an image: what a person asked for is kept in the image's status until the site got the command,
// and then follows what the site reports.
#include <algorithm>

#include "common/ports/wire_time.h"
#include "controller/core/field_rules.h"
#include "controller/core/operator_acts.h"
#include "controller/core/prefetches.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t sites_limit = 1000;

std::unexpected<Refusal> refuse(ErrorKind kind, std::string field, std::string message) {
  return std::unexpected(rules::refusal(kind, std::move(field), std::move(message)));
}

rest::ImagePrefetch& entry_of(rest::Image& image, const std::string& site) {
  auto& entries = *image.mutable_status()->mutable_prefetches();
  const auto known = std::ranges::find(entries, site, &rest::ImagePrefetch::site);
  if (known != entries.end()) return *known;
  rest::ImagePrefetch& entry = *entries.Add();
  entry.set_site(site);
  return entry;
}

}  // namespace

ActResult act(Work& work, const PrefetchImage& request, const std::string&) {
  if (!work.mesh().images.contains(request.image))
    return refuse(ErrorKind::not_found, "image",
                  "Image \"" + request.image.substr(0, 80) + "\" does not exist");
  if (request.sites.empty() || request.sites.size() > sites_limit)
    return refuse(ErrorKind::invalid, "sites", "name 1 to " + std::to_string(sites_limit) + " sites");
  std::string named;
  for (const std::string& site : request.sites) {
    if (!work.mesh().sites.contains(site))
      return refuse(ErrorKind::not_found, "sites", "Site \"" + site.substr(0, 80) + "\" does not exist");
    named += (named.empty() ? "" : ", ") + site;
  }
  for (const std::string& site : request.sites) set_prefetch(work, request.image, site, prefetches::asked);
  work.moved = true;
  return Acted{false, "Image", request.image, "asked " + named + " to fetch image " + request.image};
}

void set_prefetch(Work& work, const std::string& image, const std::string& site, std::string_view state,
                  const std::string& message) {
  work.ledger.change_image(image, [&](rest::Image& changed) {
    rest::ImagePrefetch& entry = entry_of(changed, site);
    entry.set_state(std::string(state));
    entry.set_message(message);
    *entry.mutable_at() = to_wire(work.now.wall());
  });
}

std::vector<std::string> prefetches_at(const MeshState& mesh, const std::string& site,
                                       std::string_view state) {
  std::vector<std::string> names;
  for (const auto& [name, image] : mesh.images) {
    const bool so = std::ranges::any_of(image.status().prefetches(), [&](const rest::ImagePrefetch& entry) {
      return entry.site() == site && (state.empty() || entry.state() == state);
    });
    if (so) names.push_back(name);
  }
  return names;
}

}  // namespace metalmesh::controller
