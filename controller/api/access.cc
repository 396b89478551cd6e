#include "controller/api/access.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/base/digest.h"
#include "common/text/letters.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t most_entries = 1000;
constexpr std::size_t longest_token = 512;
constexpr std::string_view blanks = " \t\r";

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(blanks);
    if (begin == std::string_view::npos || line[begin] == '#') return words;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(blanks), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

bool same_bytes(std::string_view a, std::string_view b) {
  std::uint8_t difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference |= static_cast<std::uint8_t>(a[i] ^ b[i]);
  }
  return difference == 0;
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::nobody:
      return "nobody";
    case Role::viewer:
      return "viewer";
    case Role::operator_:
      return "operator";
    case Role::approver:
      return "approver";
    case Role::admin:
      return "admin";
  }
  return "nobody";
}

std::optional<Role> role_named(std::string_view word) {
  for (const Role role : {Role::viewer, Role::operator_, Role::approver, Role::admin}) {
    if (word == to_string(role)) return role;
  }
  return std::nullopt;
}

std::optional<Principal> Authenticator::authenticate(std::string_view token) const {
  if (token.empty() || token.size() > longest_token) return std::nullopt;
  return known(to_hex(sha256(token)));
}

Result<TokenTable> TokenTable::parse(std::string_view text) {
  TokenTable table;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string line = "line " + std::to_string(++number) + ": ";
    if (words.empty()) continue;
    if (words.size() != 3) return fail(ErrorKind::invalid, line + "expected \"name role sha256\"");
    const auto role = role_named(words[1]);
    if (!role) {
      return fail(ErrorKind::invalid, line + "role \"" + std::string(words[1]) +
                                          "\" is none of viewer, operator, approver, admin");
    }
    std::string digest = to_lower(words[2]);
    if (from_hex(digest).size() != 32) {
      return fail(ErrorKind::invalid, line + "the third word must be a SHA-256 digest (64 hex digits)");
    }
    if (table.entries_.size() == most_entries) return fail(ErrorKind::exhausted, "more than 1000 tokens");
    table.entries_.push_back({.name = std::string(words[0]), .role = *role, .token = std::move(digest)});
  }
  return table;
}

std::optional<Principal> TokenTable::known(const std::string& sha256) const {
  const Principal* found = nullptr;
  for (const Principal& entry : entries_) {
    if (same_bytes(entry.token, sha256)) found = &entry;
  }
  if (found == nullptr) return std::nullopt;
  return *found;
}

std::optional<Principal> local_principal(std::string_view peer) {
  if (!peer.starts_with("unix:")) return std::nullopt;
  return Principal{.name = std::string(peer), .role = Role::admin};
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer";
  if (authorization.size() <= scheme.size() + 1) return std::nullopt;
  if (!same_letters(authorization.substr(0, scheme.size()), scheme)) return std::nullopt;
  authorization.remove_prefix(scheme.size());
  if (authorization.front() != ' ') return std::nullopt;
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  if (authorization.empty() || authorization.find_first_of(" \t") != std::string_view::npos)
    return std::nullopt;
  return authorization;
}

}  // namespace metalmesh::controller
