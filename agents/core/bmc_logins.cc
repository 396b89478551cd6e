#include "agents/core/bmc_logins.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "agents/core/faults.h"
#include "common/base/bmc_address.h"
#include "common/base/command_words.h"

namespace metalmesh::agent {

Login login_of(const wire::BmcTarget& bmc, bool planned) {
  return {bmc.credential(), normal_bmc_address(bmc.address()), planned};
}

std::optional<wire::Fault> why_no_login(const JobContext& context, const wire::BmcTarget& bmc, bool planned,
                                        const Now& now) {
  if (auto barred = context.site.reach.why_not(bmc.address(), bmc.credential()))
    return make_fault(wire::BMC_NOT_ALLOWED, "QUEUED", std::move(barred->seen), std::move(barred->next));
  return context.breaker.why_not(login_of(bmc, planned), context.site.login_refusals, now);
}

void count_login_refusal(const JobContext& context, const Login& login, const std::string& server,
                         const Now& now, Outcome& out) {
  if (!context.breaker.refused(login, context.site.login_refusals, now, out)) return;
  const std::vector<std::string> bmcs = context.breaker.refused_by(login.credential);
  wire::Event event;
  wire::CredentialHeld& held = *event.mutable_credential_held();
  held.set_credential(login.credential);
  held.set_refusals(static_cast<std::uint32_t>(bmcs.size()));
  held.set_jobs_held(context.jobs.waiting_for(login.credential));
  for (const std::string& bmc : bmcs) {
    if (held.bmcs_size() < static_cast<int>(bmcs_named)) held.add_bmcs(bmc);
  }
  context.journal.tell(std::move(event), now, out);
  out.log(LogLevel::error,
          "credential held: " + bmc_words(bmcs) +
              " refused it; next: " + commands::mend_credential(login.credential),
          {{"credential", login.credential}, {"server", server}});
}

bool count_login(const JobContext& context, const Login& login, const Now& now, Outcome& out) {
  if (!context.breaker.accepted(login, context.site.login_refusals, now, out)) return false;
  wire::Event event;
  event.mutable_credential_released()->set_credential(login.credential);
  context.journal.tell(std::move(event), now, out);
  out.log(LogLevel::info, "credential accepted by " + login.bmc + ": what waited for it goes on",
          {{"credential", login.credential}});
  return true;
}

}  // namespace metalmesh::agent
