#include "tests/sim/odd_bmcs.h"

namespace metalmesh::sim {
namespace {

constexpr std::string_view kinds[] = {
    "insert_probes_plain_get",
    "insert_reads_whole",
    "licence_missing",
    "nfs_cifs_only",
    "http_only",
    "verify_certificate",
    "insert_500_always",
    "actions_without_target",
    "slot_by_patch",
    "slot_by_oem_action",
    "slots_after_enable",
    "slot_lag_15s",
    "boot_forgotten",
    "boot_task_pending",
    "boot_in_settings",
    "target_usbcd",
    "mode_reverts",
    "mode_stays_legacy",
    "power_lag_20s",
    "graceful_not_offered",
    "on_409_after_off",
    "final_on_ignored_once",
    "uuid_only",
    "uuid_byte_order",
    "bmc_usb_nic",
    "dpu_is_a_system",
    "next_link",
    "members_is_an_object",
    "nics_gone_when_off",
    "two_managers_no_link",
    "root_without_slash",
    "session_redirect",
    "redirect_308",
    "system_403",
    "password_change_403",
    "utf8_bom",
    "extinfo_is_an_object",
    "unescaped_etag",
    "session_no_location",
    "session_204",
    "session_empty_body",
    "basic_only_401",
    "basic_only_405",
    "slow_3s",
    "tls_1_0_only",
    "push_button_lag",
    "once_becomes_continuous",
    "power_state_null_blip",
    "keepalive_reset",
    "slow_40s",
    "insert_task_completed_critical",
    "eject_only_empty_body",
    "stale_os_running",
    "stale_old_image",
    "insert_slow_75s",
    "eject_refused",
    "latin1_text",
    "latin1_error",
    "gzip_or_406",
};

/// Who shows least has more places.
constexpr std::string_view rare[] = {
    "final_on_ignored_once",
    "final_on_ignored_once",
    "stale_old_image",
    "stale_old_image",
    "power_state_null_blip",
    "power_state_null_blip",
    "eject_only_empty_body",
    "eject_only_empty_body",
    "extinfo_is_an_object",
    "latin1_error",
    "insert_reads_whole",
    "insert_reads_whole",
    "insert_slow_75s",
    "slot_lag_15s",
    "insert_probes_plain_get",
    "boot_task_pending",
    "boot_task_pending",
    "nics_gone_when_off",
    "tls_1_0_only",
    "on_409_after_off",
    "on_409_after_off",
    "on_409_after_off",
    "on_409_after_off",
    "on_409_after_off",
    "licence_missing",
    "licence_missing",
    "insert_500_always",
    "verify_certificate",
    "eject_refused",
    "once_becomes_continuous",
    "insert_task_completed_critical",
    "power_lag_20s",
    "session_204",
    "members_is_an_object",
    "basic_only_401",
    "root_without_slash",
    "session_no_location",
    "session_empty_body",
    "boot_forgotten",
    "slot_by_oem_action",
    "slot_by_oem_action",
};

constexpr std::string_view bouts[] = {
    "login_busy_400",     "login_busy_swc0700", "login_busy_403", "login_busy_503", "systems_empty_at_first",
    "not_found_at_all",   "html_instead",       "cut_bodies",     "silent",         "slow_3s",
    "session_table_full", "identity_empty",     "tokens_refused",
};

constexpr std::string_view troubles[] = {
    "key_changed",    "password_changed", "session_table_full", "not_found_at_all", "tokens_refused",
    "identity_other", "identity_empty",   "key_changed",        "password_changed", "power_state_null",
};

}  // namespace

std::span<const std::string_view> odd_kinds() { return kinds; }
std::span<const std::string_view> rare_kinds() { return rare; }
std::span<const std::string_view> odd_bouts() { return bouts; }
std::span<const std::string_view> odd_troubles() { return troubles; }

}  // namespace metalmesh::sim
