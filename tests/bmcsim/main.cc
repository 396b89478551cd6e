#include <curl/curl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "tests/bmcsim/recorded/recorded_files.h"
#include "tests/bmcsim/simulation.h"

namespace {

int list_faults() {
  for (const auto* fault : metalmesh::bmcsim::all_faults()) {
    std::cout << fault->name << "\n    " << fault->does << " [" << fault->source << "]\n";
  }
  return 0;
}

/// "[SERVER=]PATH" in two.
std::pair<std::string, std::string> of_server(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

/// Personalities from their files, and what was recorded beside: of one server, or of all.
metalmesh::Status dress(metalmesh::bmcsim::FleetOptions& fleet, const std::vector<std::string>& trees,
                        const std::vector<std::string>& personalities) {
  using namespace metalmesh::bmcsim;
  std::map<std::string, Personality> worn;
  for (const std::string& text : personalities) {
    const auto [server, path] = of_server(text);
    auto loaded = load_personality(path, recorded_trees());
    if (!loaded) return std::unexpected(loaded.error());
    worn[server] = **loaded;
  }
  for (const std::string& text : trees) {
    const auto [server, path] = of_server(text);
    if (auto added = add_recorded(worn[server].tree, path); !added) return added;
  }
  for (auto& [server, one] : worn) fleet.worn[server] = std::make_shared<const Personality>(std::move(one));
  return {};
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace metalmesh::bmcsim;
  CLI::App app{
      "Simulated BMCs: Redfish services in front of machines that pretend to install, or do (--qemu).",
      "metalmesh-bmcsim"};
  app.set_version_flag("--version", MM_VERSION);
  app.require_subcommand(1);
  SimulationOptions options;
  auto& fleet = options.fleet;
  std::vector<std::string> qemu;
  std::string qemu_folder = "qemu";
  bool qemu_trusts_anything = false;
  std::vector<std::string> faults;
  std::vector<std::string> trees;
  std::vector<std::string> personalities;
  std::int64_t install_ms = 2000;
  std::int64_t reply_delay_ms = 0;
  const auto common = [&](CLI::App* command) {
    command->add_option("--site", fleet.site, "site name; servers are <site>-n001, ...")
        ->capture_default_str();
    command->add_option("--first-address", fleet.first_address, "address of the first BMC (127.a.b.c)")
        ->capture_default_str();
    command->add_option("--port", fleet.port, "port of every BMC")->capture_default_str();
    command->add_option("--count", fleet.count, "how many")->capture_default_str();
    command->add_option("--labels", fleet.labels, "labels of the servers, k=v,...")->capture_default_str();
    command
        ->add_option("--qemu", qemu,
                     "give a server a real UEFI machine (QEMU, emulated):\n"
                     "NAME[,disk=FILE][,disk-mib=128][,memory-mib=512][,serial=FILE][,rerror=stop|report]\n"
                     "[,secure-boot=on|off]\n"
                     "rerror: what a failing read of its medium does; stop tries again until it works")
        ->take_all();
    command
        ->add_option(
            "--tree", trees,
            "[SERVER=]PATH: show themselves as this one was recorded: a folder of DMTF's mockup form, or a\n"
            "file of metalmesh inspect --capture or a deployment's transcript; several are taken together")
        ->take_all();
    command
        ->add_option("--personality", personalities,
                     "[SERVER=]FILE: and behave as it says (tests/bmcsim/personalities)")
        ->take_all();
  };
  auto* serve = app.add_subcommand("serve", "run the BMCs until SIGTERM");
  common(serve);
  serve->add_option("--control-port", options.control_port, "ground truth and knobs, on 127.0.0.1 (0: any)")
      ->capture_default_str();
  serve->add_option("--media-ca", options.media_ca,
                    "CA file the BMCs trust for media (default: trust anything)");
  serve
      ->add_option("--qemu-dir", qemu_folder,
                   "where real machines keep disk, firmware variables, console log")
      ->capture_default_str();
  serve->add_flag(
      "--qemu-trust-any-media", qemu_trusts_anything,
      "real machines trust any medium, --media-ca or not (trusting one CA takes a mount namespace)");
  serve->add_option("--user", fleet.each.user, "BMC user")->capture_default_str();
  serve->add_option("--password", fleet.each.password, "BMC password")->capture_default_str();
  serve->add_option("--install-ms", install_ms, "how long an install takes")->capture_default_str();
  serve->add_option("--reply-delay-ms", reply_delay_ms, "added to each Redfish answer")
      ->capture_default_str();
  serve
      ->add_option("--fault", faults,
                   "[SERVER=]NAME: a fault from the start, of one server or of all (see faults)")
      ->take_all();
  auto* known_faults =
      app.add_subcommand("faults", "what a BMC can have: name, what it does, who reported it");
  auto* inventory = app.add_subcommand("inventory", "print the Server objects for `metalmesh apply`");
  common(inventory);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    constexpr int wrong_usage = 2;
    return app.exit(stop) == 0 ? 0 : wrong_usage;
  }

  fleet.each.install_time = std::chrono::milliseconds(install_ms);
  options.reply_delay = std::chrono::milliseconds(reply_delay_ms);
  const auto refuse = [](const metalmesh::Error& error, int code) {
    std::cerr << "metalmesh-bmcsim: " << error.message << "\n";
    return code;
  };
  for (const auto& text : qemu) {
    auto machine = parse_qemu_options(text);
    if (!machine) return refuse({machine.error().kind, "--qemu " + text + ": " + machine.error().message}, 2);
    machine->folder = qemu_folder + "/" + machine->name;
    if (!qemu_trusts_anything) machine->media_ca = options.media_ca;
    fleet.qemu.push_back(*std::move(machine));
  }
  if (known_faults->parsed()) return list_faults();
  if (auto dressed = dress(fleet, trees, personalities); !dressed) return refuse(dressed.error(), 2);
  for (const auto& text : faults) {
    auto [server, name] = of_server(text);
    options.faults.push_back({std::move(server), std::move(name)});
  }
  if (inventory->parsed()) {
    const auto built = Fleet::build(fleet);
    if (!built) return refuse(built.error(), 2);
    std::cout << built->inventory(fleet);
    return 0;
  }
  std::signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  curl_global_init(CURL_GLOBAL_DEFAULT);
  Simulation simulation(options);
  if (auto opened = simulation.open(); !opened) {
    return refuse(opened.error(), opened.error().kind == metalmesh::ErrorKind::invalid ? 2 : 1);
  }
  std::cout << "ready control=127.0.0.1:" << simulation.control_port() << " bmcs=" << fleet.count
            << " first=https://" << fleet.first_address << ":" << fleet.port << std::endl;
  if (auto ended = simulation.run(); !ended) return refuse(ended.error(), 1);
  return 0;
}
