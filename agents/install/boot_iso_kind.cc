// A start from an image, as the house knows it: an install's stages up to the launch, and nothing that judges an installer.
#include "agents/install/boot_iso_kind.h"

#include "agents/install/install_kind.h"
#include "agents/work/order_form.h"
#include "common/orders/order_parts.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

std::optional<std::string> wrong(const wire::Agreed& agreed, const wire::Issue& issue) {
  const wire::BootIso& boot = agreed.boot_iso();
  if (!work::is_digest(boot.image().sha256())) return "image.sha256 is not a SHA-256 in hex";
  if (issue.image_urls().empty()) return "image_urls is empty";
  if (!issue.has_launch_by()) return "launch_by is missing";
  if (from_wire(issue.launch_by()) < from_wire(issue.start_by())) return "launch_by is before start_by";
  if (boot.has_max_run() && from_wire(boot.max_run()) <= Duration::zero()) return "max_run is not positive";
  return std::nullopt;
}

work::Materials materials(const wire::Agreed& agreed, const wire::Issue& issue) {
  work::Materials needs;
  needs.images.push_back(orders::image_of(agreed, issue));
  return needs;
}

}  // namespace

const work::Kind boot_iso_kind{"bootIso", true, true, wrong, materials, was_launched, make_install_machine,
                               true};

}  // namespace metalmesh::install
