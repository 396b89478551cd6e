#include "agents/media/server/media_client.h"

#include <pthread.h>

#include <utility>

#include "agents/media/server/agent_door.h"
#include "agents/media/server/unix_socket.h"

namespace metalmesh::media {
namespace {

constexpr Duration idle = std::chrono::seconds(60);
/// Readers wait for the mounts of a media process that was started again.
constexpr Duration between_attempts = std::chrono::milliseconds(100);
constexpr unsigned attempts_before_telling = 30;

}  // namespace

MediaClient::MediaClient(std::string folder, Sink& sink, LogSink& log)
    : folder_(std::move(folder)),
      sink_(sink),
      log_(log),
      launched_(folder_),
      link_([this](std::string_view message) { take(message); }, log),
      thread_([this] { run(); }) {
  launched_.remove_all_but({});  // until the core has told what is launched
}

MediaClient::~MediaClient() {
  stopping_ = true;
  link_.wake();
  thread_.join();
}

void MediaClient::send(MediaSend message) {
  remember(message.command);
  link_.post(message.command);
}

void MediaClient::remember(const wire::MediaCommand& command) {
  const auto step = keeper_.on_command(command);
  if (!step) return;
  if (const auto* kept = std::get_if<LaunchKeeper::Keep>(&*step)) {
    launched_.keep(kept->mount);
  } else if (const auto* removed = std::get_if<LaunchKeeper::Remove>(&*step)) {
    launched_.remove(removed->token);
  } else {
    launched_.remove_all_but(std::get<LaunchKeeper::RemoveAllBut>(*step).tokens);
  }
}

void MediaClient::run() {
  pthread_setname_np(pthread_self(), "media link");
  while (!stopping_) {
    if (!link_.connected()) try_to_connect();
    link_.wait(-1, link_.connected() ? idle : between_attempts);
    if (!link_.connected() || link_.exchange()) continue;
    if (std::exchange(greeted_, false))  // a process that is just ending takes connections and says nothing
      log_.write({LogLevel::warning, "the media server is gone; waiting for it to be started again", {}});
  }
}

void MediaClient::try_to_connect() {
  auto socket = connect_in(folder_, agent_door_name);
  if (socket) {
    attempts_ = 0;
    return link_.connect(std::move(*socket));
  }
  if (++attempts_ != attempts_before_telling) return;
  log_.write({LogLevel::warning,
              "no media server runs for this data folder (" + socket.error().message +
                  "): nothing is installed until \"metalmesh-agent media\" runs beside this agent",
              {}});
}

void MediaClient::take(std::string_view message) {
  wire::MediaEvent event;
  if (event.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    greeted_ = greeted_ || event.has_up();
    sink_.deliver(MediaReported{std::move(event)});
  } else {
    log_.write({LogLevel::error, "a report of the media server does not decode: ignored", {}});
  }
}

}  // namespace metalmesh::media
