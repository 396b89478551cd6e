#include "agents/core/credential_breaker.h"

#include <algorithm>
#include <utility>

#include "agents/core/faults.h"
#include "agents/core/row_table.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {
namespace {

// Refusals further apart than this are separate accidents, not one wrong value.
constexpr Duration memory = std::chrono::hours(24);
/// As long an accepted login vouches for another one.
constexpr Duration vouching = std::chrono::seconds(1);

std::string how_to_set(const std::string& credential) {
  return "on the agent's machine: metalmesh-agent credential set " + credential +
         "; held jobs go on by themselves";
}

}  // namespace

CredentialBreaker::CredentialBreaker(const RowReader& rows) {
  for (auto& [name, mark] : load_rows<record::CredentialMark>(rows, rows::credential)) {
    marks_.emplace(name, std::move(mark));
  }
}

bool CredentialBreaker::refused(const std::string& credential, std::uint32_t limit, const Now& now,
                                Outcome& out) {
  accepted_.erase(credential);
  record::CredentialMark& mark = marks_[credential];
  const bool old = mark.has_last_refused() && now.wall() - from_wire(mark.last_refused()) > memory;
  mark.set_name(credential);
  mark.set_refusals(old && !mark.held() ? 1 : mark.refusals() + 1);
  *mark.mutable_last_refused() = to_wire(now.wall());
  if (const auto version = versions_.find(credential); version != versions_.end())
    mark.set_version(version->second);
  const bool begins = !mark.held() && mark.refusals() >= limit && !planted(Defect::breaker_never_holds);
  if (begins) mark.set_held(true);
  put_row(out, rows::credential + credential, mark);
  return begins;
}

void CredentialBreaker::accepted(const std::string& credential, const Now& now) {
  std::deque<MonoTime>& logins = accepted_[credential];
  while (!logins.empty() && now.mono - logins.front() >= vouching) logins.pop_front();
  logins.push_back(now.mono);
}

std::uint32_t CredentialBreaker::room(const std::string& credential, std::uint32_t limit,
                                      std::uint32_t logging_in, const Now& now) const {
  const std::uint32_t used = refusals(credential);
  if (used >= limit) return planted(Defect::breaker_never_holds) ? limit : 0;
  const auto logins = accepted_.find(credential);
  if (logins == accepted_.end() || logging_in == 0) return limit - used;
  const auto young = std::ranges::lower_bound(logins->second, now.mono - vouching, std::ranges::less_equal());
  const auto vouched = static_cast<std::uint32_t>(logins->second.end() - young);
  // A single login proves little: a row of them does.
  return vouched < limit ? limit - used : limit - used + vouched;
}

std::vector<std::string> CredentialBreaker::changed(const CredentialsChanged& change, Outcome& out) {
  known_ = true;
  std::map<std::string, std::string, std::less<>> versions;
  for (const auto& entry : change.credentials) versions[entry.name] = entry.version;
  std::vector<std::string> released;
  for (auto mark = marks_.begin(); mark != marks_.end();) {
    const auto& [name, row] = *mark;
    const auto version = versions.find(name);
    if (version == versions.end() || version->second == row.version()) {
      ++mark;
      continue;
    }
    if (row.held()) released.push_back(name);
    out.erase(rows::credential + name);
    mark = marks_.erase(mark);
  }
  versions_ = std::move(versions);
  std::erase_if(missed_, [&](const std::string& name) {
    if (!versions_.contains(name)) return false;
    released.push_back(name);
    return true;
  });
  accepted_.clear();
  return released;
}

std::string CredentialBreaker::version(std::string_view credential) const {
  const auto found = versions_.find(credential);
  return found == versions_.end() ? std::string() : found->second;
}

bool CredentialBreaker::held(std::string_view credential) const {
  const auto mark = marks_.find(credential);
  return mark != marks_.end() && mark->second.held();
}

std::uint32_t CredentialBreaker::refusals(std::string_view credential) const {
  const auto mark = marks_.find(credential);
  return mark == marks_.end() ? 0 : mark->second.refusals();
}

std::optional<wire::Fault> CredentialBreaker::why_not(const std::string& credential) {
  if (held(credential)) {
    return make_fault(wire::BMC_LOGIN_REFUSED, "QUEUED",
                      "credential " + credential + " was refused " + std::to_string(refusals(credential)) +
                          " times; its other jobs are held so that no account is locked",
                      how_to_set(credential));
  }
  if (known_ && !versions_.contains(credential)) {
    missed_.insert(credential);
    return make_fault(wire::CREDENTIAL_MISSING, "QUEUED", "this site has no credential named " + credential,
                      how_to_set(credential));
  }
  return std::nullopt;
}

}  // namespace metalmesh::agent
