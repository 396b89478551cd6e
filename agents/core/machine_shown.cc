#include "agents/core/machine_shown.h"

#include <algorithm>

#include "common/base/machine_key.h"
#include "common/base/planted.h"
#include "common/text/hex.h"
#include "common/text/visible.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t most_of_a_kind = 64;
constexpr std::size_t digest_digits = 64;

void keep_some(std::vector<std::string>& to, std::string value) {
  if (to.size() < most_of_a_kind) to.push_back(std::move(value));
}

std::string all_of(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values)
    if (!value.empty()) out += (out.empty() ? "" : ", ") + visible(value.substr(0, 64));
  return out.empty() ? "nothing" : out;
}

/// How many of what can be compared were, and how many of those agree.
struct Agreement {
  int compared = 0;
  int agreed = 0;
  void add(bool known, bool same) {
    compared += known ? 1 : 0;
    agreed += known && same ? 1 : 0;
  }
};

}  // namespace

std::optional<MachineShown> parse_machine_shown(std::string_view body) {
  MachineShown shown;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = line.substr(0, equals), value = line.substr(equals + 1);
    if (name == "uuid") shown.uuid = normal_uuid(value);
    if (name == "serial" && usable_serial(value)) keep_some(shown.serials, normal_serial(value));
    if (name == "mac" && usable_mac(value)) keep_some(shown.macs, normal_mac(value));
    if (name == "asker") shown.asker = value;
    if (name == "calls") shown.calls = value == "yes";
  }
  const bool digest = shown.asker.size() == digest_digits &&
                      std::ranges::all_of(shown.asker, [](char c) { return hex_value(c) >= 0; });
  return digest ? std::optional(shown) : std::nullopt;
}

std::optional<std::string> why_another_machine(const wire::Identity& ordered, const MachineShown& shown) {
  const bool uuids = usable_uuid(ordered.uuid()) && usable_uuid(shown.uuid);
  const bool same_uuid =
      uuids && (normal_uuid(ordered.uuid()) == shown.uuid || uuid_bytes_turned(ordered.uuid(), shown.uuid));
  const auto has = [](const std::vector<std::string>& shown_ones, const std::string& wanted) {
    return std::ranges::find(shown_ones, wanted) != shown_ones.end();
  };
  Agreement agreement;
  agreement.add(uuids, same_uuid);
  agreement.add(usable_serial(ordered.serial()) && !shown.serials.empty(),
                has(shown.serials, normal_serial(ordered.serial())));
  agreement.add(
      !ordered.macs().empty() && !shown.macs.empty(),
      std::ranges::any_of(ordered.macs(), [&](const auto& mac) { return has(shown.macs, normal_mac(mac)); }));
  const int enough = std::min(2, agreement.compared);
  if (planted(Defect::go_for_any_machine)) return std::nullopt;
  if (agreement.compared > 0 && agreement.agreed >= enough && (same_uuid || !uuids)) return std::nullopt;
  return "the installer runs on UUID " + all_of({shown.uuid}) + ", serial " + all_of(shown.serials) +
         ", cards " + all_of(shown.macs) + "; the order is for UUID " + all_of({ordered.uuid()}) +
         ", serial " + all_of({ordered.serial()}) + ", cards " +
         all_of({ordered.macs().begin(), ordered.macs().end()});
}

}  // namespace metalmesh::agent
