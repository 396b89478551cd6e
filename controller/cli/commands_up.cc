// up: a whole mesh in one terminal. The pieces are in controller/up; here they meet the API, which tells when
// the controller and the agents are really ready.
#include <fmt/format.h>

#include <memory>

#include "common/adapters/config_file.h"
#include "common/adapters/log_writer.h"
#include "common/adapters/system_clock.h"
#include "controller/cli/commands.h"
#include "controller/up/mesh_files.h"
#include "controller/up/mesh_folder.h"
#include "controller/up/ports.h"
#include "controller/up/programs.h"
#include "controller/up/settings.h"
#include "controller/up/supervisor.h"

namespace metalmesh::cli {
namespace {

using namespace std::chrono_literals;

/// A child that hangs must not keep us from hearing ctrl-C.
constexpr auto probe_patience = 3s;

Result<config::Up> settle(const UpOrder& order, const config::Up& before) {
  up::Choices choices;
  choices.media_address = order.media_address;
  choices.port = order.port;
  for (const std::string& text : order.sites) {
    auto site = up::parse_site(text);
    if (!site) return std::unexpected(site.error());
    choices.sites.push_back(std::move(*site));
  }
  up::FreePorts free_ports;
  auto settings = up::settle(before, choices, [&] { return free_ports.take(); });
  return settings;
}

Status check_ports(const config::Up& settings) {
  auto status = up::check_port_free(static_cast<std::uint16_t>(settings.api_port()), "the controller's API");
  if (status)
    status = up::check_port_free(static_cast<std::uint16_t>(settings.broker_port()), "the MQTT broker");
  for (const auto& site : settings.sites()) {
    if (!status) break;
    status = up::check_port_free(static_cast<std::uint16_t>(site.media_port()),
                                 "the media server of site " + site.name());
  }
  return status;
}

/// One `metalmesh up`, from the folder to the last child.
class Mesh {
 public:
  Mesh(Session& session, up::MeshFolder& folder, config::Up settings, up::Programs programs)
      : session_(session),
        folder_(folder),
        settings_(std::move(settings)),
        programs_(std::move(programs)),
        supervisor_(clock_, [this](const std::string& line) { say(line); }) {}

  Status start() {
    auto context = adapters::read_config<config::Client>(folder_.client_file());
    if (!context) return std::unexpected(context.error());
    auto target = open_target(*context);
    if (!target) return std::unexpected(target.error());
    target->patience = probe_patience;
    api_ = std::make_unique<ApiClient>(std::move(*target));
    if (auto status = start_broker(); !status) return status;
    if (auto status = start_controller(); !status) return status;
    for (const auto& site : settings_.sites()) {
      if (auto status = start_site(site); !status) return status;
    }
    return {};
  }
  void watch() { supervisor_.watch(); }
  void stop() { supervisor_.stop(); }

 private:
  void say(const std::string& line) {
    session_.console().print(fmt::format("{} {}\n", adapters::rfc3339(Console::now()).substr(11, 8), line));
  }

  Status start_broker() {
    const auto port = static_cast<std::uint16_t>(settings_.broker_port());
    return supervisor_.start(
        {"broker",
         {programs_.broker, {"-c", (folder_.path() / "mosquitto.conf").string()}, folder_.log_file("broker")},
         [port] { return up::port_answers(port); }});
  }

  Status start_controller() {
    return supervisor_.start({"controller",
                              {programs_.controller,
                               {"--config", (folder_.path() / "controller.yaml").string()},
                               folder_.log_file("controller")},
                              [this] {
                                const auto reply = api_->call("GET", "/healthz");
                                // A controller that is short of disk says so, and is there.
                                return reply || exit_code_of(reply.error()) != ExitCode::unreachable;
                              }});
  }

  /// A child of its own: the agent may die and come back while servers read on.
  Status start_media(const config::UpSite& site) {
    const auto port = static_cast<std::uint16_t>(site.media_port());
    return supervisor_.start({"media " + site.name(),
                              {programs_.agent,
                               {"media", "--config", folder_.agent_file(site.name()).string()},
                               folder_.log_file("media-" + site.name())},
                              [port] { return up::port_answers(port); }});
  }

  Status start_site(const config::UpSite& site) {
    if (auto status = ensure_site(site.name()); !status) return status;
    if (auto status = start_media(site); !status) return status;
    // Each start of an agent draws an incarnation: a new one shows that it is this start that is heard.
    auto seen = std::make_shared<std::string>();
    const auto status_of = [this, name = site.name()]() -> std::optional<rest::SiteStatus> {
      rest::Site answer;
      if (!api_->get(object_path(*find_kind("Site"), name), answer)) return std::nullopt;
      return answer.status();
    };
    return supervisor_.start({"agent " + site.name(),
                              {programs_.agent,
                               {"--config", folder_.agent_file(site.name()).string()},
                               folder_.log_file("agent-" + site.name())},
                              [seen, status_of] {
                                const auto status = status_of();
                                return status && status->connected() && status->incarnation() != *seen;
                              },
                              [seen, status_of] {
                                if (const auto status = status_of()) *seen = status->incarnation();
                              }});
  }

  Status ensure_site(const std::string& name) {
    const std::string path = object_path(*find_kind("Site"), name);
    rest::Site site;
    auto status = api_->get(path, site);
    if (status || status.error().kind != ErrorKind::not_found) return status;
    site.set_api_version("metalmesh/v1");
    site.set_kind("Site");
    site.mutable_metadata()->set_name(name);
    rest::Site answer;
    return api_->send("PUT", path, site, answer);
  }

  Session& session_;
  up::MeshFolder& folder_;
  config::Up settings_;
  up::Programs programs_;
  adapters::SystemClock clock_;
  std::unique_ptr<ApiClient> api_;
  up::Supervisor supervisor_;
};

std::string how_to_use(const up::MeshFolder& folder, const config::Up& settings) {
  const std::string own = up::own_name();
  const std::string& site = settings.sites(0).name();
  std::string out = fmt::format("\nThe mesh is up: API {}, logs in {}\n", up::api_url(settings),
                                (folder.path() / "log").string());
  for (const auto& each : settings.sites()) {
    out += fmt::format("  site {}: its BMCs read media from https://{}\n", each.name(),
                       up::media_authority(each));
  }
  out += "Use it from another terminal:\n";
  if (context_file() != folder.client_file())
    out += fmt::format("  export METALMESH_CONFIG={}\n", folder.client_file().string());
  out += fmt::format(
      "  {} get sites\nBMC passwords stay with the agent of their site:\n"
      "  {}-agent --config {} credential set {}-bmc --username USER\n"
      "ctrl-C stops everything; the next `metalmesh up` goes on from there.\n\n",
      own, own, folder.agent_file(site).string(), site);
  return out;
}

}  // namespace

CommandResult run_mesh(Session& session, const UpOrder& order) {
  const std::filesystem::path path =
      order.folder.empty() ? up::default_folder() : std::filesystem::path(order.folder);
  if (path.empty())
    return fail(ErrorKind::invalid, "$HOME is not set: name a folder for keys and stores with --data");
  auto programs = up::find_programs();
  if (!programs) return std::unexpected(programs.error());
  auto folder = up::MeshFolder::open(path);
  if (!folder) return std::unexpected(folder.error());
  const auto before = folder->settings();
  if (!before) return std::unexpected(before.error());
  auto settings = settle(order, *before);
  if (!settings) return std::unexpected(settings.error());
  if (auto free = check_ports(*settings); !free) return std::unexpected(free.error());
  auto kept = folder->write(*before, *settings, Console::now());
  if (!kept) return std::unexpected(kept.error());
  Console& console = session.console();
  console.print(fmt::format("metalmesh {} in {}\n", session.version(), folder->path().string()));
  for (const std::string& file : *kept)
    console.print(fmt::format("{} is yours: used as it is, options do not change it\n", file));

  Mesh mesh(session, *folder, *settings, std::move(*programs));
  auto started = mesh.start();
  if (started) {
    console.print(how_to_use(*folder, *settings));
    mesh.watch();
  }
  mesh.stop();
  if (!started) return std::unexpected(started.error());
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
