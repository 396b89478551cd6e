// Text from elsewhere (labels and names in images, answers of devices) may be in any encoding. What goes into
// a message, a row or a log line is UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace metalmesh {

/// Length of the UTF-8 sequence at the front of `text` (not empty), 0 when it is none: overlong forms,
/// surrogates and what is cut off are none (RFC 3629).
std::size_t utf8_length(std::string_view text);

/// The first byte of `text` that belongs to no UTF-8 sequence; npos when all do.
std::size_t first_not_utf8(std::string_view text);

inline bool is_utf8(std::string_view text) { return first_not_utf8(text) == std::string_view::npos; }

/// `text` with U+FFFD for every byte that belongs to no UTF-8 sequence.
std::string valid_utf8(std::string text);

/// Text that is valid UTF-8 whatever it was made of. It is cut between characters.
class Utf8 {
 public:
  Utf8() = default;
  explicit Utf8(std::string raw) : text_(valid_utf8(std::move(raw))) {}
  explicit Utf8(std::string_view raw) : Utf8(std::string(raw)) {}

  [[nodiscard]] const std::string& str() const& { return text_; }
  [[nodiscard]] std::string str() && { return std::move(text_); }
  /// Its first characters, at most `bytes` bytes.
  [[nodiscard]] Utf8 cut(std::size_t bytes) const&;
  [[nodiscard]] bool longer_than(std::size_t bytes) const { return text_.size() > bytes; }
  bool operator==(const Utf8&) const = default;

 private:
  std::string text_;
};

}  // namespace metalmesh
