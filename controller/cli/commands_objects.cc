// get, describe, delete: the same for every kind of object.
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <boost/json/parse.hpp>

#include "common/text/percent.h"
#include "controller/cli/commands.h"
#include "controller/cli/json_path.h"
#include "controller/cli/json_text.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

Result<std::vector<rest::Deployment>> deployments_of(ApiClient& api, const Kind& kind,
                                                     const std::string& name) {
  if (kind.name != "Server" && kind.name != "Rollout") return std::vector<rest::Deployment>{};
  auto objects =
      fetch_all(api, *find_kind("deployments"), {{kind.name == "Server" ? "server" : "rollout", name}});
  if (!objects) return std::unexpected(objects.error());
  std::vector<rest::Deployment> out;
  for (const auto& object : *objects) out.push_back(dynamic_cast<const rest::Deployment&>(*object));
  return out;
}

}  // namespace

CommandResult get_objects(Session& session, const Kind& kind, const std::string& name,
                          const std::map<std::string, std::string>& query) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  if (name.empty()) {
    auto objects = fetch_all(**api, kind, query);
    if (!objects) return std::unexpected(objects.error());
    if (auto shown = session.show_view(kind, std::move(*objects)); !shown)
      return std::unexpected(shown.error());
    return ExitCode::ok;
  }
  Objects one;
  one.push_back(kind.make());
  // profiles/rocky-base@7 is a version that rollouts pin.
  const auto at = name.find('@');
  const std::string path =
      kind.name == "Profile" && at != std::string::npos
          ? object_path(kind, name.substr(0, at)) + "/versions/" + percent_encode(name.substr(at + 1))
          : object_path(kind, name);
  if (auto status = (*api)->get(path, *one.front()); !status) return std::unexpected(status.error());
  if (!session.view.json_path.empty()) {
    const auto found = JsonPath::of(session.view.json_path);
    if (!found) return std::unexpected(found.error());
    session.console().print(found->of_value(boost::json::parse(shown_json(*one.front()))) + "\n");
  } else if (!session.view.is_usual()) {
    if (auto shown = session.show_view(kind, std::move(one)); !shown) return std::unexpected(shown.error());
  } else {
    session.show(*one.front(), objects_table(kind, one, Console::now()));
  }
  return ExitCode::ok;
}

CommandResult describe_object(Session& session, const Kind& kind, const std::string& name) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const auto object = kind.make();
  if (auto status = (*api)->get(object_path(kind, name), *object); !status)
    return std::unexpected(status.error());
  std::string words = to_yaml(*object);
  if (const auto* deployment = dynamic_cast<const rest::Deployment*>(object.get()))
    words += failure_text(*deployment);
  if (const auto* server = dynamic_cast<const rest::Server*>(object.get())) {
    words += quirks_text(*server);
    rest::ServerInventory inventory;
    if (server->status().has_facts() && (*api)->get(object_path(*find_kind("Inventory"), name), inventory))
      words += "\ninventory:\n" + to_yaml(inventory.inventory());
    rest::ServerHardware hardware;
    if ((*api)->get(object_path(*find_kind("Hardware"), name), hardware)) words += hardware_text(hardware);
  }
  if (kind.name == "HardwareType") {
    auto servers = servers_of_type(**api, name);
    if (!servers) return std::unexpected(servers.error());
    words += *servers;
  }
  auto deployments = deployments_of(**api, kind, name);
  if (!deployments) return std::unexpected(deployments.error());
  if (!deployments->empty()) words += "\ndeployments:\n";
  for (const auto& deployment : *deployments) {
    words += fmt::format("  {} {} in {}: {}\n{}", time_words(deployment.created()), deployment.server(),
                         deployment.rollout(), state_words(deployment), failure_text(deployment, 4));
  }
  session.show(*object, words);
  return ExitCode::ok;
}

CommandResult delete_object(Session& session, const Kind& kind, const std::string& name,
                            const std::string& confirm) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  auto reply = (*api)->call(
      "DELETE", object_path(kind, name) + (confirm.empty() ? "" : "?confirm=" + percent_encode(confirm)));
  if (!reply) return std::unexpected(reply.error());
  session.console().print(fmt::format("{} {} is deleted\n", kind.name, name));
  session.suggest(fmt::format("metalmesh get {}", kind.plural));
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
