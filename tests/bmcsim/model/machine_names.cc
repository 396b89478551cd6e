#include "tests/bmcsim/model/machine_names.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstring>

#include "common/base/digest.h"
#include "common/base/machine_key.h"
#include "common/text/letters.h"

namespace metalmesh::bmcsim {
namespace {

namespace json = boost::json;
using Form = RecordedNames::Form;
using Kind = RecordedNames::Kind;

constexpr std::size_t shortest_name = 6;
constexpr std::size_t mac_size = 12;
constexpr std::size_t uuid_size = 36;
/// Parts of the names of properties whose values name a machine or a part of it.
constexpr std::array<std::string_view, 6> naming = {"serialnumber", "uuid",        "guid",
                                                    "wwn",          "durablename", "servicetag"};

std::uint32_t start_of(std::string_view text) {
  std::uint32_t start = 0;
  std::memcpy(&start, text.data(), sizeof start);
  return start;
}
std::size_t first_two(std::string_view text) { return start_of(text) & 0xffffU; }

bool is_hex(char c) { return is_lower_hex(to_lower(c)); }

/// "52:54:00:12:34:56" and "52-54-00-12-34-56" as twelve digits; empty when it is none.
std::string digits_of_mac(std::string_view text) {
  std::string mac = to_lower(text);
  std::ranges::replace(mac, '-', ':');
  if (!usable_mac(mac)) return {};
  std::erase(mac, ':');
  return mac;
}

bool is_uuid(std::string_view text) { return text.size() == uuid_size && usable_uuid(text); }

bool is_number(std::string_view text) {
  return text.size() >= shortest_name && usable_serial(text) && std::ranges::any_of(text, is_digit) &&
         std::ranges::all_of(text, [](char c) {
           return is_alnum(c) || std::string_view("-_.:").find(c) != std::string_view::npos;
         });
}

std::string joined(std::string_view mac, std::string_view between) {
  std::string out;
  for (std::size_t i = 0; i < mac.size(); i += 2) {
    if (i > 0) out += between;
    out += mac.substr(i, 2);
  }
  return out;
}

/// "3c6d660edbdc" as "3e6d:66ff:fe0e:dbdc": the second lowest bit of the first byte is turned (RFC 4291, appendix A).
std::string interface_id(std::string_view mac) {
  std::string digits(mac);
  digits[1] = "23016745ab89efcd"[static_cast<std::size_t>(hex_value(digits[1]))];
  digits.insert(6, "fffe");
  std::string out;
  for (std::size_t i = 0; i < digits.size(); i += 4) {
    const std::string_view group = std::string_view(digits).substr(i, 4);
    if (i > 0) out += ':';
    out += group.substr(std::min<std::size_t>(group.find_first_not_of('0'), 3));
  }
  return out;
}

std::string spelled(const RecordedNames::Spelling& as, const std::string& name) {
  std::string out = name;
  if (as.form == Form::colons) out = joined(name, ":");
  if (as.form == Form::dashes) out = joined(name, "-");
  if (as.form == Form::interface_id) out = interface_id(name);
  return as.upper ? to_upper(out) : out;
}

/// A digit for each digit, a letter for each letter.
std::string alike(std::string name, std::string_view digest) {
  const bool hex = std::ranges::all_of(name, [](char c) { return is_hex(c) || !is_alnum(c); });
  const unsigned letters = hex ? 6 : 26;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto random = static_cast<unsigned char>(digest[i % digest.size()]);
    char& c = name[i];
    if (is_digit(c)) c = static_cast<char>('0' + random % 10);
    if (is_lower(c)) c = static_cast<char>('a' + random % letters);
    if (is_upper(c)) c = static_cast<char>('A' + random % letters);
  }
  return name;
}

}  // namespace

void RecordedNames::find(const json::value& value, std::string_view key) {
  if (const auto* object = value.if_object()) {
    for (const auto& [name, member] : *object) find(member, name);
  } else if (const auto* array = value.if_array()) {
    for (const json::value& member : *array) find(member, key);
  } else if (const auto* string = value.if_string()) {
    learn(trimmed(std::string_view(*string)), key);
  }
}

void RecordedNames::learn(std::string_view text, std::string_view key) {
  if (const std::string mac = digits_of_mac(text); !mac.empty()) {
    for (const Form form : {Form::colons, Form::dashes, Form::plain, Form::interface_id})
      for (const bool upper : {false, true}) add({Kind::mac, mac, form, upper});
    return;
  }
  const std::string plain = to_lower(key);
  if (std::ranges::none_of(naming, [&](std::string_view part) { return plain.contains(part); })) return;
  if (is_uuid(text)) {
    for (const bool upper : {false, true}) add({Kind::uuid, to_lower(text), Form::as_it_is, upper});
  } else if (is_number(text)) {
    add({Kind::number, std::string(text), Form::as_it_is, false});
  }
}

void RecordedNames::add(const Spelling& spelling) {
  const std::string text = spelled(spelling, spelling.name);
  by_start_[start_of(text)].try_emplace(text, spelling);
  may_start_.set(first_two(text));
}

const std::pair<const std::string, RecordedNames::Spelling>* RecordedNames::match(
    std::string_view text) const {
  if (text.size() < shortest_name || !may_start_.test(first_two(text))) return nullptr;
  const auto found = by_start_.find(start_of(text));
  if (found == by_start_.end()) return nullptr;
  const std::pair<const std::string, Spelling>* longest = nullptr;
  for (const auto& each : found->second)  // of two that both fit the longer one is later
    if (text.starts_with(each.first)) longest = &each;
  return longest;
}

std::string OwnNames::own(const RecordedNames::Spelling& recorded) const {
  if (const auto given = given_.find(recorded.name); given != given_.end()) return given->second;
  const std::string digest = sha256(machine_ + "/", recorded.name);
  // The first byte of a MAC tells whether it is universal.
  if (recorded.kind == Kind::mac) return recorded.name.substr(0, 2) + to_hex(digest).substr(0, mac_size - 2);
  return alike(recorded.name, digest);
}

std::string OwnNames::in(const std::string& text) const {
  if (recorded_ == nullptr) return text;
  std::string out;
  std::size_t kept = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto* found = recorded_->match(std::string_view(text).substr(at));
    if (found == nullptr) {
      ++at;
      continue;
    }
    out.append(text, kept, at - kept);
    out += spelled(found->second, own(found->second));
    at += found->first.size();
    kept = at;
  }
  return out.append(text, kept);
}

}  // namespace metalmesh::bmcsim
