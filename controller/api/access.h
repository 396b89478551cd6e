// Who calls. Callers carry a bearer token; the controller knows only its SHA-256: from the tokens file, which
// is the controller's host's to write, or from its store, where admins give tokens to users.
//
// What a route needs of a role is in routes.cc, what else a caller may and may not in rights.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace metalmesh::controller {

/// Ordered: each role may do what the one before it may. `nobody` marks routes that need no token.
/// A viewer reads; an operator acts; an approver also lifts what limits operators; an admin also says who is what.
enum class Role { nobody, viewer, operator_, approver, admin };
std::string_view to_string(Role role);
std::optional<Role> role_named(std::string_view word);

struct Principal {
  std::string name;  // appears in the audit log
  Role role = Role::nobody;
  std::vector<std::string> sites = {};    // bound to them; empty: to none, which is the whole mesh
  std::vector<std::string> actions = {};  // of rollouts, likewise
  std::string token = {};                 // SHA-256 (hex); empty: came without one
  std::optional<WallTime> until = {};     // the token is good
  bool operator==(const Principal&) const = default;
};

/// By the SHA-256 (hex) of their tokens.
using Callers = std::map<std::string, Principal>;

/// Implementations may change their answers between calls (tokens are reloaded), never during one.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  [[nodiscard]] virtual std::optional<Principal> authenticate(std::string_view token) const;
  /// By the SHA-256 (hex) of a token: whose it is by now. Whether it is still good by the clock is for who asks.
  [[nodiscard]] virtual std::optional<Principal> known(const std::string& sha256) const = 0;
  /// Those of users, once what says so is durable.
  virtual void learn(Callers) {}
};

/// Lines "name role sha256(token) in hex"; '#' starts a comment. Several tokens may share a name, so that
/// one can be replaced without a gap.
class TokenTable final : public Authenticator {
 public:
  static Result<TokenTable> parse(std::string_view text);

  /// Compares all digests, each in constant time: the duration tells nothing about the table.
  [[nodiscard]] std::optional<Principal> known(const std::string& sha256) const override;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  std::vector<Principal> entries_;
};

/// Who came over the socket on the controller's host: the adapter has seen that it is root or the controller's own user,
/// who have all that an admin has. Nothing for whoever comes by the network.
std::optional<Principal> local_principal(std::string_view peer);

/// The token of an Authorization header ("Bearer <token>"), or nothing.
std::optional<std::string_view> bearer_token(std::string_view authorization);

}  // namespace metalmesh::controller
