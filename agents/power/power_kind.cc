// A change of power, as the house knows it.
#include "agents/power/power_kind.h"

#include "agents/power/power_change.h"
#include "agents/power/power_machine.h"
#include "agents/power/power_talk.h"
#include "common/ports/wire_time.h"

namespace metalmesh::power {
namespace {

std::optional<std::string> wrong(const wire::Agreed& agreed, const wire::Issue&) {
  const wire::Power& power = agreed.power();
  if (power.has_within() && from_wire(power.within()) <= Duration::zero())
    return "power.within is not positive";
  return std::nullopt;
}

work::Materials materials(const wire::Agreed&, const wire::Issue&) { return {}; }

/// The call is on its way, or was; or there is nothing more to do.
bool past_return(const record::Job& job) {
  return was_told(job) || (job.stage() == wire::CLEANUP && !job.has_fault());
}

std::unique_ptr<work::Work> make(work::Makings with) {
  return std::make_unique<PowerMachine>(std::move(with));
}

}  // namespace

const work::Kind power_kind{"power", true, false, wrong, materials, past_return, make};

}  // namespace metalmesh::power
