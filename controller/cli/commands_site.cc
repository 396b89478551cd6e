// A site as somebody to be trusted: deliveries that are let in, and the end of all trust.
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include "common/adapters/pki.h"
#include "common/ports/wire_time.h"
#include "common/text/scalars.h"
#include "controller/cli/commands.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

Result<rest::Site> post_site(Session& session, const std::string& name, std::string_view action,
                             const google::protobuf::Message& body) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::Site site;
  const std::string path = fmt::format("{}/{}", object_path(*find_kind("Site"), name), action);
  if (auto status = (*api)->send("POST", path, body, site); !status) return std::unexpected(status.error());
  return site;
}

}  // namespace

CommandResult open_first_contact(Session& session, const std::string& name, const std::string& network,
                                 const std::string& duration, const std::string& reason) {
  rest::OpenFirstContact body;
  body.set_network(network);
  body.set_reason(reason);
  if (!duration.empty()) {
    const auto parsed = parse_duration(duration);
    if (!parsed || *parsed < Duration::zero())
      return fail(ErrorKind::invalid,
                  fmt::format("--for {}: expected a duration such as 30m or 4h; 0s closes it", duration));
    *body.mutable_duration() = google::protobuf::util::TimeUtil::NanosecondsToDuration(parsed->count());
  }
  auto site = post_site(session, name, "first-contact", body);
  if (!site) return std::unexpected(site.error());
  std::string text = fmt::format("site {} takes no BMC whose key nobody has approved\n", name);
  for (const auto& open : site->status().first_contact())
    text = fmt::format(
        "BMCs in {} of site {} are logged in to by the key that they show at first, until {} UTC\n",
        open.network(), name, time_words(open.until()));
  session.show(*site, text);
  session.suggest("metalmesh get servers");
  return ExitCode::ok;
}

CommandResult revoke_site(Session& session, const std::string& name, const std::string& confirm,
                          const std::string& reason) {
  rest::RevokeSite body;
  body.set_confirm(confirm);
  body.set_reason(reason);
  auto site = post_site(session, name, "revoke", body);
  if (!site) return std::unexpected(site.error());
  session.show(*site,
               fmt::format("site {} is revoked: nothing that has its key is heard any more, and its name is "
                           "never given again\n",
                           name));
  session.suggest(fmt::format("metalmesh pki revoke --dir DIR --site {}", name),
                  "where the authority's key is; then send the broker a HUP");
  return ExitCode::ok;
}

CommandResult revoke_certificate(Session& session, const std::string& folder, const std::string& site) {
  if (auto done = adapters::revoke_site(folder, site, Console::now()); !done)
    return std::unexpected(done.error());
  session.console().print(
      fmt::format("{}.crt is on {}/crl.pem, and the keys of {} are deleted here\n", site, folder, site));
  session.suggest(site.starts_with("tool-")
                      ? fmt::format("metalmesh user disable {}", site)
                      : fmt::format("metalmesh site revoke {} --confirm {} --reason TEXT", site, site),
                  "copy crl.pem to the broker and send it a HUP");
  return ExitCode::ok;
}

CommandResult renew_list(Session& session, const std::string& folder, const std::string& life) {
  std::optional<Duration> wanted;
  if (!life.empty()) {
    wanted = parse_duration(life);
    if (!wanted || *wanted <= Duration::zero())
      return fail(ErrorKind::invalid, fmt::format("--for {}: expected a duration such as 90d", life));
  }
  const auto until = adapters::renew_revocations(folder, wanted, Console::now());
  if (!until) return std::unexpected(until.error());
  session.console().print(
      fmt::format("{}/crl.pem is good until {} UTC\n", folder, time_words(to_wire(*until))));
  session.suggest("metalmesh controller status", "copy crl.pem to the broker and send it a HUP");
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
