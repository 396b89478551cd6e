// Keeps one wrong password from locking the accounts of a whole site. When `limit` different BMCs have said
// that a credential is wrong, every other job that uses it is held until it is set or released; then they go
// on by themselves. A BMC counts once, however often it refuses, and a login that is accepted elsewhere takes
// the oldest refusal off the count: what a few BMCs refuse and others take is not a wrong password of the
// site. A single BMC is left alone once it has refused `limit` times: its own account is at stake. What a
// plan made us ask holds nothing, and it asks neither a BMC that refused nor, with `limit` refusals on
// record, any other one. Refusals are forgotten with the value, and after an hour unless they hold jobs.
//
// No more conversations are about to log in side by side than there are refusals left, so the limit holds for
// jobs that start together too, and for a password that was changed at the BMCs a moment ago. Only while
// logins are being accepted one after the other, each makes room for one more: their number doubles with
// every round, a rack is through within a second, and a refusal, a second without a login, or a moment in
// which nobody is about to log in ends it: what was accepted earlier says nothing about those that start
// together now.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "common/ports/input.h"
#include "common/turn/outcome.h"
#include "schemas/record/agent.pb.h"
#include "schemas/wire/fault.pb.h"

namespace metalmesh::agent {

/// Who logs in where.
struct Login {
  std::string credential;
  std::string bmc;       // normal_bmc_address
  bool planned = false;  // a plan asked, no person
};

class CredentialBreaker {
 public:
  explicit CredentialBreaker(const RowReader& rows);

  /// The BMC said that user or password are wrong. True when this began to hold the credential.
  bool refused(const Login& login, std::uint32_t limit, const Now& now, Outcome& out);

  /// A login was accepted. True when this ended the hold.
  bool accepted(const Login& login, std::uint32_t limit, const Now& now, Outcome& out);

  /// Takes the site's list in; returns the names that were held, or missed, and are good to try now.
  std::vector<std::string> changed(const CredentialsChanged& change, Outcome& out);

  /// Of its value at this site; empty: it is not here.
  [[nodiscard]] std::string version(std::string_view credential) const;
  [[nodiscard]] bool held(std::string_view credential) const;
  /// The BMCs that refused it and count, the oldest refusal first.
  [[nodiscard]] std::vector<std::string> refused_by(std::string_view credential) const;
  /// Why nobody may log in like that now (held, left alone, not at this site); nothing when one may.
  [[nodiscard]] std::optional<wire::Fault> why_not(const Login& login, std::uint32_t limit, const Now& now);
  /// How many conversations may be about to log in side by side, when `logging_in` of them already are.
  [[nodiscard]] std::uint32_t room(const std::string& credential, std::uint32_t limit,
                                   std::uint32_t logging_in, const Now& now) const;

 private:
  void forget_old(record::CredentialMark& mark, const Now& now);
  void store(record::CredentialMark& mark, Outcome& out);

  std::map<std::string, record::CredentialMark, std::less<>> marks_;
  std::map<std::pair<std::string, std::string>, MonoTime> refused_at_;  // credential, BMC: last, in this life
  std::map<std::string, std::string, std::less<>> versions_;
  std::set<std::string, std::less<>> missed_;  // asked for, not at this site; a restart asks anew
  std::map<std::string, std::deque<MonoTime>, std::less<>> accepted_;  // logins of the last second
  bool known_ = false;                                                 // the site's list has arrived
};

/// So many are named in a message, and no more.
inline constexpr std::size_t bmcs_named = 8;
/// "10.0.0.1, 10.0.0.2 and 3 more".
std::string bmc_words(const std::vector<std::string>& bmcs);

}  // namespace metalmesh::agent
