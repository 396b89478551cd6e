#include "agents/core/credential_breaker.h"

#include <algorithm>
#include <utility>

#include "agents/core/faults.h"
#include "agents/core/row_table.h"
#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {
namespace {

/// BMCs that lock an account after some refusals unlock it, or begin to count anew, within less.
constexpr Duration memory = std::chrono::hours(1);
/// As long an accepted login vouches for another one.
constexpr Duration vouching = std::chrono::seconds(1);

using Refusals = google::protobuf::RepeatedPtrField<record::LoginRefusals>;

std::uint32_t counted(const record::CredentialMark& mark) {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(mark.refused_by(), [](const auto& r) { return !r.planned(); }));
}

}  // namespace

std::string bmc_words(const std::vector<std::string>& bmcs) {
  std::string out;
  for (std::size_t i = 0; i < std::min(bmcs.size(), bmcs_named); ++i) out += (i == 0 ? "" : ", ") + bmcs[i];
  if (bmcs.size() > bmcs_named) out += " and " + std::to_string(bmcs.size() - bmcs_named) + " more";
  return out;
}

CredentialBreaker::CredentialBreaker(const RowReader& rows) {
  for (auto& [name, mark] : load_rows<record::CredentialMark>(rows, rows::credential)) {
    marks_.emplace(name, std::move(mark));
  }
}

void CredentialBreaker::forget_old(record::CredentialMark& mark, const Now& now) {
  if (mark.held()) return;
  // Of an earlier life it is only known that it was before this one.
  const auto since = [&](const record::LoginRefusals& refusal) {
    return refused_at_.try_emplace({mark.name(), refusal.bmc()}, now.awake_since).first->second;
  };
  Refusals& all = *mark.mutable_refused_by();
  all.erase(
      std::remove_if(all.begin(), all.end(), [&](const auto& r) { return now.mono - since(r) > memory; }),
      all.end());
}

void CredentialBreaker::store(record::CredentialMark& mark, Outcome& out) {
  const std::string name = mark.name();
  if (!mark.refused_by().empty()) return put_row(out, rows::credential + name, mark);
  std::erase_if(refused_at_, [&](const auto& item) { return item.first.first == name; });
  out.erase(rows::credential + name);
  marks_.erase(name);
}

bool CredentialBreaker::refused(const Login& login, std::uint32_t limit, const Now& now, Outcome& out) {
  accepted_.erase(login.credential);
  record::CredentialMark& mark = marks_[login.credential];
  mark.set_name(login.credential);
  forget_old(mark, now);
  Refusals& all = *mark.mutable_refused_by();
  auto at = std::ranges::find(all, login.bmc, &record::LoginRefusals::bmc);
  if (at == all.end()) {
    record::LoginRefusals& fresh = *all.Add();
    fresh.set_bmc(login.bmc);
    fresh.set_planned(login.planned);
    at = all.end() - 1;
  }
  at->set_times(at->times() + 1);
  at->set_planned(at->planned() && login.planned);
  *at->mutable_last() = to_wire(now.wall());
  refused_at_[{login.credential, login.bmc}] = now.mono;
  if (const auto version = versions_.find(login.credential); version != versions_.end())
    mark.set_version(version->second);
  const bool begins = !mark.held() && counted(mark) >= limit && !planted(Defect::breaker_never_holds);
  if (begins) mark.set_held(true);
  store(mark, out);
  return begins;
}

bool CredentialBreaker::accepted(const Login& login, std::uint32_t limit, const Now& now, Outcome& out) {
  std::deque<MonoTime>& logins = accepted_[login.credential];
  while (!logins.empty() && now.mono - logins.front() >= vouching) logins.pop_front();
  logins.push_back(now.mono);
  const auto found = marks_.find(login.credential);
  if (found == marks_.end()) return false;
  record::CredentialMark& mark = found->second;
  Refusals& all = *mark.mutable_refused_by();
  auto gone = std::ranges::find(all, login.bmc, &record::LoginRefusals::bmc);
  if (gone == all.end()) gone = all.begin();
  if (gone != all.end()) all.erase(gone);  // all may be too old to count by now
  const bool ends = mark.held() && counted(mark) < limit;
  if (ends) mark.set_held(false);
  store(mark, out);
  return ends;
}

std::uint32_t CredentialBreaker::room(const std::string& credential, std::uint32_t limit,
                                      std::uint32_t logging_in, const Now& now) const {
  const auto mark = marks_.find(credential);
  const std::uint32_t used = mark == marks_.end() ? 0 : counted(mark->second);
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
    const bool here = version != versions.end();
    if (here ? version->second == row.version() : row.held()) {
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

std::vector<std::string> CredentialBreaker::refused_by(std::string_view credential) const {
  std::vector<std::string> bmcs;
  const auto mark = marks_.find(credential);
  if (mark == marks_.end()) return bmcs;
  for (const record::LoginRefusals& refusal : mark->second.refused_by()) {
    if (!refusal.planned()) bmcs.push_back(refusal.bmc());
  }
  return bmcs;
}

std::optional<wire::Fault> CredentialBreaker::why_not(const Login& login, std::uint32_t limit,
                                                      const Now& now) {
  const std::string& name = login.credential;
  if (const auto found = marks_.find(name); found != marks_.end()) {
    record::CredentialMark& mark = found->second;
    const auto refused = [&](std::string seen) {
      return make_fault(wire::BMC_LOGIN_REFUSED, "QUEUED", std::move(seen), commands::mend_credential(name));
    };
    if (mark.held()) {
      return refused("credential " + name + " was refused by " + bmc_words(refused_by(name)) +
                     "; its other jobs are held so that no account is locked");
    }
    if (planted(Defect::breaker_never_holds)) return std::nullopt;
    forget_old(mark, now);
    const auto at = std::ranges::find(mark.refused_by(), login.bmc, &record::LoginRefusals::bmc);
    const bool known = at != mark.refused_by().end();
    if (known && (login.planned || at->times() >= limit)) {
      return refused("the BMC " + login.bmc + " refused credential " + name + " " +
                     std::to_string(at->times()) + (at->times() == 1 ? " time" : " times") +
                     "; it is left alone so that its account is not locked");
    }
    if (login.planned && static_cast<std::uint32_t>(mark.refused_by_size()) >= limit) {
      return refused("credential " + name + " was refused by " + std::to_string(mark.refused_by_size()) +
                     " BMCs; plans ask no further with it");
    }
  }
  if (known_ && !versions_.contains(name)) {
    missed_.insert(name);
    return make_fault(wire::CREDENTIAL_MISSING, "QUEUED", "this site has no credential named " + name,
                      commands::on_agent_host(commands::set_credential(name)));
  }
  return std::nullopt;
}

}  // namespace metalmesh::agent
