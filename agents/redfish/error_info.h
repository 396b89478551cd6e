// What a BMC says when it refuses: Redfish extended errors (@Message.ExtendedInfo), read from any body, and
// the few meanings that change what we do next. Message ids are compared without registry and version
// ("Base.1.12.ActionParameterMissing" -> "ActionParameterMissing"), as vendors differ in both.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metalmesh::redfish {

struct Message {
  std::string id;    // last part of MessageId
  std::string text;  // the BMC's own words
  std::vector<std::string> args;
  bool operator==(const Message&) const = default;
};

struct ErrorInfo {
  std::vector<Message> messages;
  /// All texts in one line, at most 400 characters; for Fault.detail.
  [[nodiscard]] std::string text() const;
  /// Some message's id, text or arguments contain `word` (case does not matter).
  [[nodiscard]] bool mentions(std::string_view word) const;
};

/// Never fails: an HTML page or nonsense gives one message with its beginning; an empty body gives none.
ErrorInfo parse_error(std::string_view body);

enum class Refusal {
  other,
  licence,            // a feature that needs a licence
  password_change,    // the account must change its password first
  sessions_full,      // no room for another session
  login,              // the credential was not accepted, or the session is no longer valid
  busy,               // not ready, in POST, or a job is running: the same request may succeed later
  missing_parameter,  // a required parameter was left out: see `mentions`
  for_good,           // it will say so each time: not writable, not supported, not in its list
  denied,             // the account is known, and may not
  precondition,       // If-Match did not match (412) or is required (428)
  conflict,           // 409: the resource's state forbids it, often because it is so already
};

/// The words of a wrong user name or password, whatever the status.
bool says_wrong_password(const ErrorInfo& error);

Refusal classify(int status, const ErrorInfo& error);

}  // namespace metalmesh::redfish
