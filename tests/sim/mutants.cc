#include "tests/sim/mutants.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "tests/sim/swarm_run.h"

namespace metalmesh::sim {
namespace {

struct Mutant {
  Defect defect;
  std::string_view name;
  std::string_view where;
  std::string_view breaks;
  std::uint64_t within;         // seeds, from the first on
  bool open = false;            // no judge catches it yet; one that does takes the word off
  std::string_view story = {};  // that every seed tells: the weather never meets it
};

using enum Defect;
const Mutant mutants[] = {
    {effects_before_commit, "effects_before_commit", "common/turn", "effects leave before their rows", 5},
    {signature_not_checked, "signature_not_checked", "common/delivery", "any bytes are an order", 50},
    {dedupe_off_by_one, "dedupe_off_by_one", "common/delivery", "the last entry counts twice", 20},
    {gap_accepted, "gap_accepted", "common/delivery", "lost entries are skipped", 20},
    {other_history_accepted, "other_history_accepted", "common/delivery", "another history is taken for ours",
     500},
    {trims_above_keep_from, "trims_above_keep_from", "common/delivery", "a site trims what nobody released",
     20},
    {never_resends, "never_resends", "common/delivery", "a lost frame stays lost", 100},
    {window_ignored, "window_ignored", "common/delivery", "everything is sent at once", 500},
    {twin_not_noticed, "twin_not_noticed", "common/delivery", "two agents of one identity are believed", 500},
    {late_wake_ignored, "late_wake_ignored", "common/delivery", "who spoke while we slept was silent", 500},
    {fence_always_open, "fence_always_open", "agents/media", "the installer is served to whoever reads", 20},
    {medium_starts_again, "medium_starts_again", "agents/media", "a medium boots again after the restart",
     500},
    {launch_not_journalled, "launch_not_journalled", "agents/core", "guarded bytes leave before LAUNCHED",
     20},
    {generation_fence_removed, "generation_fence_removed", "agents/core", "an old order runs again", 500},
    {path_not_checked, "path_not_checked", "common/orders", "an order need not be what its plan says", 500},
    {tombstone_not_max, "tombstone_not_max", "agents/core", "an old cancel lowers the tombstone", 500},
    {cancel_answers_only, "cancel_answers_only", "agents/core", "a cancelled job goes on", 100},
    {too_late_called_cancelled, "too_late_called_cancelled", "agents/core",
     "a launched job is called cancelled", 500},
    {foreign_journal_obeyed, "foreign_journal_obeyed", "agents/core",
     "commands for a lost journal are obeyed", 500},
    {lower_epoch_obeyed, "lower_epoch_obeyed", "agents/core", "a replaced controller is obeyed", 500},
    {acts_before_proven, "acts_before_proven", "agents/core", "a life nobody vouched for acts", 100},
    {rollback_not_noticed, "rollback_not_noticed", "agents and controller", "an old copy of a store acts",
     500},
    {expiry_ignored, "expiry_ignored", "agents", "orders are obeyed after their time", 500},
    {breaker_never_holds, "breaker_never_holds", "agents/core", "a wrong password is tried for ever", 500},
    {unknown_kind_accepted, "unknown_kind_accepted", "agents/core", "an unknown command is called obeyed",
     500},
    {ended_jobs_kept, "ended_jobs_kept", "agents/core", "the rows of ended jobs pile up", 20},
    {parallel_ignored, "parallel_ignored", "agents/core", "a site runs more than its limit", 500},
    {act_before_intent, "act_before_intent", "agents/work", "a machine is changed without an intent", 5},
    {resumes_blindly, "resumes_blindly", "agents/install", "after a crash it acts as if nothing had happened",
     500},
    {any_machine_will_do, "any_machine_will_do", "agents/install", "identities are not compared", 500},
    {identity_not_read_again, "identity_not_read_again", "agents/work", "ARM trusts an old reading", 500},
    {row_skips_identity, "row_skips_identity", "agents/bmc", "of a BMC that is known any machine will do",
     500},
    {foreign_taken_for_ours, "foreign_taken_for_ours", "agents/install", "somebody else's medium is ejected",
     500},
    {off_while_installing, "off_while_installing", "agents/install", "power is touched after LAUNCHED", 500},
    {mount_lives_on, "mount_lives_on", "agents/install", "a finished medium stays bootable", 500},
    {retries_after_wipe, "retries_after_wipe", "agents/install", "a wiped server is tried again", 500},
    {guessed_end_believed, "guessed_end_believed", "agents/install",
     "an old system proves that an installer came to its end", 100, false, "hangs-and-restarts"},
    {success_without_proof, "success_without_proof", "agents/install", "success without a proof", 100},
    {wiped_disk_called_untouched, "wiped_disk_called_untouched", "agents/install",
     "a wiped disk is called untouched", 100},
    {debts_not_told, "debts_not_told", "agents/install", "what is left behind is not owned up to", 500},
    {token_in_evidence, "token_in_evidence", "agents/install", "a session token is written down", 20},
    {abort_recalls_nothing, "abort_recalls_nothing", "controller/core", "an abort does not recall", 500},
    {limits_ignored, "limits_ignored", "controller/core", "more run side by side than allowed", 100},
    {threshold_ignored, "threshold_ignored", "controller/core", "failures do not stop a rollout", 500},
    {protection_ignored, "protection_ignored", "controller/core", "protected servers are selected", 500},
    {generation_reused, "generation_reused", "controller/core", "two orders share a generation", 100},
    {restore_not_noticed, "restore_not_noticed", "controller/core", "a restored controller goes on as if new",
     500},
    {lost_journal_not_voided, "lost_journal_not_voided", "controller/core",
     "what a lost journal knew stays open", 500},
    {clock_steps_believed, "clock_steps_believed", "controller/core", "whatever the clock shows is the time",
     500},
    {medium_taken_at_random, "medium_taken_at_random", "agents/install",
     "a running installer is given up early", 100},
    {medium_shut_while_read, "medium_shut_while_read", "agents/install", "a medium is shut while it is read",
     100},
    {talk_ends_medium, "talk_ends_medium", "agents/install", "a fault of the talk takes the medium", 500},
    {custody_lets_go, "custody_lets_go", "agents/install", "custody ends at once", 500},
    {any_listener_proves, "any_listener_proves", "agents/install", "whoever listens is the new system", 500},
    {one_off_ends_it, "one_off_ends_it", "agents/install", "one reading of Off is an end", 500},
    {ends_called_succeeded, "ends_called_succeeded", "controller/core", "failures are booked as successes",
     50},
    {ends_called_untouched, "ends_called_untouched", "controller/core", "every disk is called untouched", 50},
    {late_facts_dropped, "late_facts_dropped", "controller/core", "a person's word outranks the disk", 500},
    {reopened_keeps_old_word, "reopened_keeps_old_word", "controller/core", "what was disproved stands on",
     500},
    {restore_goes_on, "restore_goes_on", "controller/core", "a restored controller goes on by itself", 500},
    {pending_not_doubted, "pending_not_doubted", "controller/core",
     "what both ends forgot is called untouched", 500},
    {unresolved_taken, "unresolved_taken", "controller/core", "what is unclear is selected", 500},
    {installed_taken, "installed_taken", "controller/core", "installed servers are selected unasked", 500},
    {before_wipe_ignored, "before_wipe_ignored", "controller/core", "failures before the wipe do not stop it",
     500},
    {half_start_runs, "half_start_runs", "controller/core",
     "a start that was cut off runs with half its orders", 500},
    {canary_ignored, "canary_ignored", "controller/core", "nobody waits for the canary", 500},
    {wave_threshold_ignored, "wave_threshold_ignored", "controller/core", "a wave may fail where all do well",
     40, false, "sick-wave"},
    {health_ignored, "health_ignored", "controller/core", "a sick wave lets the next one begin", 500},
    {soak_ignored, "soak_ignored", "controller/core", "the next wave begins without a soak", 500},
    {person_gate_ignored, "person_gate_ignored", "controller/core", "a wave begins that nobody let begin", 40,
     false, "person-is-late"},
    {pause_ignored, "pause_ignored", "controller/core", "a paused rollout starts servers", 500},
    {stale_continue_taken, "stale_continue_taken", "controller/core", "whatever a person names is continued",
     500},
    {stale_plan_started, "stale_plan_started", "controller/core", "what is ordered is not in the plan", 500},
    {skip_recalls_nothing, "skip_recalls_nothing", "controller/core", "who was skipped is ordered", 500},
    {until_ignored, "until_ignored", "controller/core", "starts go on behind the time that was set", 40,
     false, "short-time"},
    {window_shut_ignored, "window_shut_ignored", "controller/core", "servers start outside of their windows",
     40, false, "shut-windows"},
    {cancel_taken_for_granted, "cancel_taken_for_granted", "controller/core",
     "CANCELLED before the site says so", 500},
    {in_use_ignored, "in_use_ignored", "controller/core", "what is in use counts as empty", 500},
    {facts_go_with_objects, "facts_go_with_objects", "controller/core",
     "delete and apply make a server new again", 500},
    {any_controller_obeyed, "any_controller_obeyed", "agents/core", "whoever has our key commands", 500},
    {foreign_controller_ignored, "foreign_controller_ignored", "controller/core",
     "another controller with our identity is not noticed", 500},
    {leftovers_not_sought, "leftovers_not_sought", "controller/core",
     "what a lost data folder left is not looked for", 500},
    {rivals_media_not_sought, "rivals_media_not_sought", "controller/core",
     "what an agent inserts that is not followed any more is not looked for", 500},
    {newcomer_displaces, "newcomer_displaces", "controller/core", "an empty agent displaces one that lives",
     500},
    {gap_not_told, "gap_not_told", "controller/core", "events that are missing are skipped without a word",
     500},
    {gap_not_doubted, "gap_not_doubted", "controller/core", "what missing events may have said is not asked",
     500},
    {first_site_suffices, "first_site_suffices", "controller/core", "one site is heard, and all goes on",
     500},
    {answers_in_quarantine, "answers_in_quarantine", "agents/core", "whose history is contradicted answers",
     500},
    {custody_frees_place, "custody_frees_place", "controller/core", "what may still run takes no place", 500},
    {refusal_forgotten, "refusal_forgotten", "agents/core", "a refused order is taken when it comes again",
     500},
    {words_not_doubted, "words_not_doubted", "controller/core", "a word stands that nobody can confirm", 500},
    {machines_not_doubted, "machines_not_doubted", "controller/core",
     "what both ends forgot never happened to a machine", 500},
    {new_time_not_kept, "new_time_not_kept", "controller/core", "the next life doubts what this one believed",
     500},
    {resolve_owes_nothing, "resolve_owes_nothing", "controller/core", "a resolve calls nothing back", 500},
    {resolve_frees_place, "resolve_frees_place", "controller/core", "a person's word frees the place", 500},
    {deleted_is_forgotten, "deleted_is_forgotten", "controller/core", "what is unclear goes with its rollout",
     500},
    {unproven_taken, "unproven_taken", "controller/core", "new systems without proof are selected", 500},
    {protect_recalls_nothing, "protect_recalls_nothing", "controller/core",
     "who is protected is wiped by the order under way", 500},
    {unproven_not_counted, "unproven_not_counted", "controller/core", "UNPROVEN stops nothing", 500},
    {expires_unheard, "expires_unheard", "controller/core", "ends from a store before its site was heard",
     500},
    {idle_exclude_accepted, "idle_exclude_accepted", "controller/core", "an exclude that spares nobody", 500},
    {named_and_cut_unsaid, "named_and_cut_unsaid", "controller/core", "who is named and cut is not mentioned",
     500},
    {edit_while_ordered, "edit_while_ordered", "controller/core", "an edit is taken, and without effect",
     500},
    {lost_job_frees_place, "lost_job_frees_place", "agents/core", "a job whose row rotted takes no place",
     200, false, "site-row-rots"},
    {damaged_fence_opens, "damaged_fence_opens", "agents/core", "whose fence rotted gets the next order", 200,
     false, "site-row-rots"},
    {lost_row_goes_on, "lost_row_goes_on", "controller/core", "a rollout goes on without what it lost", 200,
     false, "mesh-row-rots"},
    {toggle_repeated, "toggle_repeated", "agents/power", "a machine is cycled again after a crash", 500},
    {busy_machine_powered, "busy_machine_powered", "agents/core", "power beside another open order", 500},
    {running_host_tested, "running_host_tested", "agents/install", "a test inserts where the host is on",
     500},
    {test_medium_stays, "test_medium_stays", "agents/install",
     "a test leaves its medium in, and does not say so", 500},
    {reading_takes_generation, "reading_takes_generation", "agents/core", "who only looks raises a fence",
     500},
    {power_touches_phase, "power_touches_phase", "controller/core",
     "an end of power says what the disk holds", 500},
    {power_beside_install, "power_beside_install", "controller/core",
     "power is ordered beside an open install", 500},
    {boot_guard_ignored, "boot_guard_ignored", "controller/core",
     "what is in use is booted from an image unasked", 500},
    {blob_not_kept, "blob_not_kept", "agents/core", "an end names a transcript that nobody keeps", 20},
    {chunk_at_any_offset, "chunk_at_any_offset", "controller/core",
     "a piece of a transcript is taken in at a wrong place", 100},
    {ceilings_ignored, "ceilings_ignored", "controller/core", "more is started within an hour than may be",
     500},
    {starts_not_counted_again, "starts_not_counted_again", "controller/state",
     "a restart forgets what was started", 1000},
    {burst_ignored, "burst_ignored", "controller/core", "a burst of one-server rollouts fails to its end",
     500},
    {discovery_beside_work, "discovery_beside_work", "agents/core",
     "a discovery asks a BMC that work of ours talks to", 500},
    {must_ignored, "must_ignored", "controller/core", "servers are installed that are not what they must be",
     500},
    {repeats_act_again, "repeats_act_again", "controller/core", "a repeated request acts twice", 500},
    {unsigned_taken, "unsigned_taken", "common/delivery", "what nobody signed is taken", 20, false,
     "hostile-broker"},
    {any_site_speaks, "any_site_speaks", "controller/core", "one site's frames count as another's", 20, false,
     "hostile-broker"},
    {any_signer_commands, "any_signer_commands", "agents/core", "a site's own frames come back as orders", 20,
     false, "hostile-broker"},
    {any_site_commanded, "any_site_commanded", "agents/core", "what was ordered of another site is obeyed",
     60, false, "hostile-broker"},
    {go_while_agent_away, "go_while_agent_away", "agents/media", "a go is given while nobody can judge", 60,
     false, "installers-ask"},
    {go_for_any_machine, "go_for_any_machine", "agents/core", "another machine's words get the go", 60, false,
     "installers-ask"},
    {go_given_once, "go_given_once", "agents/core", "whose answer got lost is refused", 60, false,
     "installers-ask"},
    {go_for_every_asker, "go_for_every_asker", "agents/core", "a second asker gets the go as well", 60, false,
     "installers-ask"},
    {refusal_unheeded, "refusal_unheeded", "agents/install", "an installer without a go ends as a stall", 60,
     false, "installers-ask"},
    {any_count_believed, "any_count_believed", "controller/core",
     "numbers that no loss explains are believed", 60, false, "stolen-box"},
    {told_for_others, "told_for_others", "controller/core", "a site ends what is another one's", 60, false,
     "stolen-box"},
    {share_ignored, "share_ignored", "controller/core", "one site fills the log of all", 60, false,
     "stolen-box"},
    {revoked_is_heard, "revoked_is_heard", "controller/core", "a revoked site is heard after a restart", 60,
     false, "stolen-box"},
};

/// How it was caught, or why not.
struct Verdict {
  std::uint64_t seed = 0;
  std::string invariant;
};

Verdict try_out(const Mutant& mutant, std::uint64_t first, std::uint64_t last, unsigned threads,
                const std::set<std::uint64_t>& open_seeds) {
  Cuts cuts;
  cuts.story = mutant.story;
  const SwarmReport report = run_swarm({.first = first,
                                        .last = last,
                                        .cuts = cuts,
                                        .defect = mutant.defect,
                                        .stop_at_first = true,
                                        .skip = open_seeds,
                                        .threads = threads});
  if (report.violations.empty()) return {};
  const auto& [seed, violations] = *report.violations.begin();
  return {seed, violations.front().invariant};
}

}  // namespace

bool can_plant() {
#ifdef MM_PLANTED
  return true;
#else
  return false;
#endif
}

Defect defect_named(const std::string& name) {
  if (name.empty()) return Defect::none;
  const auto found = std::ranges::find(mutants, name, &Mutant::name);
  if (found != std::end(mutants)) return found->defect;
  fmt::print(stderr, "no defect is called {}\n", name);
  std::exit(2);
}

int run_mutants(unsigned threads, const std::set<std::uint64_t>& open_seeds, bool open_too,
                const std::map<std::string, std::uint64_t>& caught_before) {
  std::uint64_t caught = 0;
  std::uint64_t left_out = 0;
  bool as_listed = true;
  fmt::print("{:28} {:22} {:26} {:>6} {:>6}\n", "planted defect", "in", "caught by", "seed", "within");
  for (const Mutant& mutant : mutants) {
    if (mutant.open && !open_too) {
      ++left_out;
      continue;
    }
    Verdict verdict;
    const auto before = caught_before.find(std::string(mutant.name));
    if (before != caught_before.end() && before->second <= mutant.within)
      verdict = try_out(mutant, before->second, before->second, threads, open_seeds);
    if (verdict.invariant.empty()) verdict = try_out(mutant, 1, mutant.within, threads, open_seeds);
    const bool survived = verdict.invariant.empty();
    if (!survived) ++caught;
    if (survived != mutant.open) as_listed = false;
    fmt::print("{:28} {:22} {:26} {:>6} {:>6}  {}\n", mutant.name, mutant.where,
               survived ? "NOBODY" : verdict.invariant, verdict.seed, mutant.within, mutant.breaks);
    if (!survived && mutant.open) fmt::print("  is caught now: it is no longer open\n");
    std::fflush(stdout);
  }
  fmt::print("{} defects planted, {} caught\n", std::size(mutants) - left_out, caught);
  if (left_out != 0) fmt::print("{} that no judge catches yet were left out: --open-too\n", left_out);
  return as_listed ? 0 : 1;
}

}  // namespace metalmesh::sim
