// What a BMC tells of itself beside what an install needs: read resource by resource, by whoever wants to know it all
// (the doctor) or some of it (housekeeping). What cannot be read is left out.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agents/redfish/care.h"
#include "agents/work/context.h"

namespace metalmesh::care {

struct Session {
  std::string uri;
  std::string user;  // empty: not told
};

/// The certificates by which one slot verifies where its media come from.
struct TrustStore {
  std::string uri;
  bool listed = false;
  std::vector<std::string> certificates;  // PEM; empty: there is one, and it is not shown

  /// All of them are in it, as far as it shows.
  [[nodiscard]] bool holds(const std::vector<std::string>& wanted) const;
};

/// As read; the default of each is: not told.
struct Told {
  std::string manager;  // path
  redfish::ManagerCare care;
  std::vector<redfish::BmcInterface> interfaces;
  std::optional<bool> media_enabled;
  bool locked = false;
  std::vector<redfish::Account> accounts;
  bool accounts_denied = false;
  std::vector<Session> sessions;
  std::vector<redfish::Licence> licences;
  std::vector<redfish::QueuedJob> jobs;  // jobs and tasks that are not over
  redfish::SlotWays ways;                // of the first slot that takes a CD
  std::vector<TrustStore> stores;        // of slots that take a CD

  /// The account that we log in with; empty: not told.
  [[nodiscard]] std::string own_user(const std::vector<std::string>& own_sessions) const;
};

/// `slot`: the first one that takes a CD; `slots`: all of them.
enum class Topic { manager, network, accounts, licences, jobs, sessions, slot, slots };

class Survey {
 public:
  /// Of a BMC that is connected, its managers found.
  void begin(const bmc::Dialogue& bmc, const std::vector<Topic>& topics);
  /// Done when all was read that can be.
  work::Verdict read(work::Context& context);
  [[nodiscard]] const Told& told() const { return told_; }

 private:
  struct Step {
    std::string path;
    std::function<void(const HttpReplied&)> take;
  };
  void want(std::string path, std::function<void(const HttpReplied&)> take);
  /// Each member of a collection, at most `most`.
  void want_members(const std::string& collection, std::size_t most,
                    const std::function<void(const HttpReplied&, const std::string&)>& take);
  /// The same of the collection behind a service.
  void want_behind(const std::string& service, std::size_t most,
                   const std::function<void(const HttpReplied&, const std::string&)>& take);
  void want_services(const std::vector<Topic>& topics);
  void want_manager(const std::vector<Topic>& topics);
  void want_store(const std::string& uri);

  std::deque<Step> steps_;
  Told told_;
};

}  // namespace metalmesh::care
