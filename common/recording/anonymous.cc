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
constexpr std::array<std::string_view, 3> of_nobody = {"agent", "outcome", "fault"};

constexpr std::array<std::string_view, 3> of_paths = {"path", "uri", "ref"};

/// Kinds of media, which are nobody's.
constexpr std::array<std::string_view, 2> image_endings = {".iso", ".img"};

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

/// "Base.1.12.PropertyNotWritable", "IDRAC.2.8.SYS428": a BMC's own word, which is nobody's and tells what a row is to say.
bool is_message_id(std::string_view text) {
  const std::size_t first = text.find('.');
  const std::size_t last = text.rfind('.');
  if (first == last) return false;
  const std::string_view registry = text.substr(0, first);
  const std::string_view version = text.substr(first + 1, last - first - 1);
  const std::string_view key = text.substr(last + 1);
  return !registry.empty() && std::ranges::all_of(registry, is_letter) && !key.empty() &&
         is_letter(key.front()) && std::ranges::all_of(key, is_alnum) &&
         std::ranges::all_of(version, [](char c) { return is_digit(c) || c == '.'; });
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

/// The first one in `text`: from its scheme to where it cannot go on. Empty when there is none.
std::string_view first_url(std::string_view text) {
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos) return {};
  std::size_t begin = mark;
  while (begin > 0 && is_alnum(text[begin - 1])) --begin;
  std::string_view url = text.substr(begin);
  url = url.substr(0, url.find_first_of(" \t\r\n\"'\\<>(){}[],;|"));
  while (url.ends_with('.') || url.ends_with(':')) url.remove_suffix(1);
  return url;
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
      if (!text.starts_with('/') && names_one(name) && stands_alone) *string = stand_in(text);
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

  /// A file's kind stays: refusals are about it.
  [[nodiscard]] std::string stand_in_for_file(std::string_view text) const {
    for (const std::string_view ending : image_endings) {
      if (text.size() < ending.size() || !same_letters(text.substr(text.size() - ending.size()), ending))
        continue;
      return known_.placeholder(text.substr(0, text.size() - ending.size())) +
             std::string(text.substr(text.size() - ending.size()));
    }
    return known_.placeholder(text);
  }

  struct Url {
    std::string_view scheme, host, port, path, query;  // with what separates them
  };
  static Url parts_of(std::string_view url) {
    const std::size_t host = url.find("://") + 3;
    const std::size_t path = std::min(url.find_first_of("/?#", host), url.size());
    const std::size_t query = std::min(url.find_first_of("?#", path), url.size());
    const std::string_view authority = url.substr(host, path - host);
    std::size_t port = std::min(authority.rfind(':'), authority.size());
    if (!std::ranges::all_of(authority.substr(std::min(port + 1, authority.size())), is_digit))
      port = authority.size();
    return {url.substr(0, host), authority.substr(0, port), authority.substr(port),
            url.substr(path, query - path), url.substr(query)};
  }

  /// So do a URL's scheme and port: "https://10.1.2.3:8443/m/1a2b.iso" becomes "https://37.9.4.1:8443/k/8c0d.iso".
  [[nodiscard]] std::string stand_in(std::string_view text) const {
    if (text.empty() || first_url(text) != text) return stand_in_for_file(text);
    const Url url = parts_of(text);
    std::string out = std::string(url.scheme) + known_.placeholder(url.host) + std::string(url.port);
    for (std::string_view rest = url.path; !rest.empty();) {
      const std::size_t end = std::min(rest.find('/', 1), rest.size());
      out += '/' + stand_in_for_file(rest.substr(1, end - 1));
      rest.remove_prefix(end);
    }
    return out + known_.placeholder(url.query);
  }

  void learn_urls(std::string_view text) {
    for (std::string_view url = first_url(text); !url.empty(); url = first_url(text)) {
      known_.learn_as(url, stand_in(url));
      known_.learn(parts_of(url).host);
      text = text.substr(static_cast<std::size_t>(url.data() - text.data()) + url.size());
    }
  }

  void learn_text(std::string_view text, std::string_view name) {
    learn_urls(text);
    find_in_text(text, known_);
    find_by_look(text, known_);
    const bool a_path = text.starts_with('/');
    if (names_a_secret(name)) return known_.learn(text);
    if (names_one(name) && !a_path) {
      if (is_known_everywhere(text, name)) known_.learn(text);
      return;
    }
    if (a_path || text.starts_with('#') || is_message_id(text) || has_part(name, telling_kind)) return;
    // A word with digits under a name that we do not know may be anybody's number.
    const bool one_word = text.find_first_of(" \t\n") == std::string_view::npos;
    const bool numbered = std::ranges::count_if(text, is_digit) >= 3;
    if (one_word && numbered && text.size() >= shortest_number && !has_part(name, of_paths))
      known_.learn_as(text, stand_in(text));
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
