// An install, as the house knows it.
#include "agents/install/install_kind.h"

#include <utility>

#include "agents/install/install_machine.h"
#include "agents/work/order_form.h"
#include "common/orders/order_parts.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

std::optional<std::string> wrong(const wire::Agreed& agreed, const wire::Issue& issue) {
  const wire::Install& install = agreed.install();
  if (!work::is_digest(install.image().sha256())) return "image.sha256 is not a SHA-256 in hex";
  if (issue.image_urls().empty()) return "image_urls is empty";
  if (!work::is_digest(install.profile().sha256())) return "profile.sha256 is not a SHA-256 in hex";
  if (!issue.has_launch_by()) return "launch_by is missing";
  if (from_wire(issue.launch_by()) < from_wire(issue.start_by())) return "launch_by is before start_by";
  return std::nullopt;
}

work::Materials materials(const wire::Agreed& agreed, const wire::Issue& issue) {
  const wire::Install& install = agreed.install();
  work::Materials needs;
  needs.images.push_back(orders::image_of(agreed, issue));
  if (install.packages().has_image()) needs.images.push_back(orders::package_image_of(agreed, issue));
  needs.blobs.push_back({install.profile().sha256(), "profile " + install.profile().name()});
  return needs;
}

}  // namespace

bool was_launched(const record::Job& job) { return job.launched(); }

std::unique_ptr<work::Work> make_install_machine(work::Makings with) {
  return std::make_unique<InstallMachine>(with.job, with.timeouts, std::move(with.urls), with.seed,
                                          with.known);
}

const work::Kind install_kind{"install", true, true, wrong, materials, was_launched, make_install_machine};

}  // namespace metalmesh::install
