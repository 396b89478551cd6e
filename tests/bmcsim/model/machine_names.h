// What names the one machine that was recorded: its MACs, its UUIDs, the numbers of its parts. Another one that wears the
// record has its own in their places, each the same wherever it stands and spelled as it was.
#pragma once

#include <bitset>
#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace metalmesh::bmcsim {

/// Of a record, for all that wear it.
class RecordedNames {
 public:
  enum class Kind { mac, uuid, number };
  enum class Form {
    as_it_is,
    colons,
    dashes,
    plain,
    interface_id
  };  // the last: of the IPv6 address made of a MAC
  struct Spelling {
    Kind kind = Kind::number;
    std::string name;  // of a MAC twelve digits, of a UUID in lower case
    Form form = Form::as_it_is;
    bool upper = false;
  };

  /// Learns what names something in a resource.
  void find(const boost::json::value& resource) { find(resource, ""); }
  /// The longest one with which `text` starts, as it stands there. Null when none does.
  [[nodiscard]] const std::pair<const std::string, Spelling>* match(std::string_view text) const;

 private:
  void find(const boost::json::value& value, std::string_view key);
  void learn(std::string_view text, std::string_view key);
  void add(const Spelling& spelling);

  std::unordered_map<std::uint32_t, std::map<std::string, Spelling>> by_start_;  // by the first four bytes
  std::bitset<1U << 16U> may_start_;  // by the first two bytes: most of a text is no name
};

/// Of one machine. Made of nothing it changes nothing.
class OwnNames {
 public:
  OwnNames() = default;
  /// `machine` tells it from others; `given`: names that are its own already, in the place of recorded ones.
  OwnNames(const RecordedNames& recorded, std::string machine, std::map<std::string, std::string> given)
      : recorded_(&recorded), machine_(std::move(machine)), given_(std::move(given)) {}
  /// `text` of the record as this machine says it.
  [[nodiscard]] std::string in(const std::string& text) const;

 private:
  [[nodiscard]] std::string own(const RecordedNames::Spelling& recorded) const;

  const RecordedNames* recorded_ = nullptr;
  std::string machine_;
  std::map<std::string, std::string> given_;
};

}  // namespace metalmesh::bmcsim
