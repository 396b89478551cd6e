// Keeps one wrong password from locking the accounts of a whole site. After `limit` refused logins of one
// credential every other job that uses it is held until its value changes; then they go on by themselves.
// No more conversations are about to log in side by side than there are refusals left, so the limit holds for
// jobs that start together too, and for a password that was changed at the BMCs a moment ago. Only while
// logins are being accepted one after the other, each makes room for one more: their number doubles with
// every round, a rack is through within a second, and a refusal, a second without a login, or a moment in
// which nobody is about to log in ends it: what was accepted earlier says nothing about those that start
// together now.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/ports/input.h"
#include "common/turn/outcome.h"
#include "schemas/record/agent.pb.h"
#include "schemas/wire/fault.pb.h"

namespace metalmesh::agent {

class CredentialBreaker {
 public:
  explicit CredentialBreaker(const RowReader& rows);

  /// A login was refused. True when this refusal began to hold the credential.
  bool refused(const std::string& credential, std::uint32_t limit, const Now& now, Outcome& out);

  /// A login was accepted.
  void accepted(const std::string& credential, const Now& now);

  /// Takes the site's list in; returns the names that were held, or missed, and are good to try now.
  std::vector<std::string> changed(const CredentialsChanged& change, Outcome& out);

  /// Of its value at this site; empty: it is not here.
  [[nodiscard]] std::string version(std::string_view credential) const;
  [[nodiscard]] bool held(std::string_view credential) const;
  [[nodiscard]] std::uint32_t refusals(std::string_view credential) const;
  /// Why a job must not log in with it (held, or not at this site); nothing when it may.
  [[nodiscard]] std::optional<wire::Fault> why_not(const std::string& credential);
  /// How many conversations may be about to log in side by side, when `logging_in` of them already are.
  [[nodiscard]] std::uint32_t room(const std::string& credential, std::uint32_t limit,
                                   std::uint32_t logging_in, const Now& now) const;

 private:
  std::map<std::string, record::CredentialMark, std::less<>> marks_;
  std::map<std::string, std::string, std::less<>> versions_;
  std::set<std::string, std::less<>> missed_;  // asked for, not at this site; a restart asks anew
  std::map<std::string, std::deque<MonoTime>, std::less<>> accepted_;  // logins of the last second
  bool known_ = false;                                                 // the site's list has arrived
};

}  // namespace metalmesh::agent
