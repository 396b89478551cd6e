#include "controller/cli/session.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <boost/json/parse.hpp>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "common/adapters/config_file.h"
#include "common/os/files.h"
#include "controller/cli/csv.h"
#include "controller/cli/json_path.h"
#include "controller/cli/json_text.h"
#include "controller/cli/requests.h"
#include "controller/up/mesh_folder.h"

namespace metalmesh::cli {
namespace {

constexpr std::size_t pages_most = 10'000;

/// The file somebody asked for, or empty.
std::filesystem::path named_context() {
  const char* named = std::getenv("METALMESH_CONFIG");
  return named == nullptr ? "" : named;
}

Result<Secret> read_token(const std::string& path) {
  if (auto status = os::check_private(path); !status) return std::unexpected(status.error());
  auto text = os::read_file(path, 4096);
  if (!text) return std::unexpected(text.error());
  const auto end = text->find_first_of(" \t\r\n");
  const Secret whole(std::move(*text));
  const std::string_view token = whole.reveal().substr(0, end);
  if (token.empty()) return fail(ErrorKind::invalid, fmt::format("{} holds no token", path));
  return Secret(std::string(token));
}

std::string list_json(const Kind& kind, const Objects& objects) {
  // Programs iterate over `items`; the mapping would leave an empty list out.
  if (objects.empty()) return "{\n \"items\": []\n}\n";
  const auto list = kind.make_list();
  const auto* items = list->GetDescriptor()->FindFieldByName("items");
  for (const auto& object : objects) list->GetReflection()->AddMessage(list.get(), items)->CopyFrom(*object);
  return shown_json(*list);
}

}  // namespace

std::filesystem::path context_file() {
  if (auto named = named_context(); !named.empty()) return named;
  const char* home = std::getenv("HOME");
  std::filesystem::path own =
      std::filesystem::path(home == nullptr ? "/" : home) / ".config/metalmesh/config.yaml";
  std::error_code code;
  const auto up = up::default_folder() / up::client_file_name;
  return !std::filesystem::exists(own, code) && std::filesystem::exists(up, code) ? up : own;
}

Result<Target> resolve_target(const ContextFlags& flags) {
  config::Client context;
  const auto path = context_file();
  auto read = adapters::read_config<config::Client>(path);
  if (read) {
    context = std::move(*read);
  } else if (!named_context().empty() || read.error().kind != ErrorKind::not_found) {
    return std::unexpected(read.error());
  }
  if (!flags.server.empty()) context.set_server(flags.server);
  if (!flags.ca.empty()) context.set_ca(flags.ca);
  if (is_socket(flags.server)) context.clear_token_file();  // whoever reaches it needs none
  if (!flags.token_file.empty()) context.set_token_file(flags.token_file);
  if (context.server().empty()) {
    return fail(ErrorKind::unavailable,
                fmt::format("no controller is named: start one here with metalmesh up, give --server "
                            "https://host:port, or write `server:` into {}",
                            path.string()));
  }
  return open_target(context);
}

Result<Target> open_target(const config::Client& context) {
  Target target{.server = context.server(), .ca = context.ca(), .token = {}};
  if (!context.token_file().empty()) {
    auto token = read_token(context.token_file());
    if (!token) return std::unexpected(token.error());
    target.token = std::move(*token);
  }
  return target;
}

Result<ApiClient*> Session::api() {
  if (api_ == nullptr) {
    auto target = resolve_target(context);
    if (!target) return std::unexpected(target.error());
    api_ = std::make_unique<ApiClient>(std::move(*target));
  }
  return api_.get();
}

void Session::show(const google::protobuf::Message& object, std::string_view words) {
  switch (format) {
    case Format::table:
      return console_.print(words);
    case Format::json:
      return console_.print(shown_json(object));
    case Format::yaml:
      return console_.print(to_yaml(object));
  }
}

Status Session::show_view(const Kind& kind, Objects objects) {
  if (!view.sort.empty()) {
    if (auto sorted = sort_objects(kind, objects, view.sort, Console::now()); !sorted) return sorted;
  }
  if (view.is_usual()) {
    show_all(kind, objects);
    return {};
  }
  if (!view.json_path.empty()) {
    const auto path = JsonPath::of(view.json_path);
    if (!path) return std::unexpected(path.error());
    console_.print(path->of_value(boost::json::parse(list_json(kind, objects))) + "\n");
    return {};
  }
  const auto rows = object_rows(kind, objects, view, Console::now());
  if (!rows) return std::unexpected(rows.error());
  if (view.csv) {
    console_.write(csv_text(*rows));
  } else {
    console_.print(objects.empty() ? fmt::format("no {}\n", kind.plural) : render_table(*rows));
  }
  return {};
}

void Session::show_all(const Kind& kind, const Objects& objects) {
  if (format == Format::table) return console_.print(objects_table(kind, objects, Console::now()));
  if (format == Format::yaml) {
    for (const auto& object : objects) console_.print("---\n" + to_yaml(*object));
    return;
  }
  console_.print(list_json(kind, objects));
}

void Session::suggest(std::string_view command, std::string_view first) {
  const std::string line = fmt::format("{}{}next: {}\n", first, first.empty() ? "" : "\n", command);
  format == Format::table ? console_.print(line) : console_.complain(line);
}

Result<Objects> fetch_all(ApiClient& api, const Kind& kind, const std::map<std::string, std::string>& query) {
  Objects out;
  auto page_query = query;
  for (std::size_t page = 0; page < pages_most; ++page) {
    const auto list = kind.make_list();
    if (auto status = api.get(list_path(kind, page_query), *list); !status)
      return std::unexpected(status.error());
    const auto* reflection = list->GetReflection();
    const auto* items = list->GetDescriptor()->FindFieldByName("items");
    const auto* next = list->GetDescriptor()->FindFieldByName("next");
    for (int i = 0; i < reflection->FieldSize(*list, items); ++i) {
      out.push_back(kind.make());
      out.back()->CopyFrom(reflection->GetRepeatedMessage(*list, items, i));
    }
    page_query["after"] = reflection->GetString(*list, next);
    if (page_query["after"].empty()) break;
  }
  return out;
}

Result<std::vector<rest::Deployment>> fetch_deployments(ApiClient& api, const std::string& rollout) {
  auto objects = fetch_all(api, *find_kind("deployments"), {{"rollout", rollout}});
  if (!objects) return std::unexpected(objects.error());
  std::vector<rest::Deployment> out;
  for (const auto& object : *objects) out.push_back(dynamic_cast<const rest::Deployment&>(*object));
  return out;
}

}  // namespace metalmesh::cli
