#include "controller/app/controller_wiring.h"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "common/adapters/asio_runtime.h"
#include "common/adapters/asio_timers.h"
#include "common/adapters/descriptors.h"
#include "common/adapters/ed25519_signer.h"
#include "common/adapters/family_files.h"
#include "common/adapters/flight_recorder.h"
#include "common/adapters/http_server.h"
#include "common/adapters/os_entropy.h"
#include "common/adapters/paho_bus.h"
#include "common/adapters/revocations.h"
#include "common/adapters/rocks_backup.h"
#include "common/adapters/rocks_store.h"
#include "common/adapters/signals.h"
#include "common/adapters/zone_files.h"
#include "common/delivery/topics.h"
#include "common/turn/turn.h"
#include "controller/api/admission.h"
#include "controller/api/controller_node.h"
#include "controller/app/caller_book.h"
#include "controller/app/controller_config.h"
#include "controller/app/controller_recording.h"
#include "controller/app/store_key.h"
#include "controller/app/token_file.h"
#include "controller/app/tool_bus.h"
#include "controller/core/row_care.h"

namespace metalmesh::controller {
namespace {

constexpr char zone_folder[] = "/usr/share/zoneinfo";  // of the package tzdata
constexpr int stopped = 0;
constexpr int failed = 1;
constexpr int misconfigured = 2;
constexpr Duration stop_grace = std::chrono::seconds(5);
constexpr char admin_socket[] = "admin.sock";  // in dataDir
constexpr std::size_t least_open_tables = 32;
constexpr std::size_t tool_messages_most = 4096;  // that wait to be sent; what is beyond is dropped

/// What the configuration names, opened but not yet connected to anything. `--check-config` stops here.
struct Keys {
  adapters::Ed25519Signer signer;
  std::unique_ptr<TokenFile> tokens;
  std::shared_ptr<const adapters::RowKeys> store;
};

Result<Keys> open_keys(const ControllerOptions& options, const config::Controller& config) {
  auto signer = adapters::Ed25519Signer::from_file(config.signing_key());
  if (!signer) return std::unexpected(std::move(signer.error()).with("signingKey"));
  auto tokens = TokenFile::open(config.api().tokens_file());
  if (!tokens) return std::unexpected(std::move(tokens.error()).with("api.tokensFile"));
  auto store = open_store_key(options, config);
  if (!store) return std::unexpected(std::move(store.error()));
  return Keys{std::move(*signer), std::move(*tokens), std::move(*store)};
}

adapters::PahoBusOptions bus_options(const config::Controller& config) {
  adapters::PahoBusOptions options;
  options.uri = config.broker().url();
  options.ca_file = config.tls().ca();
  options.certificate_file = config.tls().certificate();
  options.key_file = config.tls().key();
  options.subscriptions = {std::string(topics::every_up)};
  return options;
}

/// That of tools and dashboards: none where the configuration says nothing of them.
Result<std::unique_ptr<Bus>> open_tools_bus(const config::Controller& config, Sink& sink) {
  if (config.tools().certificate().empty()) return nullptr;
  adapters::PahoBusOptions options = bus_options(config);
  options.certificate_file = config.tools().certificate();
  options.key_file = config.tools().key();
  options.subscriptions = {std::string(tool_topics::every_request)};
  options.kept_prefix = tool_topics::kept;
  options.queue = tool_messages_most;
  auto bus = adapters::PahoBus::open(std::move(options), sink);
  if (!bus) return std::unexpected(std::move(bus.error()).with("tools"));
  return std::move(*bus);
}

/// Of the descriptors: store, broker, log and listeners come first, then connections.
adapters::DescriptorNeeds needs(const adapters::StoreOptions& store) {
  adapters::DescriptorNeeds needs;
  const adapters::HttpPlaceLimits places;
  needs.own += store.open_files + places.reserved + places.local;
  return needs;
}

Result<std::unique_ptr<adapters::HttpServer>> start_server(adapters::AsioRuntime& runtime,
                                                           const config::Controller& config,
                                                           std::size_t connections, ExchangeGate& gate,
                                                           Sink& sink, LogSink& log) {
  const auto listen = parse_listen(config.api().listen());
  if (!listen) return std::unexpected(listen.error());
  adapters::HttpServerOptions options;
  options.address = listen->address;
  options.port = listen->port;
  options.certificate_file = config.api().certificate();
  options.key_file = config.api().key();
  options.socket = std::filesystem::path(config.data_dir()) / admin_socket;
  options.limits.places.ordinary = connections;
  options.limits.places.of_caller = std::max<std::size_t>(1, connections / 2);
  options.gate = &gate;
  options.log = &log;
  return adapters::HttpServer::start(runtime, options, sink);
}

std::string api_url(const config::Controller& config, std::uint16_t port) {
  const auto listen = parse_listen(config.api().listen());
  const std::string address = listen ? listen->address : std::string();
  const bool v6 = address.find(':') != std::string::npos;
  return (config.api().certificate().empty() ? "http://" : "https://") +
         (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

int report(LogSink& log, const char* what, const Error& error, int exit_code) {
  log.write({LogLevel::error,
             std::string(what) + ": " + error.message,
             {{"kind", std::string(to_string(error.kind))}}});
  return exit_code;
}

void reload(TokenFile& tokens, LogSink& log) {
  if (const auto count = tokens.reload()) {
    log.write({LogLevel::info, "tokens read again", {{"tokens", std::to_string(*count)}}});
  } else {
    log.write({LogLevel::error, "tokens stay as they were: " + count.error().message, {}});
  }
}

/// Damaged rows are moved aside before anything is built on the others.
Status look_after_rows(adapters::RocksStore& store, LogSink& log) {
  if (!store.encrypted_anew().empty()) log.write({LogLevel::info, store.encrypted_anew(), {}});
  for (const std::string& note : store.notes()) log.write({LogLevel::error, note, {}});
  for (const std::string& loss : store.losses()) log.write({LogLevel::error, loss, {}});
  const auto care = care_for_rows(store, store.losses());
  if (!care) return std::unexpected(care.error());
  for (const std::string& line : care->lines) log.write({LogLevel::error, line, {}});
  return care->batch.empty() ? Status() : store.commit(care->batch);
}

}  // namespace

int run_controller(const ControllerOptions& options, const std::string& version, Clock& clock, LogSink& log) {
  const adapters::Signals signals({SIGHUP});
  const auto config = load_config(options);
  if (!config) return report(log, "configuration refused", config.error(), misconfigured);
  auto keys = open_keys(options, *config);
  if (!keys) return report(log, "configuration refused", keys.error(), misconfigured);
  auto families = adapters::load_families();
  if (!families) return report(log, "the built-in OS families are broken", families.error(), failed);
  zones::ZoneBook zones = adapters::load_zones(
      zone_folder,
      std::chrono::floor<std::chrono::seconds>(
          zones::Seconds() +
          std::chrono::duration_cast<std::chrono::seconds>(clock.now().wall_low.time_since_epoch())),
      log);
  if (options.check_config) {
    log.write({LogLevel::info, "the configuration is good", {{"file", options.config.string()}}});
    return stopped;
  }

  adapters::StoreOptions store_options{.keys = keys->store};
  if (config->disk_reserve() > 0) store_options.reserve_bytes = config->disk_reserve();
  const std::size_t descriptors = adapters::raise_descriptor_limit();
  store_options.open_files =
      std::clamp<std::size_t>(descriptors / 4, least_open_tables, store_options.open_files);
  const auto connections = adapters::connections_within(descriptors, needs(store_options));
  if (!connections) return report(log, "cannot run", connections.error(), failed);
  auto store = adapters::RocksStore::open(config->data_dir(), store_options);
  if (!store) return report(log, "cannot open the store", store.error(), failed);
  if (const Status cared = look_after_rows(**store, log); !cared)
    return report(log, "the store is refused", cared.error(), failed);

  adapters::OsEntropy entropy;
  adapters::KeyringVerifier verifier;
  verifier.add_folder(config->site_keys_dir());
  adapters::FlightRecorder flight(config->recording(), config->data_dir(), config->disk_reserve(),
                                  {**store, entropy, verifier},
                                  recording_traits(*config, version, *families, zones), log);
  CallerBook callers(*keys->tokens);
  RecordedAuthenticator authenticator(callers, flight.recorder());
  DecisionCore& node = flight.run([&] {
    return std::make_unique<ControllerNode>(**store, keys->signer, flight.verifier(), flight.entropy(),
                                            authenticator, limits_of(*config, std::move(zones)),
                                            api_settings_of(*config, version, std::move(*families)));
  });

  // Destroyed in reverse: first what delivers inputs, last the queue they are delivered to.
  InputQueue queue({}, &ControllerNode::only_reads);
  adapters::AsioRuntime runtime;
  adapters::AsioTimers timers(runtime, queue);
  Admission admission(callers);
  auto server = start_server(runtime, *config, *connections, admission, queue, log);
  if (!server) return report(log, "cannot serve the API", server.error(), failed);
  SiteSink from_sites(queue);
  ToolSink from_tools(queue);
  auto site_bus = adapters::PahoBus::open(bus_options(*config), from_sites);
  if (!site_bus) return report(log, "cannot use the broker", site_bus.error(), misconfigured);
  auto tools_bus = open_tools_bus(*config, from_tools);
  if (!tools_bus) return report(log, "cannot use the broker", tools_bus.error(), misconfigured);
  ToolBus bus(std::move(*site_bus), std::move(*tools_bus));

  const adapters::RevocationsWatch revocations(config->revocations(), queue);
  Ports ports;
  ports.bus = &bus;
  ports.timers = &timers;
  ports.exchanges = server->get();
  adapters::RocksBackups backups(**store, config->data_dir(), version, queue);
  ports.backups = &backups;
  ports.log = &log;
  Turn turn(node, **store, ports);
  Status ended;
  std::jthread turning([&](const std::stop_token& stop) {
    ended = turn.run(queue, clock, stop);
    adapters::Signals::turn_ended();
  });
  log.write({LogLevel::info,
             "ready",
             {{"api", api_url(*config, (*server)->port())},
              {"adminSocket", config->data_dir() + "/" + admin_socket},
              {"broker", config->broker().url()},
              {"dataDir", config->data_dir()},
              {"connections", std::to_string(*connections)},
              {"descriptors", std::to_string(descriptors)},
              {"version", version}}});

  int signal = signals.wait();
  for (; signal == SIGHUP; signal = signals.wait()) {
    reload(*keys->tokens, log);
    verifier.read_folder_again();
    log.write({LogLevel::info, "site keys read again", {{"folder", config->site_keys_dir()}}});
    if (const Status read = (*server)->read_certificate_again(); !read)
      log.write({LogLevel::error, "the API's certificate stays as it was: " + read.error().message, {}});
  }
  if (signal != adapters::Signals::turn_ended_signal) {
    log.write({LogLevel::info, "stopping", {{"signal", signal == SIGTERM ? "TERM" : "INT"}}});
    (*server)->stop(stop_grace);  // the turn still runs: it answers what is open
  }
  turning.request_stop();
  turning.join();
  if (!ended) {
    if (ended.error().kind == ErrorKind::exhausted)
      ended.error().message += "; make room in dataDir and start it again";
    return report(log, "the controller cannot go on", ended.error(), failed);
  }
  log.write({LogLevel::info, "stopped", {}});
  return stopped;
}

}  // namespace metalmesh::controller
