#include "agents/bmc/quirk_table.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "common/text/glob.h"

namespace metalmesh::bmc {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  return glob_matches(pattern, text, LetterCase::ignored);
}

bool only_root(const config::BmcMatch& match) {
  return match.manufacturer().empty() && match.model().empty() && match.manager().empty() &&
         match.firmware().empty();
}

int conditions(const config::BmcMatch& match) {
  int count = 0;
  for (const std::string* each : {&match.vendor(), &match.product(), &match.oem(), &match.manufacturer(),
                                  &match.model(), &match.manager(), &match.firmware()})
    count += each->empty() ? 0 : 1;
  return count;
}

bool fits(const config::BmcMatch& match, const Traits& traits) {
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

/// Fields that are given, by their names in YAML.
std::vector<std::string> given(const config::BmcQuirks& row) {
  std::vector<std::string> out;
  const auto add = [&](bool is, const char* name) {
    if (is) out.emplace_back(name);
  };
  add(row.basic_login(), "basicLogin");
  add(row.closes_connections(), "closesConnections");
  add(row.label() != config::BmcQuirks::SERIAL_NUMBER, "label");
  add(!row.boot_target().empty(), "bootTarget");
  add(row.boot_in_settings(), "bootInSettings");
  add(!row.settings_path().empty(), "settingsPath");
  add(row.boot_continuous(), "bootContinuous");
  add(row.eject_without_body(), "ejectWithoutBody");
  return out;
}

}  // namespace

std::optional<std::string> check_quirks(const config::BmcQuirks& row, QuirkOrigin origin) {
  constexpr std::array<std::string_view, 4> targets = {"Cd", "UsbCd", "UefiCd", "UefiUsbCd"};
  constexpr std::size_t longest_condition = 64;
  if (row.name().empty()) return "name: a row needs one";
  if (conditions(row.match()) == 0) return "match: a row that fits every BMC is refused";
  for (const std::string* each :
       {&row.match().vendor(), &row.match().product(), &row.match().oem(), &row.match().manufacturer(),
        &row.match().model(), &row.match().manager(), &row.match().firmware()}) {
    if (each->size() > longest_condition || std::ranges::count(*each, '*') > 4)
      return "match: a condition has at most 64 characters and four asterisks";
  }
  const std::vector<std::string> fields = given(row);
  for (const std::string& field : fields)
    if (!row.sources().contains(field)) return field + ": it needs an entry in sources";
  for (const auto& [field, source] : row.sources()) {
    if (source.empty() || std::ranges::find(fields, field) == fields.end())
      return "sources." + field + ": a source for a field that is not given, or an empty one";
  }
  if (row.label() != config::BmcQuirks::SERIAL_NUMBER && origin == QuirkOrigin::site)
    return "label: a site may not say what identifies a machine";
  if ((row.basic_login() || row.closes_connections()) && !only_root(row.match()))
    return "match: login and transport are known before anything but the service root is read";
  if (!row.boot_target().empty() && std::ranges::find(targets, row.boot_target()) == targets.end())
    return "bootTarget: one of Cd, UsbCd, UefiCd, UefiUsbCd";
  const std::string& path = row.settings_path();
  if (!path.empty() && (path.front() != '/' || path.find("..") != std::string::npos || path.size() > 64))
    return "settingsPath: a path below the system, as \"/Settings\"";
  return std::nullopt;
}

Status QuirkTable::add(config::BmcQuirks row, QuirkOrigin origin) {
  if (const auto wrong = check_quirks(row, origin))
    return fail(ErrorKind::invalid, "quirks " + row.name() + ": " + *wrong);
  std::string name = row.name();
  rows_[std::move(name)] = std::move(row);
  return {};
}

const config::BmcQuirks& QuirkTable::best(const Traits& traits, bool by_root) const {
  const config::BmcQuirks* found = &config::BmcQuirks::default_instance();
  for (const auto& [name, row] : rows_) {
    if (by_root && !only_root(row.match())) continue;
    if (fits(row.match(), traits) && conditions(row.match()) > conditions(found->match())) found = &row;
  }
  return *found;
}

const config::BmcQuirks& QuirkTable::match(const Traits& traits) const { return best(traits, false); }
const config::BmcQuirks& QuirkTable::match_root(const Traits& traits) const { return best(traits, true); }

}  // namespace metalmesh::bmc
