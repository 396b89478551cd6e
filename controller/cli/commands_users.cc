// user create, disable, enable, token, revoke. A token is drawn here and kept here: the controller gets its SHA-256.
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include "common/adapters/os_entropy.h"
#include "common/base/digest.h"
#include "common/os/files.h"
#include "common/text/hex.h"
#include "common/text/percent.h"
#include "common/text/scalars.h"
#include "controller/cli/commands.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

constexpr std::size_t token_bytes = 32;
constexpr mode_t only_mine = 0600;

std::string user_path(const std::string& name) { return object_path(*find_kind("User"), name); }

Status get_user(Session& session, const std::string& name, rest::User& user) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  return (*api)->get(user_path(name), user);
}

Result<rest::AddToken> wish_for(const TokenOrder& order, const std::string& token) {
  rest::AddToken body;
  body.set_sha256(to_hex(sha256(token)));
  body.set_note(order.note);
  if (order.duration.empty()) return body;
  const auto life = parse_duration(order.duration);
  if (!life || *life <= Duration::zero())
    return fail(ErrorKind::invalid, fmt::format("--for {}: expected a duration such as 90d", order.duration));
  *body.mutable_duration() = google::protobuf::util::TimeUtil::NanosecondsToDuration(life->count());
  return body;
}

std::string bound_words(const rest::UserSpec& spec) {
  std::string out =
      spec.sites().empty() ? "bound to no site" : fmt::format("bound to {}", fmt::join(spec.sites(), ", "));
  if (!spec.actions().empty()) out += fmt::format(", for {} alone", fmt::join(spec.actions(), ", "));
  return out;
}

}  // namespace

CommandResult give_token(Session& session, const TokenOrder& order) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  adapters::OsEntropy entropy;
  const std::string token = to_hex(entropy.bytes(token_bytes));
  const auto body = wish_for(order, token);
  if (!body) return std::unexpected(body.error());
  // Kept before it is good: what cannot be written down was given to nobody.
  if (!order.file.empty()) {
    if (auto kept = os::write_file(order.file, token + "\n", only_mine); !kept)
      return std::unexpected(kept.error());
  }
  rest::User user;
  if (auto status = (*api)->send("POST", user_path(order.user) + "/tokens", *body, user); !status)
    return std::unexpected(status.error());
  const std::string id = body->sha256().substr(0, 12);
  const auto& tokens = user.status().tokens();
  const auto mine = std::ranges::find(tokens, id, &rest::UserToken::id);
  const std::string until = mine == tokens.end() ? std::string() : time_words(mine->expires());
  session.show(
      user, fmt::format("token {} of {}, good until {}{}\n", id, order.user, until,
                        order.file.empty() ? "; it is shown this once:\n" + token : ", is in " + order.file));
  session.suggest(
      fmt::format("metalmesh --token-file {} get sites", order.file.empty() ? "FILE" : order.file));
  return ExitCode::ok;
}

CommandResult create_user(Session& session, const UserOrder& order) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::User user;
  const std::string& name = order.token.user;
  if (auto there = (*api)->get(user_path(name), user); there) {
    return fail(ErrorKind::conflict, fmt::format("user {} exists: {}, {}\n  next: metalmesh user token {}",
                                                 name, user.spec().role(), bound_words(user.spec()), name));
  } else if (there.error().kind != ErrorKind::not_found) {
    return std::unexpected(there.error());
  }
  user.mutable_spec()->set_role(order.role);
  for (const std::string& site : order.sites) user.mutable_spec()->add_sites(site);
  for (const std::string& action : order.actions) user.mutable_spec()->add_actions(action);
  user.mutable_spec()->set_note(order.token.note);
  if (auto status = (*api)->send("PUT", user_path(name), user, user); !status)
    return std::unexpected(status.error());
  session.show(user, fmt::format("user {} is {}, {}\n", name, order.role, bound_words(user.spec())));
  return give_token(session, order.token);
}

CommandResult disable_user(Session& session, const std::string& name, bool disabled) {
  rest::User user;
  if (auto status = get_user(session, name, user); !status) return std::unexpected(status.error());
  user.mutable_spec()->set_disabled(disabled);
  if (auto status = (*session.api())->send("PUT", user_path(name), user, user); !status)
    return std::unexpected(status.error());
  session.show(
      user,
      disabled
          ? fmt::format("user {} is disabled: no token of hers is good, and what streams to her ends\n", name)
          : fmt::format("user {} is let in again, with the tokens that are still good\n", name));
  session.suggest("metalmesh user list");
  return ExitCode::ok;
}

CommandResult revoke_token(Session& session, const std::string& name, const std::string& id) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const auto answer = (*api)->call("DELETE", user_path(name) + "/tokens/" + percent_encode(id));
  if (!answer) return std::unexpected(answer.error());
  rest::User user;
  if (auto status = get_user(session, name, user); !status) return std::unexpected(status.error());
  session.show(user,
               fmt::format("token {} of {} is revoked; {} left\n", id, name, user.status().tokens_size()));
  session.suggest(fmt::format("metalmesh user token {}", name));
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
