// support-bundle: everything that somebody else needs to understand a Metalmesh that misbehaves. The
// controller is asked as long as it answers; what lies on this machine is taken whether it runs or not.
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstring>
#include <filesystem>

#include "common/adapters/config_file.h"
#include "common/adapters/flight_recorder.h"
#include "common/adapters/log_writer.h"
#include "common/adapters/os_entropy.h"
#include "common/adapters/support_bundle.h"
#include "common/text/percent.h"
#include "controller/cli/commands.h"
#include "controller/up/mesh_folder.h"
#include "schemas/config/controller.pb.h"

namespace metalmesh::cli {
namespace {

namespace fs = std::filesystem;
using Bundle = adapters::SupportBundle;

constexpr std::size_t pages_most = 1000;
constexpr std::size_t log_bytes = std::size_t{4} << 20U;
constexpr std::uint64_t newest_events = 5000;
constexpr char system_config[] = "/etc/metalmesh/controller.yaml";

std::string member(const std::string& json, const char* name) {
  boost::system::error_code wrong;
  const auto value = boost::json::parse(json, wrong);
  const auto* object = wrong ? nullptr : value.if_object();
  const auto* found = object == nullptr ? nullptr : object->if_contains(name);
  if (found == nullptr) return {};
  if (const auto* text = found->if_string()) return std::string(*text);
  return boost::json::serialize(*found);
}

/// What the controller tells. The first request that does not reach it ends the asking.
class Asking {
 public:
  Asking(ApiClient* api, std::string why_not, Bundle& bundle)
      : api_(api), why_not_(std::move(why_not)), bundle_(bundle) {}

  std::string ask(const std::string& name, const std::string& path, Bundle::Kind kind = Bundle::Kind::json) {
    if (api_ == nullptr) {
      bundle_.missing(name, why_not_);
      return {};
    }
    auto reply = api_->call("GET", path);
    if (!reply && exit_code_of(reply.error()) == ExitCode::unreachable) {
      why_not_ = reply.error().message;
      api_ = nullptr;
    }
    std::string body = reply ? *reply : std::string();
    bundle_.text(name, std::move(reply), kind);
    return body;
  }

  void pages(const std::string& name, std::string path, const std::string& after) {
    std::string next = after;
    for (std::size_t page = 1; page <= pages_most; ++page) {
      const std::string body = ask(fmt::format("{}.{}.json", name, page),
                                   path + (next.empty() ? "" : "&after=" + percent_encode(next)));
      next = member(body, "next");
      if (next.empty()) return;
    }
  }

 private:
  ApiClient* api_;
  std::string why_not_;
  Bundle& bundle_;
};

void add_controller(Session& session, Bundle& bundle) {
  auto api = session.api();
  if (api) bundle.hide((*api)->target().token.reveal());
  Asking asking(api ? *api : nullptr, api ? std::string() : api.error().message, bundle);
  asking.ask("controller/version.json", "/api/v1/version");
  asking.ask("controller/health.json", "/healthz");
  asking.ask("controller/metrics.txt", "/metrics", Bundle::Kind::plain);
  const std::string facts = asking.ask("controller/facts.json", "/api/v1/support");
  for (const Kind& kind : kinds())
    asking.pages(fmt::format("state/{}", kind.plural), fmt::format("/api/v1/{}?limit=200", kind.plural), {});
  const std::uint64_t last = std::strtoull(member(member(facts, "rows"), "events").c_str(), nullptr, 10);
  asking.pages("events/events", "/api/v1/events?limit=1000",
               last > newest_events ? std::to_string(last - newest_events) : std::string());
}

/// Controller and agents of one `metalmesh up`, or a controller of its own.
void add_data(Bundle& bundle, const std::string& name, const fs::path& folder) {
  bundle.folder_facts(name + "/folder.json", folder);
  bundle.recording(name + "/recording", folder / adapters::recording_folder);
}

void add_local_controller(Bundle& bundle, const fs::path& file, const std::string& data) {
  bundle.config_file("config/controller.yaml", file);
  const auto config = adapters::read_config<config::Controller>(file);
  if (!data.empty() || config)
    add_data(bundle, "controller", data.empty() ? fs::path(config->data_dir()) : fs::path(data));
}

void add_mesh_folder(Bundle& bundle, const fs::path& folder) {
  std::error_code wrong;
  bundle.config_file("config/up.yaml", folder / "up.yaml");
  add_local_controller(bundle, folder / "controller.yaml", {});
  for (const auto& site : fs::directory_iterator(folder / "sites", wrong)) {
    const std::string name = site.path().filename().string();
    bundle.config_file(fmt::format("config/agent-{}.yaml", name), site.path() / "agent.yaml");
    const auto config = adapters::read_config<config::Agent>(site.path() / "agent.yaml");
    if (config) add_data(bundle, fmt::format("agent-{}", name), config->data_dir());
  }
  for (const auto& log : fs::directory_iterator(folder / "log", wrong))
    bundle.log_file("log/" + log.path().filename().string(), log.path(), log_bytes);
}

void add_this_machine(Bundle& bundle, const SupportOrder& order) {
  bundle.machine_facts("machine.json");
  std::error_code wrong;
  const fs::path up = order.data.empty() ? up::default_folder() : fs::path(order.data);
  if (order.config.empty() && fs::exists(up / up::client_file_name, wrong))
    return add_mesh_folder(bundle, up);
  const fs::path config = order.config.empty() ? fs::path(system_config) : fs::path(order.config);
  if (fs::exists(config, wrong) || !order.data.empty() || !order.config.empty()) {
    add_local_controller(bundle, config, order.data);
    bundle.missing("log", "logs are in the journal of systemd, under the name of its service");
    return;
  }
  bundle.missing("controller/recording",
                 "no controller is configured on this machine; run this on the controller's, "
                 "or name its files with --config and --data");
}

}  // namespace

std::uint64_t random_key() {
  adapters::OsEntropy entropy;
  std::uint64_t key = 0;
  std::memcpy(&key, entropy.bytes(sizeof key).data(), sizeof key);
  return key;
}

CommandResult make_support_bundle(Session& session, const SupportOrder& order) {
  const WallTime now = Console::now();
  std::string stamp = adapters::rfc3339(now).substr(0, 19);
  std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
  const fs::path path = order.output.empty() ? fs::path(fmt::format("metalmesh-support-{}.tar.gz", stamp))
                                             : fs::path(order.output);
  Bundle bundle("metalmesh", session.version(), random_key(),
                [&](const std::string& line) { session.console().complain("  " + line + "\n"); });
  add_controller(session, bundle);
  add_this_machine(bundle, order);
  if (Status written = bundle.write(path, now); !written) return std::unexpected(written.error());
  session.console().print(path.string() + "\n");
  session.suggest("metalmesh-agent support-bundle --config FILE, at a site that is part of the trouble");
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
