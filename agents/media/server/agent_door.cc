#include "agents/media/server/agent_door.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "agents/media/server/unix_socket.h"
#include "common/os/files.h"

namespace metalmesh::media {
namespace {

constexpr Duration idle = std::chrono::seconds(60);

Result<FileHandle> lock_folder(const std::string& folder) {
  auto lock = os::lock_file(folder + "/media.lock", os::Held::fail);
  if (!lock && lock.error().kind == ErrorKind::conflict)
    return fail(ErrorKind::conflict, "another process serves the media of " + folder + "; stop it first");
  return lock;
}

}  // namespace

Result<std::unique_ptr<AgentDoor>> AgentDoor::open(const std::string& folder, LogSink& log) {
  std::error_code code;
  const bool created = std::filesystem::create_directories(folder, code);
  if (code) return fail(ErrorKind::denied, "creating " + folder + ": " + code.message());
  if (created) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, code);
  auto lock = lock_folder(folder);
  if (!lock) return std::unexpected(lock.error());
  auto listener = listen_in(folder, agent_door_name);
  if (!listener) return std::unexpected(listener.error());
  return std::unique_ptr<AgentDoor>(new AgentDoor(std::move(*lock), std::move(*listener), log));
}

AgentDoor::AgentDoor(FileHandle lock, FileHandle listener, LogSink& log)
    : lock_(std::move(lock)),
      listener_(std::move(listener)),
      log_(log),
      link_([this](std::string_view message) { take(message); }, log) {}

AgentDoor::~AgentDoor() { close(); }

void AgentDoor::serve(MediaLink& server) {
  server_ = &server;
  thread_ = std::thread([this] { run(); });
}

void AgentDoor::close() {
  if (!thread_.joinable()) return;
  closing_ = true;
  link_.wake();
  thread_.join();
}

void AgentDoor::deliver(Input input) {
  const auto* reported = std::get_if<MediaReported>(&input);
  if (reported == nullptr) return;
  if (reported->event.has_up()) {
    greeting_ = reported->event;  // before `serve`
  } else {
    link_.post(reported->event);
  }
}

void AgentDoor::run() {
  pthread_setname_np(pthread_self(), "door");
  while (!closing_) {
    const bool knocks = link_.wait(listener_.get(), idle);
    if (link_.connected() && !link_.exchange()) agent_gone();
    if (knocks) let_in();
  }
}

void AgentDoor::let_in() {
  FileHandle agent(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!agent) return;
  if (link_.connected()) agent_gone();
  link_.connect(std::move(agent));
  link_.post(greeting_);
  log_.write({LogLevel::info, "the agent is there", {}});
}

void AgentDoor::take(std::string_view message) {
  MediaSend order;
  if (order.command.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    server_->send(std::move(order));
  } else {
    log_.write({LogLevel::error, "an order of the agent does not decode: ignored", {}});
  }
}

void AgentDoor::agent_gone() {
  MediaSend gone;
  gone.command.set_agent_gone(true);
  server_->send(std::move(gone));
  log_.write(
      {LogLevel::info, "the agent is gone: what is launched is served on, nothing new is launched", {}});
}

}  // namespace metalmesh::media
