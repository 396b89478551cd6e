// Redfish requests as data: method, path, headers, body. No IO and no secrets: a login carries the
// placeholders that the HTTP adapter fills. Session token, address and TLS trust are added by whoever sends.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/redfish/resources.h"
#include "common/ports/http_client.h"

namespace metalmesh::redfish {

struct Request {
  std::string method;
  std::string path;
  Headers headers;
  std::string body;
  bool login = false;  // fill the credential placeholders
  bool last = false;   // nothing more is asked over its connection
  bool operator==(const Request&) const = default;
};

Request get(std::string path);
/// `domain`: "Key=value", where the user is; empty: the BMC does not ask.
Request login(std::string sessions_uri, std::string_view domain = {});
/// Takes a resource away: a session, a queued job.
Request remove(std::string uri);
inline Request logout(std::string session_uri) { return remove(std::move(session_uri)); }
/// The clock of a manager.
Request set_date_time(const std::string& manager, const std::string& date_time,
                      const std::optional<std::string>& if_match);

/// Parameters that some BMCs demand and others refuse: added only after a refusal names them.
struct InsertExtras {
  bool protocol = false;     // TransferProtocolType, from the URL's scheme
  bool method = false;       // TransferMethod "Stream"
  bool credentials = false;  // UserName and Password "none"
  bool operator==(const InsertExtras&) const = default;
};
Request insert_media(const Slot& slot, std::string_view url, InsertExtras extras,
                     const std::optional<std::string>& if_match);
/// Some refuse the action's empty object and want no body, some know no action at all.
enum class EjectForm { object, bare, patch };
/// By the advertised action, by PATCH where the slot advertises none, else by the standard's target.
Request eject_media(const Slot& slot, const std::optional<std::string>& if_match,
                    EjectForm form = EjectForm::object);

/// An action of a maker's own.
Request invoke(std::string action, const std::map<std::string, std::string>& arguments);
/// Remote media are switched on; `action` is what does it.
inline Request enable_media(std::string action) {
  return invoke(std::move(action), {{"RMediaState", "Enable"}});
}
/// A certificate becomes a member of `collection`; `pem` is one.
Request import_certificate(std::string collection, std::string_view pem);

/// Boot once from CD under UEFI. `with_mode` false leaves BootSourceOverrideMode out.
Request boot_once(const System& system, bool with_mode, const std::optional<std::string>& if_match,
                  unsigned tried = 0);
Request clear_boot(const System& system, const std::optional<std::string>& if_match);
/// The target that `boot_once` asks for: the preferred one where it is offered, "Cd", or what else stands for
/// a CD; or, after so many were `tried` in vain, one of the others: some hosts see virtual media as a USB
/// drive only.
std::string_view cd_target(const Boot& boot, unsigned tried = 0);
/// The override reads back as `boot_once` wrote it, or as this BMC is known to keep it.
bool boots_our_cd(const Boot& boot, unsigned tried = 0);

Request reset(const ResetAction& action, std::string_view type);
/// As the resource tells it: the newer property where both are there.
Request set_light(const System& system, bool on, const std::optional<std::string>& if_match);
/// The next start goes into the firmware's setup.
Request boot_setup_once(const System& system, const std::optional<std::string>& if_match);
bool boots_setup(const Boot& boot);
/// It lists targets, and setup is none of them; prose and an empty list tell nothing.
bool lacks_setup(const Boot& boot);
/// It offers something that asks the host to shut down; one that does not tell what it offers is asked.
bool may_shut_down(const ResetAction& action);
/// The first of `wanted` that is allowed; the first of all when the BMC does not tell.
std::string_view pick_reset(const ResetAction& action, const std::vector<std::string_view>& wanted);

/// If-Match values to try in turn while a PATCH is answered 412 or 428: as given, strong instead of weak,
/// without quotes, "*", none at all. nullopt: send no header.
std::vector<std::optional<std::string>> if_match_ladder(std::string_view etag);

}  // namespace metalmesh::redfish
