// Every invariant, by the name of its file. The first thirteen are the ones the design counts.
#pragma once

#include <memory>

#include "tests/sim/invariants/invariant.h"

namespace metalmesh::sim {

std::unique_ptr<Invariant> one_wipe_per_generation(Court& court);
std::unique_ptr<Invariant> cancelled_stays_cancelled(Court& court);
std::unique_ptr<Invariant> inside_the_window(Court& court);
std::unique_ptr<Invariant> right_machine(Court& court);
std::unique_ptr<Invariant> numbers_only_rise(Court& court);
std::unique_ptr<Invariant> only_signed_orders(Court& court);
std::unique_ptr<Invariant> log_is_the_journal(Court& court);
std::unique_ptr<Invariant> everything_ends(Court& court);
std::unique_ptr<Invariant> no_secrets(Court& court);
std::unique_ptr<Invariant> pace(Court& court);
std::unique_ptr<Invariant> bad_input_changes_nothing(Court& court);
std::unique_ptr<Invariant> doubt_does_not_act(Court& court);
std::unique_ptr<Invariant> bounds(Court& court);
std::unique_ptr<Invariant> durable_before_seen(Court& court);
std::unique_ptr<Invariant> reports_are_true(Court& court);
std::unique_ptr<Invariant> nothing_left_behind(Court& court);
std::unique_ptr<Invariant> logins_are_few(Court& court);
std::unique_ptr<Invariant> disk_is_as_told(Court& court);
std::unique_ptr<Invariant> medium_stays(Court& court);
std::unique_ptr<Invariant> answers_hold(Court& court);
std::unique_ptr<Invariant> wiped_as_asked(Court& court);
std::unique_ptr<Invariant> owner_stays(Court& court);
std::unique_ptr<Invariant> plan_says_all(Court& court);
std::unique_ptr<Invariant> refused_stays_refused(Court& court);
std::unique_ptr<Invariant> one_controller(Court& court);
std::unique_ptr<Invariant> power_is_as_told(Court& court);
std::unique_ptr<Invariant> care_spares_hosts(Court& court);
std::unique_ptr<Invariant> starts_as_asked(Court& court);
std::unique_ptr<Invariant> transcripts_are_whole(Court& court);
std::unique_ptr<Invariant> starts_are_whole(Court& court);
std::unique_ptr<Invariant> others_media_stay(Court& court);
std::unique_ptr<Invariant> starts_are_paced(Court& court);
std::unique_ptr<Invariant> waves_hold(Court& court);
std::unique_ptr<Invariant> windows_hold(Court& court);
std::unique_ptr<Invariant> types_hold(Court& court);
std::unique_ptr<Invariant> discovery_looks(Court& court);
std::unique_ptr<Invariant> installers_ask(Court& court);
std::unique_ptr<Invariant> orders_stay_at_home(Court& court);
std::unique_ptr<Invariant> thief_harms_one_site(Court& court);

}  // namespace metalmesh::sim
