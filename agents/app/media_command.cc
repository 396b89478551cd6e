#include "agents/app/media_command.h"

#include <pthread.h>

#include <csignal>

#include "agents/app/agent_config.h"
#include "agents/media/server/agent_door.h"
#include "agents/media/server/media_server.h"
#include "common/adapters/descriptors.h"
#include "common/adapters/signals.h"

namespace metalmesh::agent {
namespace {

constexpr int stopped = 0;
constexpr int failed = 1;
constexpr int misconfigured = 2;

int report(LogSink& log, const char* what, const Error& error, int exit_code) {
  log.write({LogLevel::error, std::string(what) + ": " + error.message, {}});
  return exit_code;
}

media::MediaServerOptions server_options(const config::Media& media, const std::string& data_dir,
                                         std::size_t connections) {
  media::MediaServerOptions options;
  options.connections = connections;
  options.listen = media.listen();
  options.certificate = media.certificate();
  options.key = media.key();
  options.tls = !media.plain_http();
  options.bandwidth = media.bandwidth();
  options.packages_listen = media.packages_listen();
  options.plain_listen = media.plain_listen();
  options.memory = data_dir;
  return options;
}

}  // namespace

int serve_media_command(const AgentOptions& options, LogSink& log) {
  const adapters::Signals signals({SIGHUP});
  ::pthread_setname_np(::pthread_self(), "metalmesh-media");  // `ps` and `pkill` tell it from the agent
  const auto config = load_media_config(options);
  if (!config) return report(log, "configuration refused", config.error(), misconfigured);
  const std::size_t descriptors = adapters::raise_descriptor_limit();
  // Own: the agent, listeners, log, and images, each of which stays open while it is read.
  const auto connections = adapters::connections_within(
      descriptors, {.own = 64, .least = 32, .most = media::MediaServerOptions().connections});
  if (!connections) return report(log, "cannot run", connections.error(), failed);
  auto door = media::AgentDoor::open(config->data_dir(), log);
  if (!door) return report(log, "cannot let the agent in", door.error(), failed);
  auto server = media::MediaServer::start(server_options(config->media(), config->data_dir(), *connections),
                                          **door, log);
  if (!server) return report(log, "cannot serve media", server.error(), failed);
  (*door)->serve(**server);
  log.write({LogLevel::info,
             "ready",
             {{"media", (*server)->address()},
              {"dataDir", config->data_dir()},
              {"connections", std::to_string(*connections)},
              {"descriptors", std::to_string(descriptors)}}});
  int signal = signals.wait();
  for (; signal == SIGHUP; signal = signals.wait()) {
    const Status read = (*server)->read_certificate_again();
    log.write({read ? LogLevel::info : LogLevel::error,
               read ? "certificate read again" : "the certificate stays as it was: " + read.error().message,
               {}});
  }
  log.write({LogLevel::info, "stopping", {{"signal", signal == SIGTERM ? "TERM" : "INT"}}});
  (*door)->close();  // it hands orders to the server
  return stopped;
}

}  // namespace metalmesh::agent
