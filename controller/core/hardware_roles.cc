#include "controller/core/hardware_roles.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/text/glob.h"
#include "common/text/letters.h"
#include "controller/core/inventory_changes.h"

namespace metalmesh::controller {
namespace {

using wire::Inventory;

constexpr std::size_t candidates_told = 8;

/// What could be a role: a drive, a volume or a port.
struct RoleCandidate {
  rest::RoleChoice choice;
  std::string words;        // for people: "Disk.Bay.0 (480 GB SSD, S3X1)"
  bool is_missing = false;  // the last reading did not show it
};
using RoleCandidates = std::vector<RoleCandidate>;

bool fits_pattern(const std::string& pattern, const std::string& text) {
  return pattern.empty() || glob_matches(pattern, text, LetterCase::ignored);
}

bool is_between(std::uint64_t bytes, const rest::DiskRule& rule) {
  return bytes >= rule.min_size() && (rule.max_size() == 0 || bytes <= rule.max_size());
}

/// "Disk.Bay.0 (480 GB SSD, S3X1)"
std::string candidate_words(const std::string& name, const std::string& what, const std::string& mark) {
  return (name.empty() ? "one without a name" : name) + " (" + what + (mark.empty() ? "" : ", " + mark) + ")";
}

RoleCandidate candidate_of(const Inventory::Drive& drive) {
  RoleCandidate out;
  out.choice.set_name(drive.name());
  out.choice.set_model(drive.model());
  out.choice.set_bytes(drive.bytes());
  out.choice.set_serial(drive.serial());
  out.choice.set_wwn(drive.wwn());
  out.words = candidate_words(drive.name(), drive_words(drive.bytes(), drive.media()),
                              drive.serial().empty() ? drive.wwn() : drive.serial());
  return out;
}

RoleCandidate candidate_of(const Inventory::Volume& volume) {
  RoleCandidate out;
  out.choice.set_name(volume.name());
  out.choice.set_bytes(volume.bytes());
  out.choice.set_wwn(volume.wwn());
  out.words = candidate_words(volume.name(), drive_words(volume.bytes(), volume.raid()), volume.wwn());
  return out;
}

/// Those of a list that hold; `all` gets the words of each.
template <class List, class Holds>
RoleCandidates candidates_in(const List& list, const rest::ServerInventory& of, Holds holds,
                             std::vector<std::string>& all) {
  RoleCandidates out;
  for (const auto& item : list) {
    RoleCandidate one = candidate_of(item);
    all.push_back(one.words);
    if (!holds(item)) continue;
    one.is_missing = std::ranges::find(of.missing(), listed_name(item)) != of.missing().end();
    out.push_back(std::move(one));
  }
  return out;
}

bool is_before(const RoleCandidate& a, const RoleCandidate& b) {
  return a.choice.name() == b.choice.name() ? a.words < b.words
                                            : natural_less(a.choice.name(), b.choice.name());
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < std::min(words.size(), candidates_told); ++i)
    out += (i == 0 ? "" : ", ") + words[i];
  if (words.size() > candidates_told)
    out += " and " + std::to_string(words.size() - candidates_told) + " more";
  return out;
}

std::vector<std::string> words_of_all(const RoleCandidates& candidates) {
  std::vector<std::string> out;
  for (const RoleCandidate& one : candidates) out.push_back(one.words);
  return out;
}

std::string disk_rule_words(const rest::DiskRule& rule) {
  std::string out;
  const auto add = [&](bool given, const std::string& words) {
    if (given) out += (out.empty() ? "" : ", ") + words;
  };
  add(!rule.name().empty(), "name " + rule.name());
  add(!rule.controller().empty(), "controller " + rule.controller());
  add(!rule.model().empty(), "model " + rule.model());
  add(!rule.media().empty(), rule.media());
  add(!rule.protocol().empty(), rule.protocol());
  add(!rule.raid().empty(), rule.raid());
  add(rule.min_size() != 0, "at least " + disk_for_people(rule.min_size()));
  add(rule.max_size() != 0, "at most " + disk_for_people(rule.max_size()));
  return out.empty() ? "the only one" : out;
}

std::string nic_rule_words(const rest::NicRule& rule) {
  std::string out = rule.name().empty() ? "any" : "name " + rule.name();
  if (rule.position() > 1) out += ", MAC " + std::to_string(rule.position()) + " of it";
  if (rule.min_mbps() != 0) out += ", at least " + std::to_string(rule.min_mbps()) + " Mb/s";
  return out;
}

/// What of the server's drives could not be read, if anything. A drive in that name is none that nobody saw.
std::string unread_drives(const rest::DiskRule& rule, const Inventory& inventory) {
  const bool is_one_place = !rule.name().empty() && rule.name().find_first_of("*?") == std::string::npos;
  if (is_one_place) return {};
  for (const std::string& unread : inventory.unread()) {
    for (const char* part : {"*storage*", "*drive*", "*volume*", "*more resources*"}) {
      if (glob_matches(part, unread, LetterCase::ignored)) return unread;
    }
  }
  return {};
}

rest::RoleChoice none(const std::string& role, const char* kind, std::string why) {
  rest::RoleChoice out;
  out.set_role(role);
  out.set_kind(kind);
  out.set_missing(std::move(why));
  return out;
}

struct RoleWanted {
  const std::string& role;
  const char* kind;
  const char* what;  // "drive"
  std::string rule;  // for people
  std::uint32_t index;
  std::uint32_t count;
};

/// `all`: what there is, for people.
std::vector<rest::RoleChoice> pick(const RoleWanted& wanted, RoleCandidates found,
                                   const std::vector<std::string>& all) {
  const std::string plural = std::string(wanted.what) + "s";
  const auto none_because = [&](std::string why) {
    return std::vector{none(wanted.role, wanted.kind, std::move(why))};
  };
  if (found.empty())
    return none_because("no " + std::string(wanted.what) + " matches (" + wanted.rule + "); " +
                        (all.empty() ? "its BMC lists none" : "there are: " + listed(all)));
  const std::string matching =
      std::to_string(found.size()) + " " + (found.size() == 1 ? wanted.what : plural) +
      (found.size() == 1 ? " matches (" : " match (") + wanted.rule + "): " + listed(words_of_all(found));
  if (wanted.index > found.size())
    return none_because(matching + "; wanted is number " + std::to_string(wanted.index));
  if (wanted.index > 0) found = {found[wanted.index - 1]};
  if (wanted.index == 0 && found.size() != wanted.count)
    return none_because(wanted.count == 1 ? matching
                                          : matching + "; wanted are " + std::to_string(wanted.count));
  std::vector<rest::RoleChoice> out;
  for (RoleCandidate& one : found) {
    if (one.is_missing) return none_because(one.words + " was not there when the server was read last");
    one.choice.set_role(wanted.role);
    one.choice.set_kind(wanted.kind);
    out.push_back(std::move(one.choice));
  }
  return out;
}

/// A rule that an installer can see: it knows neither bays nor controllers.
rest::RoleChoice left_to_the_installer(const std::string& role, const rest::DiskRule& rule) {
  const bool seen_by_bmc_alone =
      !rule.name().empty() || !rule.controller().empty() || rule.index() != 0 || rule.count() > 1;
  if (seen_by_bmc_alone)
    return none(
        role, disk_role,
        "its BMC lists no drives, and an installer can look for size, media, model and protocol of one "
        "disk alone");
  rest::RoleChoice out;
  out.set_role(role);
  out.set_kind(disk_role);
  out.set_looked_for(disk_rule_words(rule));
  return out;
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) {
  const auto number = [](std::string_view& text) {
    const std::size_t zeros = std::min(text.find_first_not_of('0'), text.size());
    text.remove_prefix(zeros);
    const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
    const std::string_view digits = text.substr(0, end);
    text.remove_prefix(end);
    return std::pair(digits.size(), digits);
  };
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (is_digit(a.front()) && is_digit(b.front())) {
      const auto of_a = number(a);
      const auto of_b = number(b);
      if (of_a != of_b) return of_a < of_b;
    } else {
      if (a.front() != b.front()) return a.front() < b.front();
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  return a.size() != b.size() ? a.size() < b.size() : whole_a < whole_b;
}

std::string drive_words(std::uint64_t bytes, const std::string& media) {
  const std::string size = bytes == 0 ? "size unknown" : disk_for_people(bytes);
  return media.empty() ? size : size + " " + media;
}

bool is_of_kind(const Inventory::Drive& drive, const std::string& media, const std::string& protocol) {
  // Some BMCs tell of NVMe drives the bus that they are on.
  const bool nvme_by_bus = protocol == "NVMe" && same_letters(drive.protocol(), "PCIe");
  return (media.empty() || same_letters(drive.media(), media)) &&
         (protocol.empty() || same_letters(drive.protocol(), protocol) || nvme_by_bus);
}

wire::DiskChoice looked_for(const rest::DiskRule& rule) {
  wire::DiskChoice out;
  out.set_model(rule.model());
  out.set_media(rule.media());
  out.set_protocol(rule.protocol());
  out.set_min_size(std::max<std::uint64_t>(rule.min_size(), 1));
  out.set_max_size(rule.max_size());
  return out;
}

std::vector<rest::RoleChoice> disks_of_role(const std::string& role, const rest::DiskRule& rule,
                                            const rest::ServerInventory& of) {
  const Inventory& inventory = of.inventory();
  if (inventory.drives().empty() && !rule.volume()) return {left_to_the_installer(role, rule)};
  if (const std::string unread = unread_drives(rule, inventory); !unread.empty())
    return {none(role, disk_role, "not all of its drives could be read: " + unread)};
  std::vector<std::string> all;
  RoleCandidates found = rule.volume() ? candidates_in(
                                             inventory.volumes(), of,
                                             [&](const Inventory::Volume& volume) {
                                               return fits_pattern(rule.name(), volume.name()) &&
                                                      fits_pattern(rule.controller(), volume.controller()) &&
                                                      fits_pattern(rule.raid(), volume.raid()) &&
                                                      is_between(volume.bytes(), rule);
                                             },
                                             all)
                                       : candidates_in(
                                             inventory.drives(), of,
                                             [&](const Inventory::Drive& drive) {
                                               return fits_pattern(rule.name(), drive.name()) &&
                                                      fits_pattern(rule.controller(), drive.controller()) &&
                                                      fits_pattern(rule.model(), drive.model()) &&
                                                      is_of_kind(drive, rule.media(), rule.protocol()) &&
                                                      is_between(drive.bytes(), rule);
                                             },
                                             all);
  std::ranges::sort(found, [&](const RoleCandidate& a, const RoleCandidate& b) {
    if (rule.by() == "size" && a.choice.bytes() != b.choice.bytes())
      return a.choice.bytes() < b.choice.bytes();
    return is_before(a, b);
  });
  return pick({role, disk_role, rule.volume() ? "volume" : "drive", disk_rule_words(rule), rule.index(),
               std::max(rule.count(), 1U)},
              std::move(found), all);
}

rest::RoleChoice nic_of_role(const std::string& role, const rest::NicRule& rule,
                             const rest::ServerInventory& of) {
  const int position = static_cast<int>(std::max(rule.position(), 1U)) - 1;
  RoleCandidates found;
  std::vector<std::string> all;
  for (const Inventory::Nic& nic : of.inventory().nics()) {
    RoleCandidate one;
    const bool is_there = nic.macs_size() > position;
    one.choice.set_name(nic.name());
    if (is_there) one.choice.set_mac(nic.macs(position));
    one.words =
        candidate_words(nic.name(), nic.mbps() == 0 ? "speed unknown" : std::to_string(nic.mbps()) + " Mb/s",
                        one.choice.mac());
    one.is_missing = std::ranges::find(of.missing(), listed_name(nic)) != of.missing().end();
    all.push_back(one.words);
    if (is_there && fits_pattern(rule.name(), nic.name()) && nic.mbps() >= rule.min_mbps())
      found.push_back(std::move(one));
  }
  std::ranges::sort(found, is_before);
  return pick({role, nic_role, "card", nic_rule_words(rule), rule.index(), 1}, std::move(found), all).front();
}

}  // namespace metalmesh::controller
