// A tolerant look at JSON that a BMC sent. BMCs send null for arrays, numbers for strings and strings for
// objects; a View of something that is not there, or not of the kind asked for, is simply empty. Nothing here
// throws. Private to this room: its public headers carry plain structs.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/redfish/resources.h"
#include "common/base/result.h"

namespace metalmesh::redfish {

class View {
 public:
  View() = default;
  explicit View(const boost::json::value* value) : value_(value) {}

  [[nodiscard]] View operator[](std::string_view key) const;
  /// Elements of an array, at most `limit`; nothing for any other kind.
  [[nodiscard]] std::vector<View> items(std::size_t limit = 256) const;
  /// As items; an object that stands where an array should is its only element.
  [[nodiscard]] std::vector<View> one_or_more(std::size_t limit = 256) const;
  /// Text of a string, number or boolean; empty otherwise. At most 2,048 characters.
  [[nodiscard]] std::string text() const;
  /// Of a string, however long; for what is no text for people.
  [[nodiscard]] std::string whole_text() const;
  [[nodiscard]] std::vector<std::string> texts() const;
  [[nodiscard]] std::optional<bool> flag() const;
  /// Path of a reference: {"@odata.id": "..."} or the bare string.
  [[nodiscard]] std::string link() const;
  [[nodiscard]] bool is_object() const { return value_ != nullptr && value_->is_object(); }
  /// Keys of an object, in the order sent.
  [[nodiscard]] std::vector<std::string> keys() const;
  /// The whole part of a number that is not negative.
  [[nodiscard]] std::optional<std::uint64_t> whole() const;
  /// As it was sent, about.
  [[nodiscard]] std::string json() const;

 private:
  const boost::json::value* value_ = nullptr;
};

class Document {
 public:
  /// At most 1 MiB, at most 32 levels deep. Bytes that are no UTF-8 become U+FFFD. Kind: corrupt, with the
  /// byte where it is damaged.
  static Result<Document> parse(std::string_view body);
  /// As parse, and the root must be an object.
  static Result<Document> parse_object(std::string_view body);
  [[nodiscard]] View root() const { return View(&value_); }

 private:
  boost::json::value value_;
};

}  // namespace metalmesh::redfish
