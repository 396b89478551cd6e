#include <curl/curl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "tests/bmcsim/simulation.h"

namespace {

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
  CLI::App app{"Simulated BMCs: Redfish services in front of machines that pretend to install.",
               "metalmesh-bmcsim"};
  app.set_version_flag("--version", MM_VERSION);
  app.require_subcommand(1);
  SimulationOptions options;
  auto& fleet = options.fleet;
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
  };
  auto* serve = app.add_subcommand("serve", "run the BMCs until SIGTERM");
  common(serve);
  serve->add_option("--control-port", options.control_port, "ground truth and knobs, on 127.0.0.1 (0: any)")
      ->capture_default_str();
  serve->add_option("--media-ca", options.media_ca,
                    "CA file the BMCs trust for media (default: trust anything)");
  serve->add_option("--user", fleet.each.user, "BMC user")->capture_default_str();
  serve->add_option("--password", fleet.each.password, "BMC password")->capture_default_str();
  serve->add_option("--install-ms", install_ms, "how long an install takes")->capture_default_str();
  serve->add_option("--reply-delay-ms", reply_delay_ms, "added to each Redfish answer")
      ->capture_default_str();
  auto* inventory = app.add_subcommand("inventory", "print the Server objects for `metalmesh apply`");
  common(inventory);
  CLI11_PARSE(app, argc, argv);

  fleet.each.install_time = std::chrono::milliseconds(install_ms);
  options.reply_delay = std::chrono::milliseconds(reply_delay_ms);
  auto built = Fleet::build(fleet);
  if (!built) {
    std::cerr << "metalmesh-bmcsim: " << built.error().message << "\n";
    return 2;
  }
  if (inventory->parsed()) {
    std::cout << built->inventory(fleet);
    return 0;
  }
  std::signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  curl_global_init(CURL_GLOBAL_DEFAULT);
  Simulation simulation(*std::move(built), options);
  if (auto listening = simulation.listen(); !listening) {
    std::cerr << "metalmesh-bmcsim: " << listening.error().message << "\n";
    return 1;
  }
  std::cout << "ready control=127.0.0.1:" << simulation.control_port() << " bmcs=" << fleet.count
            << " first=https://" << fleet.first_address << ":" << fleet.port << std::endl;
  simulation.run();
  return 0;
}
