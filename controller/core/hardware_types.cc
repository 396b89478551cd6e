#include "controller/core/hardware_types.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "common/base/command_words.h"
#include "common/text/glob.h"
#include "controller/core/hardware_roles.h"
#include "controller/core/inventories.h"
#include "controller/core/inventory_changes.h"

namespace metalmesh::controller {
namespace {

using wire::Inventory;

constexpr std::uint64_t gib = std::uint64_t{1} << 30U;
constexpr std::uint64_t giga = 1'000'000'000;

/// BMCs and makers round.
bool is_about(std::uint64_t bytes, std::uint64_t wanted, std::uint64_t percent) {
  const std::uint64_t apart = bytes > wanted ? bytes - wanted : wanted - bytes;
  return apart <= wanted / 100 * percent;
}

/// People write 512GB and mean 512GiB: memory comes in no other.
std::uint64_t as_memory(std::uint64_t size) { return size % giga == 0 ? size / giga * gib : size; }

class Deviations {
 public:
  /// "480 of 512 GB memory"; what is not told is 0.
  void memory(const rest::ExpectedMemory& expected, std::uint64_t bytes) {
    const std::uint64_t wanted = as_memory(expected.size());
    if (is_about(bytes, wanted, 1)) return;
    if (bytes == 0) return add("memory unknown, expected " + memory_for_people(wanted), expected.must());
    const std::string of = memory_for_people(wanted);
    const std::string has = memory_for_people(bytes);
    const bool same_unit = of.substr(of.find(' ')) == has.substr(has.find(' '));
    add((same_unit ? has.substr(0, has.find(' ')) : has) + " of " + of + " memory", expected.must());
  }

  void processors(const rest::ExpectedProcessors& expected, const Inventory::Processors& has) {
    const auto told = [&](std::uint32_t number, std::uint32_t wanted, const char* what) {
      if (number != 0 || wanted == 0) return count(number, wanted, what, expected.must());
      add(std::string(what) + " unknown, expected " + std::to_string(wanted), expected.must());
    };
    told(has.count(), expected.sockets(), "processors");
    told(has.cores(), expected.cores(), "cores");
    if (expected.model().empty() || glob_matches(expected.model(), has.model(), LetterCase::ignored)) return;
    add("processor " + (has.model().empty() ? "unknown" : has.model()) + ", expected " + expected.model(),
        expected.must());
  }

  /// Each drive counts for the first kind that it is of; what is of none is told.
  void drives(const google::protobuf::RepeatedPtrField<rest::ExpectedDrives>& expected,
              const Inventory& inventory) {
    if (expected.empty()) return;
    std::vector<std::uint32_t> found(static_cast<std::size_t>(expected.size()));
    std::string others;
    for (const Inventory::Drive& drive : inventory.drives()) {
      const auto kind = std::ranges::find_if(expected, [&](const rest::ExpectedDrives& kind) {
        return (kind.size() == 0 || is_about(drive.bytes(), kind.size(), 2)) &&
               is_of_kind(drive, kind.media(), kind.protocol()) &&
               (kind.model().empty() || glob_matches(kind.model(), drive.model(), LetterCase::ignored));
      });
      if (kind != expected.end()) {
        ++found[static_cast<std::size_t>(kind - expected.begin())];
      } else {
        others += (others.empty() ? "" : ", ") + drive.name() + " (" +
                  drive_words(drive.bytes(), drive.media()) + ")";
      }
    }
    for (int i = 0; i < expected.size(); ++i)
      count(found[static_cast<std::size_t>(i)], expected[i].count(), words_of(expected[i]),
            expected[i].must());
    if (!others.empty()) add("drives beside those expected: " + others, false);
  }

  /// "3 of 4 NICs"
  void count(std::uint32_t has, std::uint32_t expected, const std::string& what, bool must) {
    if (expected == 0 || has == expected) return;
    add(has > expected ? std::to_string(has) + " instead of " + std::to_string(expected) + " " + what
                       : std::to_string(has) + " of " + std::to_string(expected) + " " + what,
        must);
  }

  void add(std::string message, bool must) {
    rest::HardwareDeviation& one = all_.emplace_back();
    one.set_message(std::move(message));
    one.set_must(must);
  }

  std::vector<rest::HardwareDeviation> take() { return std::move(all_); }

 private:
  /// "drives of 480 GB SSD SATA"
  static std::string words_of(const rest::ExpectedDrives& kind) {
    std::string out = "drives";
    if (kind.size() != 0) out += " of " + disk_for_people(kind.size());
    for (const std::string& word : {kind.media(), kind.protocol(), kind.model()})
      if (!word.empty()) out += " " + word;
    return out;
  }

  std::vector<rest::HardwareDeviation> all_;
};

template <class Rules>
bool any_must(const Rules& rules) {
  return std::ranges::any_of(rules, [](const auto& rule) { return rule.must(); });
}

/// Whether the type says of anything that it must be so.
bool says_must(const rest::HardwareTypeSpec& type) {
  const auto& facts = type.expect();
  const auto any_role = [](const auto& roles) {
    return std::ranges::any_of(roles, [](const auto& role) { return role.second.must(); });
  };
  return facts.memory().must() || facts.processors().must() || facts.nics().must() ||
         any_must(facts.drives()) || any_role(type.disks()) || any_role(type.nics());
}

/// In the order of their names.
template <class Rule>
std::vector<std::pair<std::string, Rule>> sorted(const google::protobuf::Map<std::string, Rule>& rules) {
  std::vector<std::pair<std::string, Rule>> out(rules.begin(), rules.end());
  std::ranges::sort(out, {}, [](const auto& each) -> const std::string& { return each.first; });
  return out;
}

void add_role(rest::ServerHardware& to, rest::RoleChoice choice, bool must) {
  if (!choice.missing().empty()) {
    rest::HardwareDeviation& one = *to.add_deviations();
    one.set_message("role " + choice.role() + ": " + choice.missing());
    one.set_must(must);
  }
  *to.add_roles() = std::move(choice);
}

/// Nobody knows what its roles are.
void not_read(const rest::HardwareTypeSpec& type, const rest::Server& server, rest::ServerHardware& to) {
  const std::string why =
      server.status().has_facts()
          ? "it is just being read anew"  // its row is written with this very turn
          : "what it is made of was not read yet: " + commands::inspect(server.metadata().name());
  rest::HardwareDeviation& one = *to.add_deviations();
  one.set_message(why);
  one.set_must(says_must(type));
  const auto add = [&](const std::string& role, const char* kind) {
    rest::RoleChoice& choice = *to.add_roles();
    choice.set_role(role);
    choice.set_kind(kind);
    choice.set_missing(why);
  };
  for (const auto& [role, rule] : sorted(type.disks())) add(role, disk_role);
  for (const auto& [role, rule] : sorted(type.nics())) add(role, nic_role);
}

}  // namespace

std::vector<std::string> types_of(const MeshState& mesh, const rest::Server& server) {
  std::vector<std::string> out;
  const auto& status = server.status();
  if (status.model().empty()) return out;
  for (const auto& [name, type] : mesh.hardware_types) {
    if (glob_matches(type.spec().manufacturer(), status.manufacturer(), LetterCase::ignored) &&
        glob_matches(type.spec().model(), status.model(), LetterCase::ignored))
      out.push_back(name);
  }
  return out;
}

std::vector<rest::HardwareDeviation> deviations_of(const rest::HardwareFacts& expected,
                                                   const Inventory& inventory) {
  Deviations out;
  if (expected.memory().size() != 0) out.memory(expected.memory(), inventory.memory_bytes());
  out.processors(expected.processors(), inventory.processors());
  out.drives(expected.drives(), inventory);
  out.count(static_cast<std::uint32_t>(inventory.nics_size()), expected.nics().count(), "NICs",
            expected.nics().must());
  return out.take();
}

rest::ServerHardware hardware_of(const MeshState& mesh, const RowReader& rows, const rest::Server& server) {
  rest::ServerHardware out;
  out.set_server(server.metadata().name());
  out.set_site(server.spec().site());
  const std::vector<std::string> types = types_of(mesh, server);
  if (types.size() > 1) out.mutable_types()->Assign(types.begin(), types.end());
  if (types.size() != 1) return out;
  out.set_type(types.front());
  const rest::HardwareTypeSpec& type = mesh.hardware_types.at(types.front()).spec();
  const auto inventory = inventory_of(rows, server);
  if (!inventory) {
    not_read(type, server, out);
    return out;
  }
  for (rest::HardwareDeviation& each : deviations_of(type.expect(), inventory->inventory()))
    *out.add_deviations() = std::move(each);
  for (const auto& [role, rule] : sorted(type.disks())) {
    for (rest::RoleChoice& choice : disks_of_role(role, rule, *inventory))
      add_role(out, std::move(choice), rule.must());
  }
  for (const auto& [role, rule] : sorted(type.nics()))
    add_role(out, nic_of_role(role, rule, *inventory), rule.must());
  return out;
}

}  // namespace metalmesh::controller
