// From arguments to requests. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/adapters/pki.h"
#include "common/base/result.h"
#include "controller/cli/kinds.h"

namespace metalmesh::cli {

/// "/api/v1/servers/r1".
std::string object_path(const Kind& kind, std::string_view name);
/// "/api/v1/servers?limit=200&labelSelector=role%3Dweb&after=..."; empty parts are left out.
std::string list_path(const Kind& kind, const std::map<std::string, std::string>& query);

/// "path=value" or "path!=value" as a condition of ?where=.
std::string field_condition(const std::string& text);
/// `key=value`, each key once.
Result<std::map<std::string, std::string>> parse_pairs(const std::vector<std::string>& pairs);
/// `par1` or `par1=10.20.0.5,media.par1.example`.
Result<adapters::PkiSite> parse_pki_site(std::string_view text);

struct InstallOptions {
  std::string server;
  std::string image;
  std::string profile;
  std::string powered_on;
  bool reinstall = false;
  bool replace_foreign_media = false;
  std::vector<std::string> vars;
};
/// A rollout of one server.
Result<rest::Rollout> install_rollout(const InstallOptions& options, const std::string& name);
/// The n-th name tried for such a rollout, n from 1: `install-r1`, `install-r1-2`, ...; never over 63
/// characters.
std::string install_rollout_name(std::string_view server, unsigned attempt);

/// One action over a selection of servers.
struct FleetOptions {
  std::string action;  // as it is typed: "power", "inspect", "boot-iso", "doctor", "mount-test" or "bmc"
  std::string change;  // of power, as it is typed: "off", "bmc-reset", ...; of bmc: "set-clock", ...
  std::vector<std::string> servers;
  std::string selector;
  std::vector<std::string> sites;
  std::vector<std::string> exclude;
  std::uint32_t parallel = 0;  // 0: as the controller has it
  std::uint32_t per_site = 0;
  std::string within;
  // Of boot-iso.
  std::string image;
  std::string max_run;
  std::string afterwards;
  std::string powered_on;
  bool replace_foreign_media = false;
  bool in_use = false;   // of boot-iso and mount-test
  bool all = false;      // of bmc
  bool capture = false;  // of inspect
  bool screen = false;   // likewise
};
/// The deeds of bmc as they are typed; "reset" is a change of power, and "licence" a doctor's.
const std::vector<std::string>& bmc_deeds();
/// The changes of power as they are typed.
const std::vector<std::string>& power_changes();
Result<rest::Rollout> fleet_rollout(const FleetOptions& options, const std::string& name);
/// The n-th name tried for such a rollout, n from 1: `power-off-1`, `inspect-2`, `boot-iso-1`, ...
std::string fleet_rollout_name(const FleetOptions& options, unsigned attempt);
/// The command that has these options.
std::string fleet_command(const FleetOptions& options);

/// What of `deployments` failed, once more, with the same wish: of those whose disk is as it was, or with `wiped` of all;
/// `cause`: only this fault. Selects nobody when there is none. Without a name.
rest::Rollout retry_of(const rest::Rollout& before, const std::vector<rest::Deployment>& deployments,
                       std::string_view cause, bool wiped);

/// What --confirm must repeat for the only server of the plan: its serial, else its UUID.
std::string confirmation_of(const rest::Plan& plan);
/// The plan's digest when `typed` is it or a prefix of at least eight characters.
Result<std::string> full_digest(const rest::Rollout& rollout, std::string_view typed);

}  // namespace metalmesh::cli
