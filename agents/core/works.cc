#include "agents/core/works.h"

#include <algorithm>
#include <array>

#include "agents/care/doctor.h"
#include "agents/care/housekeeping.h"
#include "agents/core/inspect_work.h"
#include "agents/install/boot_iso_kind.h"
#include "agents/install/install_kind.h"
#include "agents/install/mount_test_kind.h"
#include "agents/power/power_change.h"
#include "agents/power/power_kind.h"
#include "common/base/check.h"

namespace metalmesh::agent {
namespace {

struct Row {
  wire::Agreed::WorkCase work;
  const work::Kind* kind;
};

constexpr std::array rows = {
    Row{wire::Agreed::kInstall, &install::install_kind},
    Row{wire::Agreed::kPower, &power::power_kind},
    Row{wire::Agreed::kInspect, &inspect_kind},
    Row{wire::Agreed::kBootIso, &install::boot_iso_kind},
    Row{wire::Agreed::kMountTest, &install::mount_test_kind},
    Row{wire::Agreed::kDoctor, &care::doctor_kind},
    Row{wire::Agreed::kHousekeeping, &care::housekeeping_kind},
};

}  // namespace

const work::Kind* find_kind(const wire::Agreed& agreed) {
  // A change or a deed that a later release brings is as unknown here as a whole kind.
  if (agreed.has_power() && !power::is_known(agreed.power().change())) return nullptr;
  if (agreed.has_housekeeping() && care::find_deed(agreed.housekeeping().deed()) == nullptr) return nullptr;
  const auto* row = std::ranges::find(rows, agreed.work_case(), &Row::work);
  return row == rows.end() ? nullptr : row->kind;
}

const work::Kind& kind_of(const wire::Agreed& agreed) {
  const work::Kind* kind = find_kind(agreed);
  MM_CHECK(kind != nullptr);
  return *kind;
}

}  // namespace metalmesh::agent
