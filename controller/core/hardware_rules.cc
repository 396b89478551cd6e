// What a HardwareType may say.
#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "common/hosts/text_rules.h"
#include "common/text/letters.h"
#include "controller/core/object_head.h"
#include "controller/core/object_rules.h"

namespace metalmesh::controller {
namespace {

using rules::Verdict;

constexpr std::size_t role_most = 32;  // characters
constexpr std::size_t hardware_text_most = 128;
constexpr int kinds_of_drives_most = 32;
constexpr std::size_t roles_most = 32;
constexpr std::uint32_t pieces_most = 1024;  // of anything in one server

Verdict hardware_refusal(const std::string& field, std::string message) {
  return rules::refusal(ErrorKind::invalid, field, std::move(message));
}

/// What a BMC says of itself, or a pattern of it.
Verdict hardware_text(const std::string& field, const std::string& text) {
  if (!hosts::is_one_line(text)) return hardware_refusal(field, "is more than one line");
  return rules::text(field, text, hardware_text_most);
}

Verdict medium_and_protocol(const std::string& field, const std::string& media, const std::string& protocol) {
  return rules::first_of(
      {rules::if_set(media,
                     [&](const auto& v) { return rules::one_of(field + ".media", v, {"SSD", "HDD"}); }),
       rules::if_set(protocol, [&](const auto& v) {
         return rules::one_of(field + ".protocol", v, {"NVMe", "SATA", "SAS"});
       })});
}

Verdict check_facts(const rest::HardwareFacts& facts) {
  const auto& processors = facts.processors();
  if (auto bad =
          rules::first_of({hardware_text("spec.expect.processors.model", processors.model()),
                           rules::at_most("spec.expect.nics.count", facts.nics().count(), pieces_most)}))
    return bad;
  if (facts.has_memory() && facts.memory().size() == 0)
    return hardware_refusal("spec.expect.memory.size", "is missing");
  if (facts.drives_size() > kinds_of_drives_most)
    return rules::at_most("spec.expect.drives", static_cast<std::uint64_t>(facts.drives_size()),
                          kinds_of_drives_most);
  for (int i = 0; i < facts.drives_size(); ++i) {
    const std::string field = "spec.expect.drives[" + std::to_string(i) + "]";
    const auto& drives = facts.drives(i);
    if (auto bad = rules::first_of({rules::required(field + ".count", drives.count() != 0),
                                    rules::at_most(field + ".count", drives.count(), pieces_most),
                                    hardware_text(field + ".model", drives.model()),
                                    medium_and_protocol(field, drives.media(), drives.protocol())}))
      return bad;
  }
  return std::nullopt;
}

Verdict check_volume(const std::string& field, const rest::DiskRule& rule) {
  if (rule.volume() && (!rule.model().empty() || !rule.media().empty() || !rule.protocol().empty()))
    return hardware_refusal(field, "is a volume, which has neither model nor media nor protocol");
  if (rule.volume() && rule.mark() == "serial")
    return hardware_refusal(field + ".mark", "a volume has a WWN, and no serial number");
  if (!rule.volume() && !rule.raid().empty())
    return hardware_refusal(field + ".raid", "is said of volumes: volume: true");
  return std::nullopt;
}

Verdict check_disk_rule(const std::string& field, const rest::DiskRule& rule) {
  if (auto bad = rules::first_of(
          {hardware_text(field + ".name", rule.name()),
           hardware_text(field + ".controller", rule.controller()),
           hardware_text(field + ".model", rule.model()), hardware_text(field + ".raid", rule.raid()),
           medium_and_protocol(field, rule.media(), rule.protocol()),
           rules::if_set(rule.by(),
                         [&](const auto& v) { return rules::one_of(field + ".by", v, {"name", "size"}); }),
           rules::if_set(rule.mark(),
                         [&](const auto& v) { return rules::one_of(field + ".mark", v, {"serial", "wwn"}); }),
           rules::at_most(field + ".index", rule.index(), pieces_most),
           rules::at_most(field + ".count", rule.count(), pieces_most), check_volume(field, rule)}))
    return bad;
  if (rule.max_size() != 0 && rule.max_size() < rule.min_size())
    return hardware_refusal(field + ".maxSize", "is smaller than minSize: no drive can match");
  if (rule.index() != 0 && rule.count() > 1)
    return hardware_refusal(field + ".index", "is one drive, and count says " + std::to_string(rule.count()));
  if (!rule.by().empty() && rule.index() == 0)
    return hardware_refusal(field + ".by", "is the order in which index counts, and there is none");
  return std::nullopt;
}

Verdict check_nic_rule(const std::string& field, const rest::NicRule& rule) {
  return rules::first_of({hardware_text(field + ".name", rule.name()),
                          rules::at_most(field + ".position", rule.position(), pieces_most),
                          rules::at_most(field + ".index", rule.index(), pieces_most)});
}

/// In the order of their names, so that the first thing that is wrong is the same each time.
template <class Roles, class Check>
Verdict check_roles(const std::string& field, const Roles& roles, Check check_one) {
  if (auto bad = rules::at_most(field, roles.size(), roles_most)) return bad;
  std::vector<std::string> names;
  for (const auto& [role, rule] : roles) names.push_back(role);
  std::ranges::sort(names);
  for (const std::string& role : names) {
    if (auto bad = check_role(field, role)) return bad;
    if (auto bad = check_one(field + "." + role, roles.at(role))) return bad;
  }
  return std::nullopt;
}

}  // namespace

Verdict check_role(const std::string& field, const std::string& role) {
  const bool is_word = std::ranges::all_of(
      role, [](char c) { return is_alnum(c) || std::string_view(" -_.").find(c) != std::string_view::npos; });
  if (!role.empty() && role.size() <= role_most && is_word && is_alnum(role.front()) && is_alnum(role.back()))
    return std::nullopt;
  return hardware_refusal(field,
                          "\"" + role.substr(0, 80) +
                              "\" is no name of a role: letters, digits, blanks and - _ . between them, at "
                              "most 32 (root, data, boot pair)");
}

Verdict check(rest::HardwareType& type, const MeshState&) {
  if (auto bad = rules::head(type, "HardwareType")) return bad;
  const auto& spec = type.spec();
  return rules::first_of({rules::required("spec.manufacturer", !spec.manufacturer().empty()),
                          rules::required("spec.model", !spec.model().empty()),
                          hardware_text("spec.manufacturer", spec.manufacturer()),
                          hardware_text("spec.model", spec.model()), check_facts(spec.expect()),
                          check_roles("spec.disks", spec.disks(), check_disk_rule),
                          check_roles("spec.nics", spec.nics(), check_nic_rule),
                          rules::text("spec.note", spec.note(), rules::note_limit)});
}

}  // namespace metalmesh::controller
