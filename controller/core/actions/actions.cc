#include "controller/core/actions/actions.h"

#include <algorithm>
#include <array>

#include "common/base/command_words.h"
#include "controller/core/server_phases.h"
#include "controller/core/work.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {

const Action& install_action();
const Action& power_action();
const Action& inspect_action();
const Action& boot_iso_action();
const Action& doctor_action();
const Action& mount_test_action();
const Action& bmc_action();

namespace {

const auto& table() {
  static const std::array all = {
      &install_action(), &power_action(),      &inspect_action(), &boot_iso_action(),
      &doctor_action(),  &mount_test_action(), &bmc_action(),
  };
  return all;
}

const Action& named_or_install(std::string_view name) {
  const Action* named = action_named(name);
  return named == nullptr ? install_action() : *named;
}

/// Of an action that wipes nothing.
wire::DiskState disk_of(const Action& action) {
  return action.runs_anything ? wire::DISK_STATE_UNSPECIFIED : wire::DISK_UNTOUCHED;
}

bool has_field(const Action& action, std::string_view path) {
  return std::ranges::find(action.fields(), path, &SpecField::path) != action.fields().end();
}

}  // namespace

std::span<const Action* const> all_actions() { return table(); }

const Action* action_named(std::string_view name) {
  const auto found = std::ranges::find_if(table(), [&](const Action* one) { return one->name == name; });
  return found == table().end() ? nullptr : *found;
}

const Action& action_of(const rest::RolloutSpec& spec) { return named_or_install(spec.action()); }
const Action& action_of(const rest::Deployment& deployment) { return named_or_install(deployment.action()); }
const Action& action_of(const wire::Agreed& agreed) {
  const auto found =
      std::ranges::find_if(table(), [&](const Action* one) { return one->work == agreed.work_case(); });
  return found == table().end() ? install_action() : **found;
}

rules::Verdict check_fields(const Action& action, const rest::RolloutSpec& spec) {
  for (const Action* other : table()) {
    for (const SpecField& field : other->fields()) {
      if (!field.given(spec) || has_field(action, field.path)) continue;
      return rules::refusal(
          ErrorKind::invalid, std::string(field.path),
          "is of action " + std::string(other->name) + ", and this one is " + std::string(action.name),
          "leave it out");
    }
  }
  return std::nullopt;
}

void keep_to_nature(rest::Deployment& deployment) {
  const Action& action = action_of(deployment);
  if (!action.changes) deployment.set_keeps_place(false);
  if (!action.wipes) {
    deployment.set_launched(false);
    deployment.clear_launched_at();
    deployment.set_disk(disk_of(action));
  } else if (deployment.state() == states::indeterminate && !may_have_wiped_disk(deployment.disk())) {
    deployment.set_disk(wire::DISK_UNKNOWN);
  }
}

void outcome_unknown(rest::Deployment& deployment, const std::string& seen, const std::string& first) {
  const bool wipes = action_of(deployment).wipes;
  deployment.set_disk(wipes ? wire::DISK_UNKNOWN : disk_of(action_of(deployment)));
  wire::Fault& fault = *deployment.mutable_fault();
  fault.set_code(wire::OUTCOME_UNKNOWN);
  fault.set_seen(seen);
  fault.set_disk(deployment.disk());
  fault.set_next(wipes ? first + ", then: " + commands::resolve_either_way(deployment.id())
                       : commands::inspect(deployment.server()));
}

std::uint32_t threshold(const std::string& text, std::uint32_t floor, std::uint32_t percent,
                        const rest::RolloutStop& stop, const EndTally& tally) {
  const auto share = rules::parse_share(text);
  if (!share) return std::max(floor, rules::Share{percent, true}.of(tally.ended()));
  return share->of(tally.ended() < threshold_minimum(stop) ? tally.total : tally.ended());
}

std::uint32_t threshold_minimum(const rest::RolloutStop& stop) {
  constexpr std::uint32_t usual = 10;
  return stop.minimum() == 0 ? usual : stop.minimum();
}

std::vector<Threshold> failures_alike(const rest::RolloutStop& stop, const EndTally& tally) {
  constexpr std::uint32_t at_least = 3;  // or 3 %
  return {{"failed", tally.failed_before_wipe + tally.unproven,
           threshold(stop.failed(), at_least, 3, stop, tally)}};
}

void Action::handed_out(Work& work, const rest::Deployment& deployment) const {
  if (!changes) return;
  // Told late, it may stand behind a newer one by now.
  const rest::Deployment* open = open_deployment(work.mesh(), work.mesh().servers.at(deployment.server()));
  if (open != nullptr && open->id() != deployment.id()) return;
  work.ledger.change_server(deployment.server(), [&](rest::Server& server) {
    auto& status = *server.mutable_status();
    status.set_deployment(deployment.id());
    status.set_generation(std::max<std::uint64_t>(status.generation(), deployment.generation()));
  });
}

}  // namespace metalmesh::controller
