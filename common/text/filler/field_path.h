// A field of a message by its path, spelled as JSON has it: "spec.bmc.address", "metadata.labels.role" (an entry of a map; the
// rest of the path is its key), "status.conditions.type" (of any item of a list). Pure.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace metalmesh {

class FieldPath {
 public:
  enum class Sort : std::uint8_t { text, number, truth, time };

  /// Otherwise what is wrong, with the name that was probably meant. The last field must hold values.
  static std::expected<FieldPath, std::string> of(const google::protobuf::Descriptor& type,
                                                  std::string_view path);

  [[nodiscard]] Sort sort() const { return sort_; }
  /// What is there, as people write it: names of enums in lower case, durations as "90s". Of what is not set nothing, but
  /// for numbers and truths, which are 0 and false.
  [[nodiscard]] std::vector<std::string> values(const google::protobuf::Message& message) const;

 private:
  std::vector<const google::protobuf::FieldDescriptor*> fields_;
  std::string key_;  // of a map at the end
  Sort sort_ = Sort::text;
};

/// Every text in a message, at any depth.
void find_texts(const google::protobuf::Message& message, std::vector<std::string>& texts);

}  // namespace metalmesh
