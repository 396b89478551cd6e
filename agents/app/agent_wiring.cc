#include "agents/app/agent_wiring.h"

#include <algorithm>
#include <csignal>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>

#include "agents/app/agent_config.h"
#include "agents/app/agent_recording.h"
#include "agents/app/machine_id.h"
#include "agents/app/quirk_files.h"
#include "agents/app/stop_command.h"
#include "agents/core/agent_core.h"
#include "agents/core/row_care.h"
#include "agents/core/row_check.h"
#include "agents/core/row_keys.h"
#include "agents/media/server/image_store.h"
#include "agents/media/server/media_client.h"
#include "common/adapters/asio_runtime.h"
#include "common/adapters/asio_timers.h"
#include "common/adapters/credential_file.h"
#include "common/adapters/curl_client.h"
#include "common/adapters/descriptors.h"
#include "common/adapters/ed25519_signer.h"
#include "common/adapters/family_files.h"
#include "common/adapters/flight_recorder.h"
#include "common/adapters/http_server.h"
#include "common/adapters/os_entropy.h"
#include "common/adapters/paho_bus.h"
#include "common/adapters/signals.h"
#include "common/adapters/sqlite_store.h"
#include "common/adapters/tcp_prober.h"
#include "common/delivery/topics.h"
#include "common/turn/turn.h"

namespace metalmesh::agent {
namespace {

constexpr int stopped = 0;
constexpr int failed = 1;
constexpr int misconfigured = 2;

/// What the configuration names, opened but not yet connected to anything. `--check-config` stops here.
struct Identity {
  std::string machine;
  adapters::Ed25519Signer signer;
  std::unique_ptr<adapters::KeyringVerifier> verifier;
  std::unique_ptr<adapters::CredentialFile> credentials;
};

Result<Identity> open_identity(const config::Agent& config, LogSink& log, bool checks) {
  auto machine = read_machine_id();
  if (!machine) return std::unexpected(std::move(machine.error()));
  auto signer = adapters::Ed25519Signer::from_file(config.signing_key());
  if (!signer) return std::unexpected(std::move(signer.error()).with("signingKey"));
  auto verifier = std::make_unique<adapters::KeyringVerifier>();
  if (auto added = verifier->add_file("controller", config.controller_key()); !added) {
    return std::unexpected(std::move(added.error()).with("controllerKey"));
  }
  // Installers may run that an agent must look after: it does not stay down for a file that is half written.
  using Broken = adapters::CredentialFile::Broken;
  auto credentials = adapters::CredentialFile::open(config.credentials_file(), log,
                                                    checks ? Broken::refused : Broken::empty);
  if (!credentials) return std::unexpected(std::move(credentials.error()).with("credentialsFile"));
  return Identity{std::move(*machine), std::move(*signer), std::move(verifier), std::move(*credentials)};
}

adapters::PahoBusOptions bus_options(const config::Agent& config) {
  adapters::PahoBusOptions options;
  options.uri = config.broker().url();
  options.ca_file = config.tls().ca();
  options.certificate_file = config.tls().certificate();
  options.key_file = config.tls().key();
  options.subscriptions = {topics::down(SiteName(config.site()))};
  return options;
}

media::ImageStoreOptions image_options(const config::Agent& config) {
  media::ImageStoreOptions options;
  options.folder = config.data_dir() + "/images";
  options.download.ca_file = config.image_ca();
  media::ImageSources& sources = options.download.sources;
  sources.folders.assign(config.image_sources().folders().begin(), config.image_sources().folders().end());
  sources.open.assign(config.image_sources().networks().begin(), config.image_sources().networks().end());
  return options;
}

/// How many sockets may be open towards BMCs, and towards installed systems that are probed, at a time. A
/// name that is being resolved takes some more beside its connection.
struct Sockets {
  std::size_t bmcs = 0;
  std::size_t probes = 0;
};

Result<Sockets> sockets_within(std::size_t descriptors) {
  constexpr std::size_t most_bmcs = 1024, most_probes = 256;
  auto all = adapters::connections_within(descriptors, {.own = 96, .least = 32, .most = 2 * most_bmcs});
  if (!all) return std::unexpected(std::move(all.error()));
  return Sockets{std::min(most_bmcs, *all / 2), std::min(most_probes, *all / 4)};
}

adapters::CurlClientOptions bmc_options(const config::Agent& config, std::size_t connections) {
  adapters::CurlClientOptions options;
  options.ca_file = config.bmc_ca();
  options.keep_alive = !config.bmc_keep_alive_off();
  options.connections = connections;
  return options;
}

int report(LogSink& log, const char* what, const Error& error, int exit_code) {
  log.write({LogLevel::error,
             std::string(what) + ": " + error.message,
             {{"kind", std::string(to_string(error.kind))}}});
  return exit_code;
}

/// Damaged rows are moved aside before anything is built on the others.
Status look_after_rows(adapters::SqliteStore& store, LogSink& log) {
  for (const std::string& note : store.notes()) log.write({LogLevel::error, note, {}});
  const auto care = care_for_rows(store);
  if (!care) return std::unexpected(care.error());
  for (const record::DamagedRow& row : care->found)
    log.write({LogLevel::error, "damaged row found: " + row.what(), {{"row", row.row()}}});
  return care->batch.empty() ? Status() : store.commit(care->batch);
}

}  // namespace

int run_agent(const AgentOptions& options, const std::string& version, Clock& clock, LogSink& log) {
  const adapters::Signals signals({SIGHUP});
  const auto config = load_config(options);
  if (!config) return report(log, "configuration refused", config.error(), misconfigured);
  InputQueue queue;  // outlives all that delivers to it, the watched credentials included
  auto identity = open_identity(*config, log, options.action == AgentAction::check_config);
  if (!identity) return report(log, "configuration refused", identity.error(), misconfigured);
  auto families = adapters::load_families(config->families_dir());
  if (!families) return report(log, "configuration refused", families.error(), misconfigured);
  auto quirks = load_quirks(config->quirks_dir());
  if (!quirks) return report(log, "configuration refused", quirks.error(), misconfigured);
  if (options.action == AgentAction::check_config) {
    log.write({LogLevel::info, "the configuration is good", {{"file", options.config.string()}}});
    return stopped;
  }

  const std::size_t descriptors = adapters::raise_descriptor_limit();
  const auto sockets = sockets_within(descriptors);
  if (!sockets) return report(log, "cannot run", sockets.error(), failed);
  // Orders and profiles may hold secrets, and go when their jobs are over.
  adapters::StoreOptions store_options{.wiped = {rows::job, rows::blob, rows::image}};
  if (config->disk_reserve() > 0) store_options.reserve_bytes = config->disk_reserve();
  auto store = adapters::SqliteStore::open(config->data_dir(), store_options);
  if (!store) return report(log, "cannot open the store", store.error(), failed);
  if (const Status cared = look_after_rows(**store, log); !cared)
    return report(log, "the store is refused", cared.error(), failed);
  if (const Status whole = check_rows(**store); !whole)
    return report(log, "the store is refused", whole.error(), failed);

  adapters::OsEntropy entropy;
  auto media_ca = os::read_file(config->media().ca());
  if (!media_ca) return report(log, "configuration refused", media_ca.error(), misconfigured);
  AgentSettings settings = settings_of(*config, identity->machine, version);
  settings.media_ca = std::move(*media_ca);
  settings.families = std::move(*families);
  settings.quirks = std::move(*quirks);
  adapters::FlightRecorder flight(config->recording(), config->data_dir(), config->disk_reserve(),
                                  {**store, entropy, *identity->verifier},
                                  recording_traits(*config, settings), log);
  DecisionCore& core = flight.run([&] {
    return std::make_unique<AgentCore>(**store, identity->signer, flight.verifier(), flight.entropy(),
                                       std::move(settings));
  });

  // Before anything else that may happen.
  if (auto standing = standing_stop(config->data_dir())) queue.deliver(std::move(*standing));

  // Destroyed in reverse: first what delivers inputs, last the queue they are delivered to (above).
  adapters::AsioRuntime runtime;
  adapters::AsioTimers timers(runtime, queue);
  adapters::TcpProber prober(runtime, queue, sockets->probes);
  adapters::CurlClient bmcs(bmc_options(*config, sockets->bmcs), *identity->credentials, queue);
  auto images = media::ImageStore::open(image_options(*config), queue, log);
  if (!images) return report(log, "cannot open the image store", images.error(), failed);
  media::MediaClient media(config->data_dir(), queue, log);
  auto bus = adapters::PahoBus::open(bus_options(*config), queue);
  if (!bus) return report(log, "cannot use the broker", bus.error(), misconfigured);
  identity->credentials->watch(queue);
  adapters::HttpServerOptions here;
  here.address.clear();
  here.socket = agent_socket(config->data_dir());
  here.log = &log;
  auto local = adapters::HttpServer::start(runtime, here, queue);
  if (!local) return report(log, "cannot hear stop-all", local.error(), failed);

  Ports ports;
  ports.exchanges = local->get();
  ports.bus = bus->get();
  ports.http = &bmcs;
  ports.timers = &timers;
  ports.images = images->get();
  ports.media = &media;
  ports.prober = &prober;
  ports.log = &log;
  Turn turn(core, **store, ports);
  Status ended;
  std::jthread turning([&](const std::stop_token& stop) {
    ended = turn.run(queue, clock, stop);
    adapters::Signals::turn_ended();
  });
  log.write({LogLevel::info,
             "ready",
             {{"site", config->site()},
              {"broker", config->broker().url()},
              {"dataDir", config->data_dir()},
              {"bmcConnections", std::to_string(sockets->bmcs)},
              {"descriptors", std::to_string(descriptors)},
              {"version", version}}});

  int signal = signals.wait();
  for (; signal == SIGHUP; signal = signals.wait()) {
    const Status read = identity->verifier->replace_file("controller", config->controller_key());
    log.write({read ? LogLevel::info : LogLevel::error,
               read ? "the controller's key read again"
                    : "the controller's key stays as it was: " + read.error().message,
               {{"file", config->controller_key()}}});
  }
  if (signal != adapters::Signals::turn_ended_signal)
    log.write({LogLevel::info, "stopping", {{"signal", signal == SIGTERM ? "TERM" : "INT"}}});
  turning.request_stop();
  turning.join();
  if (!ended) return report(log, "the agent cannot go on", ended.error(), failed);
  log.write({LogLevel::info, "stopped", {}});
  return stopped;
}

}  // namespace metalmesh::agent
