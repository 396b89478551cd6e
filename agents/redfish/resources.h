// The Redfish resources an install needs, as plain values, and how to read them from replies. A property that
// is missing or of the wrong type is left empty; only a body that is no JSON object at all is an error
// (ErrorKind::corrupt). Every URI here is a path on the same BMC. Nothing throws, nothing is trusted.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/redfish/identity.h"
#include "agents/redfish/inventory.h"
#include "common/base/result.h"
#include "common/ports/http_client.h"

namespace metalmesh::redfish {

struct ServiceRoot {
  std::string vendor;  // Vendor, or the first key of Oem
  std::string product;
  std::vector<std::string> oem;  // keys of Oem
  std::string version;
  std::string uuid;         // of the service, which is not the machine's
  std::string service_tag;  // the number on the machine's label, where some maker's part of it says so
  std::string systems = "/redfish/v1/Systems";
  std::string managers = "/redfish/v1/Managers";
  std::string sessions = "/redfish/v1/SessionService/Sessions";
  std::string session_service;
  std::string licence_service;  // empty: none is advertised
  bool expands = false;         // a collection can be read with its members in it
};

struct Session {
  std::string token;
  std::string uri;  // empty when the BMC did not tell: such a session cannot be deleted, it times out
  bool password_change_required = false;
};

/// The sessions of a BMC.
struct SessionList {
  std::vector<std::string> members;
  std::string mine;  // where it marks the asker's own
};
struct SessionEntry {
  std::string uri;
  std::string created;
  bool mine = false;
  std::string user;
  std::string origin;  // the address that logged in
};

/// One page of a collection.
struct List {
  std::vector<std::string> members;
  std::string next;
};

/// Boot override of a system, as it stands.
struct Boot {
  bool present = false;
  std::string enabled;
  std::string target;
  std::string mode;
  bool has_mode = false;
  std::vector<std::string> targets;  // allowable, may be empty or prose: to prefer, never to refuse
  std::string uri;                   // of the resource that takes it; empty: the system itself
  std::string preferred;             // target that is known to boot virtual media here; empty: the standard's
  bool may_stay = false;             // "Continuous" is what it makes of "Once"
};

struct ResetAction {
  std::string target;
  std::vector<std::string> allowed;
  std::string action_info;  // where the values are when `allowed` is empty
};

/// The indicator light, in the standard's two ways to tell it.
struct Light {
  std::optional<bool> active;  // LocationIndicatorActive
  std::string led;             // IndicatorLED, the older one: "Lit", "Blinking", "Off"
  [[nodiscard]] bool offered() const { return active.has_value() || !led.empty(); }
  [[nodiscard]] bool on() const { return active.value_or(led == "Lit" || led == "Blinking"); }
};

struct System {
  std::string uri;
  std::string name;
  std::string type;   // SystemType: "Physical", "DPU", ...
  Identity identity;  // without MACs
  std::string manufacturer;
  std::string model;
  std::string power;          // "On", "Off", "PoweringOn", ...; empty when not told
  std::string boot_progress;  // BootProgress.LastState
  Light light;
  std::string etag;      // of the resource that takes the boot override; empty: none
  std::string settings;  // where changes may have to go instead; empty: not advertised
  Boot boot;
  ResetAction reset;
  std::string ethernet_interfaces;
  std::string virtual_media;
  std::vector<std::string> managers;
  std::vector<std::string> chassis;
  wire::Inventory told;  // of what it is made of, as far as it says that itself
  PartLinks parts;       // who tells the rest
  /// Something that can be installed: it can be reset, and its boot device chosen.
  [[nodiscard]] bool usable() const { return boot.present && !reset.target.empty(); }
  [[nodiscard]] bool off() const { return power == "Off"; }
  [[nodiscard]] bool on() const { return power == "On"; }
};

struct Manager {
  std::string uri;
  std::string model;
  std::string firmware;
  std::string virtual_media;
  std::string ethernet_interfaces;
  std::vector<std::string> servers;       // systems it says it manages
  ResetAction reset;                      // of itself
  std::optional<WallTime> clock;          // what it takes the time for
  std::optional<Duration> clock_ahead{};  // of ours, when it was read
  std::string protocols;                  // who tells its network services
  std::string licence;                    // where it names one itself
};

struct Slot {
  std::string uri;
  std::string id;
  std::string name;
  std::string etag;
  std::vector<std::string> media_types;
  std::string insert_target;  // advertised action; empty: none
  std::string eject_target;
  std::string vmm_control;  // the one action for both that some makers have instead; empty: none
  std::string image;        // empty when nothing is there ("None" and null count as nothing)
  std::string connected_via;
  std::optional<bool> inserted_flag;
};

struct Task {
  enum class State { running, pending, done, failed };  // pending: until something else happens, as a reset
  State state = State::running;
  std::string words;  // TaskState as sent
  std::string uri;
};

Result<ServiceRoot> parse_service_root(const HttpReplied& reply);
Session parse_session(const HttpReplied& reply);
/// `mine` of a list, or each entry; and which of the entries is the asker's: the one that is marked, or the
/// newest when there is one newest. Empty: nobody knows.
SessionList parse_sessions(const HttpReplied& reply);
SessionEntry parse_session_entry(const HttpReplied& reply, std::string uri);
std::string own_of(const std::vector<SessionEntry>& entries);
/// Those that are of the same account, from the same address, as the one called `own`, and not newer: whoever has that one
/// opened them. None where the BMC does not tell both.
std::vector<std::string> lost_beside(const std::string& own, const std::vector<SessionEntry>& entries);
/// A 401 that asks for Basic.
bool offers_basic(const HttpReplied& reply);
/// ServiceEnabled is false.
bool is_disabled(const HttpReplied& reply);
/// Paths of the members, at most 64. Members null or missing: none.
Result<List> parse_list(const HttpReplied& reply);
Result<System> parse_system(const HttpReplied& reply);
/// The override as a settings resource shows it, and that resource's ETag. Not `present`: it carries none.
Result<std::pair<Boot, std::string>> parse_boot_settings(const HttpReplied& reply);
Result<Manager> parse_manager(const HttpReplied& reply);
std::string parse_chassis_serial(const HttpReplied& reply);
/// Both addresses an interface may tell, vendor defaults left out.
Result<std::vector<std::string>> parse_macs(const HttpReplied& reply);
Result<Slot> parse_slot(const HttpReplied& reply);
/// Allowable values of the parameter `name` in an ActionInfo resource.
/// Every path on the BMC that a resource refers to. None of a body that is no JSON.
std::vector<std::string> links_of(const HttpReplied& reply);
std::vector<std::string> parse_action_info(const HttpReplied& reply, std::string_view name);

/// Where a 202 says its progress can be followed: the Task in the body if there is one (reading a monitor may
/// consume it), else the Location. Empty: nowhere.
std::string task_of(const HttpReplied& reply);
/// From a Task resource or a task monitor. Unknown states are running; 404 is `done`: the task was purged,
/// and the resource it worked on must tell.
Task parse_task(const HttpReplied& reply);

/// The path of a URI on the same BMC: scheme and host are cut off, so that a token can never be sent
/// elsewhere. Empty when it is not an absolute path of printable characters, or longer than 1,024.
std::string path_of(std::string_view uri);

/// A URI from a BMC for people to read: printable characters, at most 200.
std::string shown(std::string_view uri);

/// Empty when absent. `name` in lower case.
std::string header(const HttpReplied& reply, std::string_view name);

}  // namespace metalmesh::redfish
