// What a BMC tells of itself beside what an install needs: its clock, licences, accounts, sessions, queued jobs, its own
// network, a lock on its settings. Read as tolerantly as resources.h; what is not told is left empty.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/redfish/resources.h"
#include "common/base/time.h"

namespace metalmesh::redfish {

/// Where the service root says that its services are; empty: it names none.
struct Services {
  std::string accounts;
  std::string licences;
  std::string jobs;
  std::string tasks;
};
Services parse_services(const HttpReplied& reply);
/// The collection behind a service: its Accounts, Licenses, Jobs or Tasks.
std::string parse_collection_of(const HttpReplied& reply);

struct ManagerCare {
  std::string date_time;  // as sent
  std::string etag;
  std::string licence;  // in the manufacturer's words
  std::string network_protocol;
  std::string interfaces;
  std::vector<std::string> locks;  // resources that may tell that the settings are locked
};
ManagerCare parse_manager_care(const HttpReplied& reply);
/// The moment that an ISO 8601 text with an offset means.
std::optional<WallTime> moment_of(const std::string& date_time);
/// To the second, in UTC.
std::string date_time_of(WallTime moment);

struct BmcInterface {
  std::string address;  // IPv4
  std::string mask;
  std::string gateway;
  std::vector<std::string> name_servers;
};
BmcInterface parse_bmc_interface(const HttpReplied& reply);
/// Whether virtual media are switched on at all; nothing: not told.
std::optional<bool> parse_media_protocol(const HttpReplied& reply);
/// Its settings are locked.
bool parse_lock(const HttpReplied& reply);

struct Account {
  std::string user;
  std::string role;
};
Account parse_account(const HttpReplied& reply);
std::string parse_session_user(const HttpReplied& reply);

struct Licence {
  std::string name;
  std::string expires;  // as sent
  bool disabled = false;
};
Licence parse_licence(const HttpReplied& reply);

struct QueuedJob {
  std::string uri;
  std::string id;
  std::string name;
  std::string state;
  [[nodiscard]] bool open() const;
};
/// Of a Job, or a Task.
QueuedJob parse_queued_job(const HttpReplied& reply, std::string uri);

/// How a slot takes media, where it says so.
struct SlotWays {
  std::vector<std::string> protocols;  // allowable; empty: not told
  std::optional<bool> verifies;        // the certificate of the server that media come from
  std::string certificates;            // where those are that it verifies by
};
SlotWays parse_slot_ways(const HttpReplied& reply);

/// A certificate, in PEM; empty: it does not show it.
std::string parse_certificate_text(const HttpReplied& reply);

/// What is called `name` in the answer of an action that succeeded, if it is Base64; empty: nothing.
std::string parse_picture(const HttpReplied& reply, const std::string& name);

}  // namespace metalmesh::redfish
