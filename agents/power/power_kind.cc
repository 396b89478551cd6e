// A change of power, as the house knows it.
#include "agents/power/power_kind.h"

#include "agents/power/power_change.h"
#include "agents/power/power_machine.h"
#include "common/ports/wire_time.h"

namespace metalmesh::power {
namespace {

std::optional<std::string> wrong(const wire::Agreed& agreed, const wire::Issue&) {
  const wire::Power& power = agreed.power();
  if (!is_known(power.change())) return "power.change is none that this agent knows";
  if (power.has_within() && from_wire(power.within()) <= Duration::zero())
    return "power.within is not positive";
  return std::nullopt;
}

work::Materials materials(const wire::Agreed&, const wire::Issue&) { return {}; }

/// The call is on its way, or was.
bool past_return(const record::Job& job) { return job.armed(); }

std::unique_ptr<work::Work> make(work::Makings with) {
  return std::make_unique<PowerMachine>(std::move(with));
}

}  // namespace

const work::Kind power_kind{"power", true, wrong, materials, past_return, make};

}  // namespace metalmesh::power
