// What is there: the service root, the one system that is meant, and the managers behind it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/bmc/line.h"
#include "agents/bmc/list_reader.h"
#include "schemas/record/agent.pb.h"

namespace metalmesh::bmc {

/// Ways of one kind of BMC that it does not tell by itself; from a quirk row.
struct Ways {
  bool label_is_sku = false;
  std::string boot_target;
  bool boot_in_settings = false;
  std::string settings_path;  // below the system
  bool boot_continuous = false;
};

class Discovery {
 public:
  /// From here on the system is read that way.
  void follow(Ways ways);
  /// The override is taken and told by the settings resource; false when there is none, or it is so already.
  bool boot_in_settings();
  /// Where an earlier discovery found things. Taken for granted until something contradicts; then `forget`.
  void follow(const record::BmcMap& map);
  void forget();
  /// `/redfish/v1/`, or without the slash; the standard's paths where it is hidden before login.
  Verdict read_root(Turn& turn, Line& line);
  /// The one usable system that `expected` can mean. Trouble: none, or several.
  Verdict find_system(Turn& turn, Line& line, const redfish::Identity& expected);
  /// Managers of the system, as far as they can be told.
  Verdict find_managers(Turn& turn, Line& line);
  /// Allowable reset values, where they are in a resource of their own; the same of the managers.
  Verdict read_reset_values(Turn& turn, Line& line);
  Verdict read_manager_resets(Turn& turn, Line& line);

  /// The system as read since `stale` was called; nullptr while it is read.
  const redfish::System* look(Turn& turn, Line& line);
  void stale() {
    fresh_ = false;
    half_.reset();
  }
  [[nodiscard]] bool fresh() const { return fresh_; }

  [[nodiscard]] const redfish::ServiceRoot& root() const { return *root_; }
  /// As it was read last; only once find_system is done.
  [[nodiscard]] const std::optional<redfish::System>& system() const { return system_; }
  [[nodiscard]] const std::vector<redfish::Manager>& managers() const { return managers_; }

 private:
  Verdict read_candidates(Turn& turn, Line& line);
  void dress(redfish::System& system) const;
  const redfish::System* read_settings(Turn& turn, Line& line);
  const redfish::System* take(redfish::System system);
  Verdict none_there(Turn& turn, Line& line);

  std::optional<redfish::ServiceRoot> root_;
  bool root_without_slash_ = false;
  ListReader list_;
  std::optional<MonoTime> empty_since_;
  std::size_t next_system_ = 0;
  std::vector<redfish::System> candidates_;
  std::vector<std::string> unread_;  // systems that could not be read, and why
  std::optional<redfish::System> system_;
  bool fresh_ = false;
  Ways ways_;
  std::optional<redfish::System> half_;  // read, but its settings are not yet
  bool settings_useless_ = false;
  std::vector<std::string> reset_values_;
  ListReader manager_list_;
  std::vector<std::string> manager_uris_;
  bool managers_listed_ = false;
  std::size_t next_manager_ = 0;
  std::vector<redfish::Manager> managers_;
};

}  // namespace metalmesh::bmc
