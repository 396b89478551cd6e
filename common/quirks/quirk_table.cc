#include "common/quirks/quirk_table.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "common/text/glob.h"
#include "common/text/letters.h"

namespace metalmesh {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  return glob_matches(pattern, text, LetterCase::ignored);
}

/// Below a resource, and nowhere else.
bool is_path(std::string_view path) {
  constexpr std::size_t longest = 96;
  return path.starts_with('/') && !path.contains("..") && path.size() <= longest;
}

/// No action of the standard can be called by a row.
bool is_screen(const config::ScreenAction& screen) {
  constexpr int most_arguments = 4;
  const std::string& action = screen.action();
  return is_path(action) && (action.starts_with("/Oem/") || action.starts_with("/Actions/Oem/")) &&
         screen.arguments_size() <= most_arguments && !screen.picture().empty();
}

bool is_domain(std::string_view text) {
  const std::size_t equals = text.find('=');
  const auto is_word = [](std::string_view part) {
    return !part.empty() && part.size() <= 32 && std::ranges::all_of(part, is_alnum);
  };
  return equals != std::string_view::npos && is_word(text.substr(0, equals)) &&
         is_word(text.substr(equals + 1));
}

bool only_root(const config::BmcMatch& match) {
  return match.manufacturer().empty() && match.model().empty() && match.manager().empty() &&
         match.firmware().empty();
}

/// Each condition that is given, with what it is about.
std::vector<std::pair<std::string_view, const std::string*>> conditions(const config::BmcMatch& match) {
  std::vector<std::pair<std::string_view, const std::string*>> out = {
      {"vendor", &match.vendor()},    {"product", &match.product()},
      {"oem", &match.oem()},          {"manufacturer", &match.manufacturer()},
      {"model", &match.model()},      {"manager", &match.manager()},
      {"firmware", &match.firmware()}};
  std::erase_if(out, [](const auto& each) { return each.second->empty(); });
  return out;
}

bool fits(const config::BmcMatch& match, const BmcTraits& traits) {
  const auto one = [](const std::string& pattern, const std::string& text) {
    return pattern.empty() || matches(pattern, text);
  };
  const bool oem = match.oem().empty() || std::ranges::any_of(traits.oem, [&](const std::string& key) {
                     return matches(match.oem(), key);
                   });
  return oem && one(match.vendor(), traits.vendor) && one(match.product(), traits.product) &&
         one(match.manufacturer(), traits.manufacturer) && one(match.model(), traits.model) &&
         one(match.manager(), traits.manager) && one(match.firmware(), traits.firmware);
}

}  // namespace

std::vector<std::string> fields_of(const config::BmcQuirks& row) {
  std::vector<std::string> out;
  const auto add = [&](bool is, const char* name) {
    if (is) out.emplace_back(name);
  };
  add(row.basic_login(), "basicLogin");
  add(row.closes_connections(), "closesConnections");
  add(!row.login_domain().empty(), "loginDomain");
  add(row.label() != config::BmcQuirks::SERIAL_NUMBER, "label");
  add(!row.boot_target().empty(), "bootTarget");
  add(row.boot_in_settings(), "bootInSettings");
  add(!row.settings_path().empty(), "settingsPath");
  add(row.boot_continuous(), "bootContinuous");
  add(row.eject_without_body(), "ejectWithoutBody");
  add(!row.enable_media().empty(), "enableMedia");
  add(row.has_screen(), "screen");
  return out;
}

std::string conditions_of(const config::BmcQuirks& row) {
  std::string out;
  for (const auto& [what, pattern] : conditions(row.match()))
    out += (out.empty() ? "" : ", ") + std::string(what) + " " + *pattern;
  return out;
}

std::string_view level_of(const config::BmcQuirks& row) {
  switch (row.level()) {
    case config::BmcQuirks::RECORDED:
      return "recorded";
    case config::BmcQuirks::RUN_ON_HARDWARE:
      return "run on hardware";
    default:
      return "modelled";
  }
}

std::optional<std::string> check_quirks(const config::BmcQuirks& row, QuirkOrigin origin) {
  constexpr std::array<std::string_view, 4> targets = {"Cd", "UsbCd", "UefiCd", "UefiUsbCd"};
  constexpr std::size_t longest_condition = 64;
  if (row.name().empty()) return "name: a row needs one";
  if (conditions(row.match()).empty()) return "match: a row that fits every BMC is refused";
  for (const auto& [what, each] : conditions(row.match())) {
    if (each->size() > longest_condition || std::ranges::count(*each, '*') > 4)
      return "match: a condition has at most 64 characters and four asterisks";
  }
  const std::vector<std::string> fields = fields_of(row);
  for (const std::string& field : fields)
    if (!row.sources().contains(field)) return field + ": it needs an entry in sources";
  for (const auto& [field, source] : row.sources()) {
    if (source.empty() || std::ranges::find(fields, field) == fields.end())
      return "sources." + field + ": a source for a field that is not given, or an empty one";
  }
  if (row.label() != config::BmcQuirks::SERIAL_NUMBER && origin == QuirkOrigin::site)
    return "label: a site may not say what identifies a machine";
  const bool at_login = row.basic_login() || row.closes_connections() || !row.login_domain().empty();
  if (at_login && !only_root(row.match()))
    return "match: login and transport are known before anything but the service root is read";
  if (!row.boot_target().empty() && std::ranges::find(targets, row.boot_target()) == targets.end())
    return "bootTarget: one of Cd, UsbCd, UefiCd, UefiUsbCd";
  if (!row.settings_path().empty() && !is_path(row.settings_path()))
    return "settingsPath: a path below the system, as \"/Settings\"";
  if (!row.enable_media().empty() &&
      (!is_path(row.enable_media()) || !row.enable_media().starts_with("/Actions/Oem/")))
    return "enableMedia: an action of the manager's maker, as \"/Actions/Oem/X.Y\"";
  if (row.has_screen() && !is_screen(row.screen()))
    return "screen: an action of the maker below the manager, as \"/Oem/X/Actions/Y.Z\", at most four "
           "arguments, and "
           "the property that has the picture";
  if (!row.login_domain().empty() && !is_domain(row.login_domain()))
    return "loginDomain: as \"Key=value\", in letters and digits";
  return std::nullopt;
}

Status QuirkTable::add(config::BmcQuirks row, QuirkOrigin origin) {
  if (const auto wrong = check_quirks(row, origin))
    return fail(ErrorKind::invalid, "quirks " + row.name() + ": " + *wrong);
  std::string name = row.name();
  rows_[std::move(name)] = std::move(row);
  return {};
}

const config::BmcQuirks& QuirkTable::best(const BmcTraits& traits, bool by_root) const {
  const config::BmcQuirks* found = &config::BmcQuirks::default_instance();
  for (const auto& [name, row] : rows_) {
    if (by_root && !only_root(row.match())) continue;
    if (fits(row.match(), traits) && conditions(row.match()).size() > conditions(found->match()).size())
      found = &row;
  }
  return *found;
}

const config::BmcQuirks& QuirkTable::match(const BmcTraits& traits) const { return best(traits, false); }
const config::BmcQuirks& QuirkTable::match_root(const BmcTraits& traits) const { return best(traits, true); }

}  // namespace metalmesh
