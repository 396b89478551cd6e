// Defects that are planted on purpose, to see that the checkers of tests/sim catch them.
//
// In every build but one `planted` is constant false and the compiler drops the defect with its branch. The
// one program that is built with MM_PLANTED (tests/sim, mesh_sim_planted) chooses a defect per thread at run
// time. tests/sim/mutants.cc says of each what it breaks and which invariant must notice.
#pragma once

#include <cstdint>

namespace metalmesh {

enum class Defect : std::uint8_t {
  none,
  // common/turn, common/delivery
  effects_before_commit,
  signature_not_checked,
  dedupe_off_by_one,
  gap_accepted,
  other_history_accepted,
  trims_above_keep_from,
  never_resends,
  window_ignored,
  twin_not_noticed,
  late_wake_ignored,
  // agents/media
  fence_always_open,
  medium_starts_again,
  // agents/core
  launch_not_journalled,
  generation_fence_removed,
  path_not_checked,
  tombstone_not_max,
  cancel_answers_only,
  too_late_called_cancelled,
  foreign_journal_obeyed,
  lower_epoch_obeyed,
  any_controller_obeyed,
  acts_before_proven,
  rollback_not_noticed,
  expiry_ignored,
  breaker_never_holds,
  unknown_kind_accepted,
  ended_jobs_kept,
  parallel_ignored,
  // agents/install
  act_before_intent,
  resumes_blindly,
  any_machine_will_do,
  identity_not_read_again,
  off_while_installing,
  mount_lives_on,
  retries_after_wipe,
  success_without_proof,
  wiped_disk_called_untouched,
  debts_not_told,
  medium_taken_at_random,
  medium_shut_while_read,
  talk_ends_medium,
  custody_lets_go,
  any_listener_proves,
  one_off_ends_it,
  foreign_taken_for_ours,
  // agents/bmc
  row_skips_identity,
  token_in_evidence,
  blob_not_kept,
  running_host_tested,
  test_medium_stays,
  // agents/power and agents/core: works of other kinds
  toggle_repeated,
  busy_machine_powered,
  reading_takes_generation,
  discovery_beside_work,
  // controller/core
  abort_recalls_nothing,
  limits_ignored,
  threshold_ignored,
  protection_ignored,
  generation_reused,
  restore_not_noticed,
  lost_journal_not_voided,
  cancel_taken_for_granted,
  ends_called_succeeded,
  ends_called_untouched,
  late_facts_dropped,
  reopened_keeps_old_word,
  restore_goes_on,
  pending_not_doubted,
  unresolved_taken,
  installed_taken,
  before_wipe_ignored,
  canary_ignored,
  half_start_runs,
  clock_steps_believed,
  in_use_ignored,
  facts_go_with_objects,
  foreign_controller_ignored,
  newcomer_displaces,
  gap_not_told,
  gap_not_doubted,
  leftovers_not_sought,
  rivals_media_not_sought,
  first_site_suffices,
  answers_in_quarantine,
  custody_frees_place,
  refusal_forgotten,
  words_not_doubted,
  machines_not_doubted,
  new_time_not_kept,
  resolve_owes_nothing,
  resolve_frees_place,
  deleted_is_forgotten,
  unproven_taken,
  protect_recalls_nothing,
  unproven_not_counted,
  expires_unheard,
  idle_exclude_accepted,
  named_and_cut_unsaid,
  edit_while_ordered,
  power_touches_phase,
  power_beside_install,
  boot_guard_ignored,
  repeats_act_again,
  ceilings_ignored,
  starts_not_counted_again,
  burst_ignored,
  chunk_at_any_offset,
  must_ignored,
};

#ifdef MM_PLANTED
inline thread_local Defect planted_defect = Defect::none;
inline bool planted(Defect defect) { return planted_defect == defect; }
#else
constexpr bool planted(Defect) { return false; }
#endif

}  // namespace metalmesh
