#include "common/recording/anonymous.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <span>
#include <vector>

#include "common/recording/secret_finder.h"
#include "common/text/letters.h"

namespace metalmesh::recording {
namespace {

namespace json = boost::json;

/// Parts of the names of what names one machine, person or place. Without case.
constexpr std::array<std::string_view, 24> naming = {
    "serial",     "uuid",      "assettag", "servicetag", "servicecode", "sku",
    "macaddress", "ipaddress", "host",     "fqdn",       "domain",      "username",
    "wwn",        "wwpn",      "guid",     "license",    "entitle",     "certificate",
    "email",      "location",  "address",  "gateway",    "nameserver",  "durablename"};
/// Of these also what is a plain word; under the others such a word is one of Redfish's own, which others use, too.
constexpr std::array<std::string_view, 6> naming_by_word = {"hostname", "fqdn",     "domainname",
                                                            "username", "assettag", "email"};
/// And of what tells a kind, a state or a time, whatever it looks like.
constexpr std::array<std::string_view, 15> telling_kind = {
    "@",      "model", "manufacturer", "version", "time",     "date",       "message",    "state",
    "target", "type",  "method",       "mode",    "severity", "resolution", "description"};
/// Of the first line of a transcript.
constexpr std::array<std::string_view, 2> of_nobody = {"agent", "outcome"};

constexpr std::array<std::string_view, 3> of_paths = {"path", "uri", "ref"};

constexpr std::size_t shortest_number = 6;

bool has_part(std::string_view name, std::span<const std::string_view> parts) {
  const std::string plain = to_lower(name);
  return std::ranges::any_of(parts, [&](std::string_view part) { return plain.contains(part); });
}

bool is_hex(char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); }

/// "52:54:00:12:34:56", "10.1.2.3", "fe80::1", "6173ecec-6ef5-11ee-834a-0a8fc3a58a71", "525400123456".
bool looks_like_a_number_of_its_own(std::string_view word) {
  const auto count = [&](char c) { return std::ranges::count(word, c); };
  const bool hex =
      std::ranges::all_of(word, [](char c) { return is_hex(c) || c == ':' || c == '-' || c == '.'; });
  const bool digits = std::ranges::all_of(word, [](char c) { return is_digit(c) || c == '.'; });
  if (digits && count('.') == 3) return true;
  if (!hex) return false;
  return count(':') >= 2 || count('-') == 4 || (count('-') == 5 && word.size() == 17) ||
         (word.size() == 12 && count(':') + count('-') + count('.') == 0 &&
          std::ranges::any_of(word, is_digit));
}

/// Words in any text that look as if they named something.
void find_by_look(std::string_view text, SecretSet& known) {
  constexpr std::string_view ends = " \t\r\n\"'/\\,;()[]{}<>=&?@|";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(ends), text.size());
    std::string_view word = text.substr(0, end);
    while (word.ends_with('.') || word.ends_with(':')) word.remove_suffix(1);
    if (looks_like_a_number_of_its_own(word)) known.learn(word);
    // "10.1.2.3:8443"
    if (const auto port = word.rfind(':');
        port != std::string_view::npos && looks_like_a_number_of_its_own(word.substr(0, port)))
      known.learn(word.substr(0, port));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

class Anonymiser {
 public:
  explicit Anonymiser(std::uint64_t key) : known_(key) {}

  void learn(const json::value& value, std::string_view name) {
    if (const auto* object = value.if_object()) {
      for (const auto& [key, member] : *object) learn(member, key);
    } else if (const auto* array = value.if_array()) {
      for (const json::value& member : *array) learn(member, name);
    } else if (const auto* string = value.if_string()) {
      learn_text(std::string_view(*string), name);
    }
  }

  /// What is too short to be found wherever it stands is replaced at least where its name says what it is.
  void blank(json::value& value, std::string_view name) const {
    if (auto* object = value.if_object()) {
      for (auto& [key, member] : *object) blank(member, key);
    } else if (auto* array = value.if_array()) {
      for (json::value& member : *array) blank(member, name);
    } else if (auto* string = value.if_string()) {
      const std::string_view text(*string);
      const bool stands_alone = text.size() < SecretSet::shortest || !is_known_everywhere(text, name);
      if (!text.starts_with('/') && names_one(name) && stands_alone) *string = known_.placeholder(text);
    } else if (value.is_number() && names_one(name)) {
      value = 0;
    }
  }

  void mask(std::string& text) const { known_.mask(text); }

 private:
  static bool names_one(std::string_view name) { return has_part(name, naming) && !name.contains('@'); }
  static bool is_known_everywhere(std::string_view text, std::string_view name) {
    return std::ranges::any_of(text, is_digit) || has_part(name, naming_by_word);
  }

  void learn_text(std::string_view text, std::string_view name) {
    find_in_text(text, known_);
    find_by_look(text, known_);
    const bool a_path = text.starts_with('/');
    if (names_a_secret(name)) return known_.learn(text);
    if (names_one(name) && !a_path) {
      if (is_known_everywhere(text, name)) known_.learn(text);
      return;
    }
    if (a_path || text.starts_with('#') || has_part(name, telling_kind)) return;
    // A word with digits under a name that we do not know may be anybody's number.
    const bool one_word = text.find_first_of(" \t\n") == std::string_view::npos;
    const bool numbered = std::ranges::count_if(text, is_digit) >= 3;
    if (one_word && numbered && text.size() >= shortest_number && !has_part(name, of_paths))
      known_.learn(text);
  }

  SecretSet known_;
};

std::vector<json::value> parsed(std::string_view lines) {
  std::vector<json::value> out;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    boost::system::error_code wrong;
    json::value line = json::parse(lines.substr(0, end), wrong);
    if (!wrong && line.is_object()) out.push_back(std::move(line));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return out;
}

bool is_exchange(const json::value& line) { return line.as_object().contains("method"); }
bool is_about(const json::value& line) { return line.as_object().contains("site"); }

}  // namespace

std::string anonymous(std::string_view lines, std::uint64_t key) {
  std::vector<json::value> all = parsed(lines);
  Anonymiser anonymiser(key);
  for (const json::value& line : all) {
    for (const auto& [key_chars, value] : line.as_object()) {
      const std::string_view name(key_chars.data(), key_chars.size());
      if (name == "at" || name == "last") continue;
      const bool whose = is_about(line) && std::ranges::find(of_nobody, name) == of_nobody.end();
      anonymiser.learn(value, whose ? "serial" : name);
    }
  }
  std::string out;
  for (json::value& line : all) {
    if (is_about(line)) {
      json::object kept;
      for (const std::string_view name : of_nobody)
        if (const json::value* value = line.as_object().if_contains(name)) kept[name] = *value;
      line = std::move(kept);
    }
    if (is_exchange(line)) anonymiser.blank(line, "");
    std::string text = json::serialize(line);
    anonymiser.mask(text);
    out += text + "\n";
  }
  return out;
}

}  // namespace metalmesh::recording
