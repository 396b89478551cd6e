// What a single field may hold. Each rule answers with a Refusal that names the field, the value and what
// would be right, or with nothing. Pure.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/map.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "controller/core/operator_request.h"

namespace metalmesh::controller::rules {

using Verdict = std::optional<Refusal>;
using StringMap = google::protobuf::Map<std::string, std::string>;

/// [a-z0-9]([-a-z0-9]*[a-z0-9])?, at most 63: safe in topics, keys, URLs and DNS.
Verdict name(const std::string& field, const std::string& value);
/// A name, or one with `*` for any characters and `?` for one.
Verdict name_pattern(const std::string& field, const std::string& value);
Verdict labels(const std::string& field, const StringMap& map);
/// Variables of answer files: bounded, because they travel in commands.
Verdict variables(const std::string& field, const StringMap& map);
Verdict one_of(const std::string& field, const std::string& value,
               std::initializer_list<std::string_view> allowed);
/// host, host:port, [v6] or [v6]:port.
Verdict address(const std::string& field, const std::string& value);
Verdict sha256_hex(const std::string& field, const std::string& value);
Verdict url(const std::string& field, const std::string& value);
Verdict hostname(const std::string& field, const std::string& value);
/// Lower-case word such as "rhel" or "x86_64".
Verdict token(const std::string& field, const std::string& value);
/// Bytes of what a person gives as a reason.
inline constexpr std::size_t note_limit = 1024;
Verdict text(const std::string& field, const std::string& value, std::size_t longest);
Verdict at_most(const std::string& field, std::uint64_t value, std::uint64_t most);
Verdict duration(const std::string& field, const google::protobuf::Duration& value,
                 std::int64_t most_seconds);
/// "3" or "3%".
Verdict share(const std::string& field, const std::string& value);

bool is_name(std::string_view value);

struct Share {
  std::uint32_t number = 0;
  bool percent = false;
  /// Of `whole`, rounded up, at least 1.
  [[nodiscard]] std::uint32_t of(std::uint32_t whole) const;
};
std::optional<Share> parse_share(std::string_view text);

Refusal refusal(ErrorKind kind, std::string field, std::string message, std::string next = {});

/// The first refusal of a list of checks that were made in order.
Verdict first_of(std::initializer_list<Verdict> verdicts);
Verdict required(const std::string& field, bool given);
/// An object that is referred to.
Verdict missing(const std::string& field, const std::string& kind, const std::string& name);
template <class Check>
Verdict if_set(const std::string& value, Check check) {
  return value.empty() ? std::nullopt : check(value);
}
inline void default_to(std::string& value, const char* fallback) {
  if (value.empty()) value = fallback;
}

}  // namespace metalmesh::controller::rules
