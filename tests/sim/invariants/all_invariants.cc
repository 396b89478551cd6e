#include "tests/sim/invariants/all_invariants.h"

#include <algorithm>

#include "common/ports/wire_time.h"

namespace metalmesh::sim {

const orders::Parts* Facts::order(const std::string& deployment, std::uint64_t generation) const {
  const auto found = handed_out.find(deployment);
  if (found == handed_out.end()) return nullptr;
  const auto at = found->second.find(generation);
  return at == found->second.end() ? nullptr : &at->second;
}

const orders::Parts* Facts::launched_order(const std::string& deployment) const {
  const auto found = launched.find(deployment);
  return found == launched.end() ? nullptr : order(deployment, found->second);
}

bool Facts::installs(const std::string& deployment) const {
  // What was handed out tells more than a controller that was put back behind it.
  if (const auto handed = handed_out.find(deployment); handed != handed_out.end())
    return std::ranges::any_of(handed->second, [](const auto& at) { return at.second.agreed.has_install(); });
  const auto found = said.find(deployment);
  return found == said.end() || found->second.action.empty() || found->second.action == "install";
}

bool Facts::ran_its_longest(const std::string& deployment, MonoTime now) const {
  const orders::Parts* order = launched_order(deployment);
  const auto since = launched_at.find(deployment);
  if (order == nullptr || since == launched_at.end() || !order->agreed.install().has_max_run()) return false;
  const Duration longest = from_wire(order->agreed.install().max_run());
  return now - since->second >= longest - longest / 1000;
}

bool Facts::launch_is_kept(const std::string& deployment) const {
  const auto copy = launched_in.find(deployment);
  return copy != launched_in.end() && !copies[copy->second].lost && copies[copy->second].in_log;
}

Invariants all_invariants(Court& court) {
  Invariants all;
  for (const auto& make : {one_wipe_per_generation,
                           cancelled_stays_cancelled,
                           inside_the_window,
                           right_machine,
                           numbers_only_rise,
                           only_signed_orders,
                           log_is_the_journal,
                           everything_ends,
                           no_secrets,
                           pace,
                           bad_input_changes_nothing,
                           doubt_does_not_act,
                           bounds,
                           durable_before_seen,
                           reports_are_true,
                           nothing_left_behind,
                           logins_are_few,
                           disk_is_as_told,
                           medium_stays,
                           answers_hold,
                           wiped_as_asked,
                           owner_stays,
                           plan_says_all,
                           refused_stays_refused,
                           one_controller,
                           power_is_as_told,
                           care_spares_hosts,
                           starts_as_asked,
                           transcripts_are_whole,
                           starts_are_whole,
                           others_media_stay,
                           starts_are_paced,
                           waves_hold,
                           windows_hold,
                           types_hold,
                           discovery_looks,
                           installers_ask,
                           orders_stay_at_home,
                           thief_harms_one_site}) {
    all.push_back(make(court));
  }
  return all;
}

}  // namespace metalmesh::sim
