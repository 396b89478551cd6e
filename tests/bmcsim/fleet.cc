#include "tests/bmcsim/fleet.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/base/digest.h"
#include "common/text/letters.h"

namespace metalmesh::bmcsim {
namespace {

std::string uuid_from(std::string_view seed) {
  const auto hex = to_hex(sha256(seed));
  return fmt::format("{}-{}-4{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(13, 3),
                     hex.substr(17, 3), hex.substr(20, 12));
}

std::string yaml_labels(std::string labels) {
  for (std::size_t at = 0; (at = labels.find('=', at)) != std::string::npos;) labels.replace(at, 1, ": ");
  return labels;
}

/// Null for a machine that pretends.
const QemuOptions* real_machine(const FleetOptions& options, const std::string& name) {
  const auto found = std::ranges::find(options.qemu, name, &QemuOptions::name);
  return found == options.qemu.end() ? nullptr : &*found;
}

}  // namespace

Result<Fleet> Fleet::build(const FleetOptions& options, const MakeQemu& make_qemu) {
  in_addr first{};
  if (inet_pton(AF_INET, options.first_address.c_str(), &first) != 1 || (ntohl(first.s_addr) >> 24) != 127) {
    return fail(ErrorKind::invalid, "first address must be in 127.0.0.0/8, not " + options.first_address);
  }
  if (options.count == 0 || options.count > 10000)
    return fail(ErrorKind::invalid, "count must be 1 to 10000");
  Fleet fleet;
  for (std::uint32_t i = 0; i < options.count; ++i) {
    in_addr address{htonl(ntohl(first.s_addr) + i)};
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address, text, sizeof text);
    BmcOptions one = options.each;
    one.name = fmt::format("{}-n{:03}", options.site, i + 1);
    one.uuid = uuid_from("uuid/" + one.name);
    const auto hex = to_hex(sha256("serial/" + one.name));
    one.serial = "SIM" + to_upper(hex.substr(0, 8));
    one.macs = {fmt::format("02:{}:{}:{}:{}:01", hex.substr(0, 2), hex.substr(2, 2), hex.substr(4, 2),
                            hex.substr(6, 2)),
                fmt::format("02:{}:{}:{}:{}:02", hex.substr(0, 2), hex.substr(2, 2), hex.substr(4, 2),
                            hex.substr(6, 2))};
    const auto* real = make_qemu ? real_machine(options, one.name) : nullptr;
    auto model = real == nullptr ? std::make_unique<BmcModel>(std::move(one))
                                 : std::make_unique<BmcModel>(std::move(one), [&](const BmcOptions& kept) {
                                     return make_qemu(*real, kept);
                                   });
    for (const std::string& name : {model->options().name, std::string()}) {
      const auto worn = options.worn.find(name);
      if (worn == options.worn.end()) continue;
      model->wear(worn->second);
      break;
    }
    fleet.members_.push_back({text, std::move(model)});
  }
  for (const auto& machine : options.qemu) {
    if (fleet.by_name(machine.name) == nullptr)
      return fail(ErrorKind::invalid,
                  "there is no server " + machine.name + ": the names are " + options.site + "-n001, ...");
  }
  return fleet;
}

BmcModel* Fleet::by_name(const std::string& name) {
  for (auto& member : members_) {
    if (member.model->options().name == name) return member.model.get();
  }
  return nullptr;
}

std::string Fleet::inventory(const FleetOptions& options) const {
  std::string out;
  std::size_t real = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const auto& bmc = members_[i].model->options();
    const bool is_real = real_machine(options, bmc.name) != nullptr;
    const std::string labels = yaml_labels(options.labels) + (is_real ? ", machine: qemu" : "");
    const std::string vars = is_real ? fmt::format("address: 10.0.2.{}/24, gateway: 10.0.2.2", 15 + real++)
                                     : fmt::format("address: 10.0.{}.{}/16", i / 250, i % 250 + 1);
    const auto known = members_[i].model->known_by();
    const std::string second =
        known.mac.empty() ? "serial: " + known.serial : fmt::format("macs: [\"{}\"]", known.mac);
    out += fmt::format(
        "---\napiVersion: metalmesh/v1\nkind: Server\nmetadata:\n  name: {0}\n  labels: {{{1}}}\nspec:\n  "
        "site: {2}\n"
        "  bmc: {{address: \"{3}:{4}\", credential: {2}-bmc}}\n  identity: {{{5}, uuid: {6}}}\n"
        "  hostname: {0}.example.net\n  state: new\n  vars: {{{7}}}\n",
        bmc.name, labels, options.site, members_[i].address, options.port, second, known.uuid, vars);
  }
  return out;
}

}  // namespace metalmesh::bmcsim
