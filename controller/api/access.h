// Who calls, and what they may do. Callers carry a bearer token; the controller knows only its SHA-256.
//
// Roles: a viewer reads; an operator does everything but vouch for a quarantined site; an admin does
// everything. What a route needs is in routes.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::controller {

/// Ordered: each role may do what the one before it may. `nobody` marks routes that need no token.
enum class Role { nobody, viewer, operator_, admin };
std::string_view to_string(Role role);

struct Principal {
  std::string name;  // appears in the audit log
  Role role = Role::nobody;
  bool operator==(const Principal&) const = default;
};

/// Implementations may change their answers between calls (tokens are reloaded), never during one.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  [[nodiscard]] virtual std::optional<Principal> authenticate(std::string_view token) const = 0;
};

/// Lines "name role sha256(token) in hex"; '#' starts a comment. Several tokens may share a name, so that
/// one can be replaced without a gap.
class TokenTable final : public Authenticator {
 public:
  static Result<TokenTable> parse(std::string_view text);

  /// Compares all digests, each in constant time: the duration tells nothing about the table.
  [[nodiscard]] std::optional<Principal> authenticate(std::string_view token) const override;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Principal principal;
    std::string digest;  // 32 bytes
  };
  std::vector<Entry> entries_;
};

/// Who came over the socket on the controller's host: the adapter has seen that it is root or the controller's own user,
/// who have all that an admin has. Nothing for whoever comes by the network.
std::optional<Principal> local_principal(std::string_view peer);

/// The token of an Authorization header ("Bearer <token>"), or nothing.
std::optional<std::string_view> bearer_token(std::string_view authorization);

}  // namespace metalmesh::controller
