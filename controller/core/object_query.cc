#include "controller/core/object_query.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include "common/base/machine_key.h"
#include "common/text/glob.h"
#include "common/text/letters.h"
#include "common/text/near_miss.h"
#include "common/text/scalars.h"
#include "controller/core/field_rules.h"

namespace metalmesh::controller {
namespace {

using Comparison = ObjectQuery::Comparison;

enum class Sort : std::uint8_t { text, version, number, size, date };

/// One of the three is set; empty or nothing: it is not known.
struct Field {
  std::string_view name;
  Sort sort;
  std::string (*text)(const rest::Server&);
  std::optional<std::int64_t> (*number)(const rest::Server&) = nullptr;
  std::vector<std::string> (*texts)(const rest::Server&) = nullptr;
};

using Number = std::optional<std::int64_t>;

template <auto Get>
Number count(const rest::Server& server) {
  const auto value = (server.status().facts().*Get)();
  return value == 0 ? Number() : Number(static_cast<std::int64_t>(value));
}

/// "on", "uefi", "warning".
template <class Enum>
std::string word(Enum value, const std::string& name) {
  return value == 0 ? std::string() : to_lower(name);
}

/// What is said of it and what was seen of it, whichever.
template <auto Get>
std::vector<std::string> of_identities(const rest::Server& server) {
  std::vector<std::string> out;
  for (const auto* each : {&server.spec().identity(), &server.status().pinned(), &server.status().seen()}) {
    if (const std::string& text = (each->*Get)(); !text.empty()) out.push_back(text);
  }
  return out;
}
std::vector<std::string> macs_of(const rest::Server& server) {
  std::vector<std::string> out;
  for (const auto* each : {&server.spec().identity(), &server.status().pinned(), &server.status().seen()})
    for (const std::string& mac : each->macs()) out.push_back(normal_mac(mac));
  return out;
}
std::vector<std::string> addresses_of(const rest::Server& server) {
  std::vector<std::string> out;
  for (const wire::Link& link : server.spec().host().network().links())
    for (const std::string& address : link.addresses()) out.push_back(address.substr(0, address.find('/')));
  return out;
}

using Facts = rest::ServerFacts;
using Inventory = wire::Inventory;

// clang-format off
constexpr Field fields[] = {
    {"name", Sort::text, [](const rest::Server& s) { return s.metadata().name(); }},
    {"site", Sort::text, [](const rest::Server& s) { return s.spec().site(); }},
    {"phase", Sort::text, [](const rest::Server& s) { return s.status().phase(); }},
    {"use", Sort::text, [](const rest::Server& s) { return s.status().use(); }},
    {"power", Sort::text, [](const rest::Server& s) { return s.status().power(); }},
    {"manufacturer", Sort::text, [](const rest::Server& s) { return s.status().manufacturer(); }},
    {"model", Sort::text, [](const rest::Server& s) { return s.status().model(); }},
    {"serial", Sort::text, nullptr, nullptr, of_identities<&rest::ServerIdentity::serial>},
    {"uuid", Sort::text, nullptr, nullptr, of_identities<&rest::ServerIdentity::uuid>},
    {"mac", Sort::text, nullptr, nullptr, macs_of},
    {"address", Sort::text, nullptr, nullptr, addresses_of},
    {"bmc", Sort::text, [](const rest::Server& s) { return s.spec().bmc().address(); }},
    {"hostname", Sort::text, [](const rest::Server& s) { return s.spec().hostname(); }},
    {"credential", Sort::text, [](const rest::Server& s) { return s.spec().bmc().credential(); }},
    {"firmware.bmc", Sort::version, [](const rest::Server& s) { return s.status().bmc_firmware(); }},
    {"firmware.bios", Sort::version, [](const rest::Server& s) { return s.status().facts().bios(); }},
    {"processor", Sort::text, [](const rest::Server& s) { return s.status().facts().processor(); }},
    {"sockets", Sort::number, nullptr, count<&Facts::sockets>},
    {"cores", Sort::number, nullptr, count<&Facts::cores>},
    {"memory", Sort::size, nullptr, count<&Facts::memory>},
    {"drives", Sort::number, nullptr, count<&Facts::drives>},
    {"disks", Sort::size, nullptr, count<&Facts::disk_bytes>},
    {"nics", Sort::number, nullptr, count<&Facts::nics>},
    {"bootMode", Sort::text, [](const rest::Server& s) {
       return word(s.status().facts().boot_mode(), Inventory::BootMode_Name(s.status().facts().boot_mode())); }},
    {"secureBoot", Sort::text, [](const rest::Server& s) {
       return word(s.status().facts().secure_boot(), Inventory::Switch_Name(s.status().facts().secure_boot())); }},
    {"ipmi", Sort::text, [](const rest::Server& s) {
       return word(s.status().facts().ipmi(), Inventory::Switch_Name(s.status().facts().ipmi())); }},
    {"selfSigned", Sort::text, [](const rest::Server& s) {
       return word(s.status().facts().self_signed(), Inventory::Switch_Name(s.status().facts().self_signed())); }},
    {"health", Sort::text, [](const rest::Server& s) {
       return word(s.status().facts().health(), Inventory::Health_Name(s.status().facts().health())); }},
    {"certificateExpires", Sort::date, nullptr, [](const rest::Server& s) {
       return s.status().facts().has_certificate_expires()
                  ? Number(s.status().facts().certificate_expires().seconds()) : Number(); }},
    {"clockAhead", Sort::number, nullptr, [](const rest::Server& s) {
       return s.status().facts().has_clock_ahead() ? Number(s.status().facts().clock_ahead()) : Number(); }},
};
// clang-format on

std::string field_names() {
  std::string out;
  for (const Field& field : fields) out += (out.empty() ? "" : ", ") + std::string(field.name);
  return out;
}

std::unexpected<Refusal> refuse(std::string message, std::string next = {}) {
  return std::unexpected(rules::refusal(ErrorKind::invalid, "where", std::move(message), std::move(next)));
}

/// The numbers of a version; empty: there is none in it.
std::vector<std::uint64_t> version_in(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() &&
           (is_digit(text[end]) || (text[end] == '.' && end + 1 < text.size() && is_digit(text[end + 1]))))
      ++end;
    const std::string_view run = text.substr(at, end - at);
    at = end;
    if (!run.contains('.')) continue;
    std::vector<std::uint64_t> out;
    for (const char* part = run.data(); part < run.data() + run.size();) {
      std::uint64_t number = 0;
      const auto read = std::from_chars(part, run.data() + run.size(), number);
      out.push_back(number);
      part = read.ptr + 1;
    }
    return out;
  }
  return {};
}

std::optional<std::int64_t> parse_date(const std::string& text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int end = 0;
  if (std::sscanf(text.c_str(), "%4d-%2u-%2u%n", &year, &month, &day, &end) != 3 ||
      static_cast<std::size_t>(end) != text.size())
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::sys_days(date).time_since_epoch())
      .count();
}

/// What the value of a field of numbers stands for.
std::optional<std::int64_t> number_of(Sort sort, const std::string& text) {
  if (sort == Sort::date) return parse_date(text);
  if (sort == Sort::number) return parse_integer(text);
  const auto size = parse_size(text);
  if (!size || *size > INT64_MAX) return std::nullopt;
  return static_cast<std::int64_t>(*size);
}

constexpr std::string_view blanks = " \t\n";

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
}

std::string take_until(std::string_view& text, std::string_view stops) {
  const std::size_t end = std::min(text.find_first_of(stops), text.size());
  std::string out(text.substr(0, end));
  text.remove_prefix(end);
  skip_blanks(text);
  return out;
}

std::optional<Comparison> take_comparison(std::string_view& text) {
  static constexpr std::pair<std::string_view, Comparison> signs[] = {
      {"!=", Comparison::other}, {"<=", Comparison::at_most}, {">=", Comparison::at_least},
      {"=", Comparison::equal},  {"<", Comparison::less},     {">", Comparison::more},
      {"~", Comparison::like}};
  for (const auto& [sign, comparison] : signs) {
    if (!text.starts_with(sign)) continue;
    text.remove_prefix(sign.size());
    skip_blanks(text);
    return comparison;
  }
  return std::nullopt;
}

std::optional<std::string> take_value(std::string_view& text) {
  if (!text.starts_with('"')) return take_until(text, blanks);
  const std::size_t end = text.find('"', 1);
  if (end == std::string_view::npos) return std::nullopt;
  std::string out(text.substr(1, end - 1));
  text.remove_prefix(end + 1);
  skip_blanks(text);
  return out;
}

bool fits(Comparison comparison, int order) {
  switch (comparison) {
    case Comparison::equal:
      return order == 0;
    case Comparison::other:
      return order != 0;
    case Comparison::less:
      return order < 0;
    case Comparison::at_most:
      return order <= 0;
    case Comparison::more:
      return order > 0;
    case Comparison::at_least:
      return order >= 0;
    case Comparison::like:
      break;
  }
  return false;
}

constexpr std::string_view unknown = "unknown";

/// Of one value that is there.
bool holds_of(const ObjectQuery::Condition& condition, Sort sort, const std::string& text) {
  if (condition.comparison == Comparison::like) return glob_matches(to_lower(condition.text), to_lower(text));
  if (sort == Sort::version) return fits(condition.comparison, compare_versions(text, condition.text));
  return fits(condition.comparison, to_lower(text).compare(to_lower(condition.text)));
}

bool holds_of(const ObjectQuery::Condition& condition, std::int64_t number) {
  return fits(condition.comparison,
              number < condition.number ? -1 : static_cast<int>(number > condition.number));
}

/// Of a list one is enough; that none is equal is said of all.
bool holds_of(const ObjectQuery::Condition& condition, const std::vector<std::string>& texts) {
  if (condition.text == unknown) return texts.empty() != (condition.comparison == Comparison::other);
  const auto holds = [&](const std::string& text) { return holds_of(condition, Sort::text, text); };
  if (texts.empty()) return false;
  return condition.comparison == Comparison::other ? std::ranges::all_of(texts, holds)
                                                   : std::ranges::any_of(texts, holds);
}

bool holds_at(const ObjectQuery::Condition& condition, const FieldPath& path,
              const google::protobuf::Message& object) {
  std::vector<std::string> texts = path.values(object);
  if (path.sort() == FieldPath::Sort::text || path.sort() == FieldPath::Sort::truth ||
      condition.text == unknown) {
    std::erase(texts, "");
    return holds_of(condition, texts);
  }
  return std::ranges::any_of(texts, [&](const std::string& text) {
    // Of a time its date counts.
    const auto number =
        path.sort() == FieldPath::Sort::time ? parse_date(text.substr(0, 10)) : parse_integer(text);
    return number && holds_of(condition, *number);
  });
}

bool holds(const ObjectQuery::Condition& condition, const google::protobuf::Message& object) {
  if (condition.path) return holds_at(condition, *condition.path, object);
  if (condition.any) {
    std::vector<std::string> texts;
    find_texts(object, texts);
    return holds_of(condition, texts);
  }
  const auto& server = static_cast<const rest::Server&>(object);
  const Field& field = fields[condition.field];
  if (field.texts != nullptr) return holds_of(condition, field.texts(server));
  const std::string text = field.text == nullptr ? std::string() : field.text(server);
  const Number number = field.number == nullptr ? Number() : field.number(server);
  const bool known = !text.empty() || number.has_value();
  if (condition.text == unknown) return known == (condition.comparison == Comparison::other);
  if (!known) return false;
  return number ? holds_of(condition, *number) : holds_of(condition, field.sort, text);
}

constexpr std::string_view anything = "any";

/// Which field a condition is about.
struct Named {
  ObjectQuery::Condition condition;
  Sort sort = Sort::text;
};

std::expected<Named, Refusal> field_of(const std::string& name, const google::protobuf::Descriptor& type) {
  Named out;
  const bool of_servers = &type == rest::Server::descriptor();
  const auto* field = of_servers ? std::ranges::find(fields, name, &Field::name) : std::end(fields);
  if (field != std::end(fields)) {
    out.condition.field = static_cast<std::size_t>(field - std::begin(fields));
    out.sort = field->sort;
    return out;
  }
  if (name == anything) {
    out.condition.any = true;
    return out;
  }
  auto path = FieldPath::of(type, name);
  if (path) {
    using PathSort = FieldPath::Sort;
    out.sort = path->sort() == PathSort::number ? Sort::number
               : path->sort() == PathSort::time ? Sort::date
                                                : Sort::text;
    out.condition.path = std::move(*path);
    return out;
  }
  const std::string_view first = std::string_view(name).substr(0, name.find('.'));
  if (!of_servers || first == "spec" || first == "status" || first == "metadata")
    return refuse(path.error(), "a field is a path such as spec.site or metadata.labels.NAME, or any");
  std::vector<std::string> names;
  for (const Field& each : fields) names.emplace_back(each.name);
  const std::string near = near_miss(name, names);
  return refuse(
      "there is no field \"" + name.substr(0, 80) + "\"" +
          (near.empty() ? "" : "; did you mean " + near + "?"),
      "the fields are: " + field_names() + ", any, and paths such as spec.site or metadata.labels.NAME");
}

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
  std::vector<std::uint64_t> left = version_in(a);
  std::vector<std::uint64_t> right = version_in(b);
  if (left.empty() || right.empty()) return to_lower(a).compare(to_lower(b));
  const std::size_t parts = std::max(left.size(), right.size());
  left.resize(parts);
  right.resize(parts);
  if (left == right) return 0;
  return left < right ? -1 : 1;
}

std::expected<ObjectQuery, Refusal> ObjectQuery::of(std::string_view text,
                                                    const google::protobuf::Descriptor& type) {
  constexpr std::size_t longest = 1024;
  constexpr std::size_t most = 16;
  if (text.size() > longest) return refuse("longer than 1024 bytes");
  ObjectQuery out;
  skip_blanks(text);
  while (true) {
    const std::string name = take_until(text, " \t\n=!<>~\"");
    auto named = field_of(name, type);
    if (!named) return std::unexpected(std::move(named.error()));
    const auto comparison = take_comparison(text);
    if (!comparison) return refuse("after " + name + " comes one of = != < <= > >= ~, then a value");
    auto value = take_value(text);
    if (!value) return refuse("a quote is opened and not closed");
    if (value->empty()) return refuse("a value is missing after " + name);
    Condition condition = std::move(named->condition);
    condition.comparison = *comparison;
    condition.text = std::move(*value);
    const Sort sort = named->sort;
    const bool is_text = sort == Sort::text || sort == Sort::version;
    const bool ordered =
        condition.comparison != Comparison::equal && condition.comparison != Comparison::other;
    if (condition.text == unknown) {
      if (ordered) return refuse(name + " is unknown or not: = or !=");
    } else if (condition.comparison == Comparison::like) {
      if (!is_text) return refuse(name + " is no text: ~ does not apply");
    } else if (!is_text) {
      const auto number = number_of(sort, condition.text);
      if (!number)
        return refuse("\"" + condition.text.substr(0, 80) + "\" is no " +
                      (sort == Sort::size   ? "size, such as 512GiB or 960GB"
                       : sort == Sort::date ? "date, such as 2027-01-31"
                                            : "whole number"));
      condition.number = *number;
    }
    out.conditions_.push_back(std::move(condition));
    if (text.empty()) return out;
    if (out.conditions_.size() == most) return refuse("more than 16 conditions");
    if (take_until(text, blanks) != "and") return refuse("conditions are joined by \"and\"");
  }
}

bool ObjectQuery::matches(const google::protobuf::Message& object) const {
  return std::ranges::all_of(conditions_, [&](const Condition& each) { return holds(each, object); });
}

}  // namespace metalmesh::controller
