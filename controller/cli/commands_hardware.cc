// hardware-type capture; what describe says of hardware.
#include <fmt/format.h>

#include "common/base/command_words.h"
#include "controller/cli/commands.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

constexpr std::size_t deviating_told = 100;

std::string hardware_path(const std::string& server) { return object_path(*find_kind("Hardware"), server); }

std::string deviation_line(const rest::HardwareDeviation& deviation) {
  return deviation.message() + (deviation.must() ? " (left out of installs: it must be so)" : "");
}

}  // namespace

std::string hardware_text(const rest::ServerHardware& hardware) {
  if (hardware.types_size() > 1)
    return fmt::format("\nhardware: types {} match it, and one has to\n", fmt::join(hardware.types(), ", "));
  if (hardware.type().empty()) return {};
  std::string out = fmt::format("\nhardware: type {}\n", hardware.type());
  for (const auto& deviation : hardware.deviations()) out += "  differs: " + deviation_line(deviation) + "\n";
  for (const auto& role : hardware.roles())
    if (role.missing().empty()) out += "  " + role_words(role) + "\n";
  return out;
}

Result<std::string> servers_of_type(ApiClient& api, const std::string& type) {
  const auto all = fetch_all(api, *find_kind("Hardware"), {{"type", type}});
  if (!all) return std::unexpected(all.error());
  std::size_t deviating = 0;
  std::size_t left_out = 0;
  std::size_t several = 0;
  std::string lines;
  for (const auto& each : *all) {
    const auto& hardware = dynamic_cast<const rest::ServerHardware&>(*each);
    several += hardware.types_size() > 1 ? 1 : 0;
    if (hardware.deviations().empty()) continue;
    bool must = false;
    for (const auto& deviation : hardware.deviations()) {
      must = must || deviation.must();
      if (deviating < deviating_told)
        lines += fmt::format("  {}: {}\n", hardware.server(), deviation_line(deviation));
    }
    ++deviating;
    left_out += must ? 1 : 0;
  }
  std::string out = fmt::format("\nservers: {} match, {} deviate, {} of these are left out of installs\n",
                                all->size(), deviating, left_out);
  if (several > 0) out += fmt::format("  {} match another type, too: they are held against none\n", several);
  out += lines;
  if (deviating > deviating_told)
    out += fmt::format("  and {} more: {}\n", deviating - deviating_told, commands::list("hardware"));
  return out;
}

CommandResult capture_hardware_type(Session& session, const HardwareCapture& wanted) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const std::string path = object_path(*find_kind("HardwareType"), wanted.type);
  rest::HardwareType there;
  if ((*api)->get(path, there))
    return fail(
        ErrorKind::conflict,
        fmt::format("hardware type {} is there already: choose another name, or delete it first\n  next: {}",
                    wanted.type, commands::describe("hardware-type", wanted.type)));
  rest::Server server;
  if (auto status = (*api)->get(object_path(*find_kind("Server"), wanted.server), server); !status)
    return std::unexpected(status.error());
  rest::ServerInventory inventory;
  if (auto status = (*api)->get(object_path(*find_kind("Inventory"), wanted.server), inventory); !status)
    return std::unexpected(status.error());
  const auto type = captured_type(wanted, server, inventory);
  if (!type) return std::unexpected(type.error());
  rest::HardwareType stored;
  if (auto status = (*api)->send("PUT", path, *type, stored); !status) return std::unexpected(status.error());
  rest::ServerHardware hardware;
  if (auto status = (*api)->get(hardware_path(wanted.server), hardware); !status)
    return std::unexpected(status.error());
  session.show(stored, fmt::format("HardwareType {} is as {} is{}", wanted.type, wanted.server,
                                   hardware_text(hardware)));
  session.suggest(commands::describe("hardware-type", wanted.type));
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
