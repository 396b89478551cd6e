#include "controller/core/user_tokens.h"

#include <algorithm>
#include <vector>

#include "common/ports/wire_time.h"
#include "common/text/letters.h"
#include "controller/core/field_rules.h"
#include "controller/core/operator_acts.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t id_digits = 12;
constexpr int tokens_most = 16;            // of a user
constexpr std::int64_t a_day = 24 * 3600;  // seconds
constexpr std::int64_t usual_life = 90 * a_day;
constexpr std::int64_t longest_life = 366 * a_day;

std::expected<const rest::User*, Refusal> user_named(const Work& work, const std::string& name) {
  const auto found = work.mesh().users.find(name);
  if (found != work.mesh().users.end()) return &found->second;
  return std::unexpected(rules::refusal(ErrorKind::not_found, "user",
                                        "User \"" + name.substr(0, 80) + "\" does not exist",
                                        "metalmesh user list"));
}

/// Which digest it is, of those that the user has; empty: none.
std::string digest_of(const Work& work, const std::string& user, const std::string& id) {
  for (const auto& [sha256, token] : work.mesh().tokens) {
    if (token.user() == user && token.token().id() == id) return sha256;
  }
  return {};
}

void show_tokens(Work& work, const std::string& user) {
  rest::User shown = work.mesh().users.at(user);
  auto& tokens = *shown.mutable_status()->mutable_tokens();
  tokens.Clear();
  for (const auto& [sha256, token] : work.mesh().tokens) {
    if (token.user() == user) *tokens.Add() = token.token();
  }
  std::sort(tokens.begin(), tokens.end(), [](const rest::UserToken& a, const rest::UserToken& b) {
    return from_wire(a.created()) < from_wire(b.created());
  });
  work.ledger.put(std::move(shown));
}

template <class Which>
void drop(Work& work, Which which) {
  std::vector<std::string> gone;
  for (const auto& [sha256, token] : work.mesh().tokens) {
    if (which(token)) gone.push_back(sha256);
  }
  for (const std::string& sha256 : gone) work.ledger.erase_token(sha256);
}

rules::Verdict check(const AddToken& request) {
  if (auto bad = rules::sha256_hex("sha256", request.sha256)) return bad;
  if (request.for_seconds < 0 || request.for_seconds > longest_life)
    return rules::refusal(ErrorKind::invalid, "duration", "must be longer than 0 and at most 366 days");
  return rules::text("note", request.note, rules::note_limit);
}

}  // namespace

std::string token_id(const std::string& sha256) { return sha256.substr(0, id_digits); }

void drop_tokens(Work& work, const std::string& user) {
  drop(work, [&](const record::Token& token) { return token.user() == user; });
}

ActResult act(Work& work, const AddToken& request, const std::string& actor) {
  const auto user = user_named(work, request.user);
  if (!user) return std::unexpected(user.error());
  if (auto bad = check(request)) return std::unexpected(std::move(*bad));
  const std::string sha256 = to_lower(request.sha256);
  const auto known = work.mesh().tokens.find(sha256);
  if (known != work.mesh().tokens.end()) {
    if (known->second.user() == request.user)
      return Acted{false, "User", request.user,
                   "token " + token_id(sha256) + " of " + request.user + " (unchanged)"};
    return std::unexpected(rules::refusal(ErrorKind::conflict, "sha256", "somebody has this token already",
                                          "draw another one: metalmesh user token " + request.user));
  }
  const WallTime now = work.now.wall();
  drop(work, [&](const record::Token& token) {
    return token.user() == request.user && from_wire(token.token().expires()) <= now;
  });
  const auto hers = std::ranges::count_if(
      work.mesh().tokens, [&](const auto& entry) { return entry.second.user() == request.user; });
  if (hers >= tokens_most)
    return std::unexpected(
        rules::refusal(ErrorKind::exhausted, "",
                       request.user + " has " + std::to_string(hers) + " tokens, which is the most",
                       "metalmesh user revoke " + request.user + " TOKEN"));
  record::Token token;
  token.set_user(request.user);
  rest::UserToken& shown = *token.mutable_token();
  shown.set_id(token_id(sha256));
  *shown.mutable_created() = to_wire(now);
  const auto life = std::chrono::seconds(request.for_seconds == 0 ? usual_life : request.for_seconds);
  *shown.mutable_expires() = to_wire(now + life);
  shown.set_by(actor);
  shown.set_note(request.note);
  const std::string until = for_people(shown.expires());
  work.ledger.put_token(sha256, std::move(token));
  show_tokens(work, request.user);
  return Acted{false, "User", request.user,
               "gave user " + request.user + " token " + token_id(sha256) + ", good until " + until};
}

ActResult act(Work& work, const RevokeToken& request, const std::string&) {
  const auto user = user_named(work, request.user);
  if (!user) return std::unexpected(user.error());
  const std::string sha256 = digest_of(work, request.user, request.id);
  if (sha256.empty())
    return std::unexpected(rules::refusal(ErrorKind::not_found, "id",
                                          request.user + " has no token " + request.id.substr(0, 80),
                                          "metalmesh describe user " + request.user));
  work.ledger.erase_token(sha256);
  show_tokens(work, request.user);
  return Acted{false, "User", request.user, "revoked token " + request.id + " of user " + request.user};
}

}  // namespace metalmesh::controller
