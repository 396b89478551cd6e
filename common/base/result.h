// Errors are values. `Result<T>` carries either a value or an `Error` whose *kind* decides policy
// (retry, refuse, stop) and whose text is for people. Programmer errors are not Results: they stop
// the process through MM_CHECK (check.h).
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "common/text/utf8.h"

namespace metalmesh {

enum class ErrorKind {
  invalid,      // the input is malformed; repeating it cannot help
  not_found,    // what was named does not exist
  conflict,     // it exists, but its state forbids the request
  denied,       // not allowed, or a signature did not verify
  unavailable,  // try again later: the peer or a resource is away
  timeout,      // no answer in time; the effect is unknown
  unsupported,  // understood, but this version or device cannot do it
  corrupt,      // stored or received bytes are damaged
  exhausted,    // a bound (disk, queue, size) was reached
  internal,     // a defect of ours
};

std::string_view to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;  // UTF-8 if made by `fail` and `with`, whatever they were given

  /// Puts `context` in front of the message: "reading site.yaml: line 3: ...".
  [[nodiscard]] Error with(std::string_view context) && {
    message = valid_utf8(std::string(context) + ": " + message);
    return std::move(*this);
  }
  bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return std::unexpected(Error{kind, valid_utf8(std::move(message))});
}

}  // namespace metalmesh
