// Logins at BMCs, as jobs and inspections see them: whether one may be tried now, and what follows for everybody else
// from one that was refused or accepted (credential_breaker.h counts; here it is told).
#pragma once

#include <optional>
#include <string>

#include "agents/core/job_context.h"

namespace metalmesh::agent {

Login login_of(const wire::BmcTarget& bmc, bool planned = false);
/// Why nobody may talk to this BMC now: it is in none of the site's networks, or its account is held; or nothing.
std::optional<wire::Fault> why_no_login(const JobContext& context, const wire::BmcTarget& bmc, bool planned,
                                        const Now& now);
/// A BMC refused a login: counts for the credential, and tells when that begins to hold its jobs.
void count_login_refusal(const JobContext& context, const Login& login, const std::string& server,
                         const Now& now, Outcome& out);
/// A BMC accepted one: tells when that ends the hold, and returns whether it did.
bool count_login(const JobContext& context, const Login& login, const Now& now, Outcome& out);

}  // namespace metalmesh::agent
