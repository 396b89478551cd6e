#include "controller/app/controller_options.h"

#include <CLI/CLI.hpp>

namespace metalmesh::controller {
namespace {

constexpr int wrong_usage = 2;

constexpr char footer[] = R"(The configuration is YAML; relative paths are relative to its file:

  dataDir: /var/lib/metalmesh/controller
  broker: {url: "mqtts://broker.example:8883"}
  tls: {ca: pki/ca.crt, certificate: pki/controller.crt, key: pki/controller.key}
  api: {listen: "0.0.0.0:8443", certificate: pki/api.crt, key: pki/api.key, tokensFile: pki/tokens}
  signingKey: pki/controller-sign.key
  siteKeysDir: pki/site-keys
  revocations: pki/crl.pem     # as the broker reads it: told before it ends
  tools: {certificate: pki/controller-tools.crt, key: pki/controller-tools.key}   # tools ask over the broker, too

"metalmesh pki init --dir DIR" makes all those keys and certificates.
What it keeps is encrypted under the key in store.key: the systemd credential of that name, else the file beside signingKey, which pki init
makes, too; --store-key names another. Another key: put it in front, as the first line, and start; then the old line may go.
A copy of what it keeps, while it runs, is made by "metalmesh backup DIR", and put back by "metalmesh-controller restore DIR".
Machines wiped within an hour, at most: limits: {perSite: 200, perActor: 200}; 2000 of each without. Beyond, starts wait.
The last inputs are recorded in dataDir/recording, secrets masked; recording: {bytes: 256MiB} or {off: true} changes that.
Signals: TERM and INT stop gracefully, HUP reads tokens, site keys and the API's certificate again: a site whose
key file is gone is not heard any more. Keys of new sites are found by themselves.
Exit codes: 0 stopped as asked, 1 failed while running, 2 wrong usage or configuration.)";

}  // namespace

std::expected<ControllerOptions, int> parse_options(int argc, const char* const* argv,
                                                    const std::string& version) {
  ControllerOptions options;
  std::string config = options.config.string();
  std::string data_dir;
  std::string store_key;
  std::string format = "text";
  std::string level = "info";

  CLI::App app("The controller of a Metalmesh: keeps the fleet, plans rollouts, serves the API.",
               "metalmesh-controller");
  app.footer(footer);
  app.set_version_flag("--version", "metalmesh-controller " + version);
  app.add_option("-c,--config", config, "Configuration file")->capture_default_str()->type_name("FILE");
  app.add_option("--data-dir", data_dir, "Folder of the store, instead of dataDir")->type_name("DIR");
  app.add_option("--store-key", store_key,
                 "Key of the store, instead of store.key: lines of 64 hex digits, the newest first")
      ->type_name("FILE");
  app.add_option("--listen", options.listen, "Address of the API, instead of api.listen")
      ->type_name("ADDRESS:PORT");
  app.add_option("--log-format", format, "How log lines are written to stderr")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--log-level", level, "Least level that is written")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app.add_flag("--check-config", options.check_config,
               "Read the configuration and all files it names, then exit");
  CLI::App* store = app.add_subcommand("store", "What the controller keeps, while it is stopped");
  store->require_subcommand(1);
  store->fallthrough();
  CLI::App* check = store->add_subcommand(
      "check", "Whether every row is whole; exit code 0: yes, 1: some are damaged, 2: it cannot be told");
  check->fallthrough();
  std::string folder;
  check->add_option("dir", folder, "A data folder, or a backup, instead of dataDir")->type_name("DIR");
  CLI::App* restore = app.add_subcommand(
      "restore", "Put a backup (\"metalmesh backup DIR\") where there is no store; the only way to do it");
  restore->fallthrough();
  restore->add_option("dir", folder, "The backup")->required()->type_name("DIR");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    return std::unexpected(app.exit(stop) == 0 ? 0 : wrong_usage);
  }
  options.check_store = check->parsed();
  options.restore = restore->parsed();
  options.folder = folder;
  options.config = config;
  options.data_dir = data_dir;
  options.store_key = store_key;
  options.log_format = adapters::parse_log_format(format).value_or(adapters::LogFormat::text);
  options.log_level = adapters::parse_log_level(level).value_or(LogLevel::info);
  return options;
}

}  // namespace metalmesh::controller
