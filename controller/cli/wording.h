// What people read: plans, failures, refusals and the next step. Pure; times come in as arguments.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::cli {

/// Message, then "field:" and "next:" lines where known.
std::string problem_text(const rest::Problem& problem);

/// "untouched", "being written", "new system" or "unknown".
std::string disk_words(wire::DiskState disk);
/// "booted"; empty for none.
std::string proof_words(wire::ProofGrade proof);

/// "SUCCEEDED (booted)", "RUNNING".
std::string state_words(const rest::Deployment& deployment);
/// Code, cause, the BMC's own words, disk state and next step of a deployment that did not go well, one per
/// line and indented by `indent`; empty when there is nothing to explain.
/// A line that says what may still start at its site; empty when nothing may.
std::string fence_text(const rest::Deployment& deployment);
std::string failure_text(const rest::Deployment& deployment, std::size_t indent = 0);
/// Failures grouped by code, the worst first: "2 x BMC_LOGIN_REFUSED (disk untouched): r1, r2".
std::string causes_text(const std::vector<rest::Deployment>& deployments);

/// "install", "power off", "boot memtest once", "inspect".
std::string action_words(const rest::RolloutSpec& spec);
/// "root: Disk.Bay.0 (480 GB, serial S3X1, naa.5000...)"
std::string role_words(const rest::RoleChoice& role);
/// The digest as people type it; `start` takes any prefix this long.
inline constexpr std::size_t short_digest = 12;

/// "90 s", "25 min", "4 h 10 min"
std::string span_words(std::int64_t seconds);
/// What a rollout waits for, and in how long that comes, where it is known: "... (in 3 h 12 min)".
std::string waits_words(const rest::RolloutStatus& status, WallTime now);
/// "12s", "5m", "3h", "2d"; empty when the time is not set.
std::string age_words(const google::protobuf::Timestamp& time, WallTime now);
/// "2026-11-22 14:47:13"; empty when not set.
std::string time_words(const google::protobuf::Timestamp& time);

/// One line of the event log.
std::string event_line(const rest::LogEvent& event);

bool is_ended(const rest::Deployment& deployment);
/// Its work may write a disk: what it is called and where it ends is told with the disk's state.
bool may_wipe(const rest::Deployment& deployment);
/// A person may still decide what became of it.
bool may_be_resolved(const rest::Deployment& deployment);
bool has_succeeded(const rest::Deployment& deployment);

}  // namespace metalmesh::cli
