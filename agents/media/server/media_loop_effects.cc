// Between the core and the world: orders and questions go in, answers, reports and what is to be remembered
// come out, and what the disk gave reaches those who waited for it.
#include "agents/media/server/loop_time.h"
#include "agents/media/server/media_loop.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t most_remembered_peers = 1024;
constexpr Duration tls_told_every = std::chrono::seconds(1);
/// What a disk loses at once, at least.
constexpr std::uint64_t failed_bytes = 4096;

}  // namespace

void MediaLoop::take_commands() {
  std::vector<wire::MediaCommand> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(commands_);
    if (renewed_) tls_ = std::move(renewed_);
    ordered_ = false;
  }
  const MonoTime now = os::boot_time();
  for (const wire::MediaCommand& command : batch) carry_out(command, now);
  core_stirred_ = true;
}

void MediaLoop::carry_out(const wire::MediaCommand& command, MonoTime now) {
  const wire::Mount& mount = command.mount();
  const bool launched_before_us = mount.state() == wire::LAUNCHED && !core_.knows(mount.token());
  apply(core_.on_command(command, as_now(now)), now);
  if (!memory_) return;
  if (launched_before_us) {
    if (const auto reads = memory_->reads(mount.token()))
      core_.recall(mount.token(), reads->etag, reads->blocks);
  }
  if (command.has_all())
    memory_->forget_reads_of_all_but({command.all().tokens().begin(), command.all().tokens().end()});
}

/// What was launched in an earlier life is served at once. Nobody has told that life about the agent of
/// today.
void MediaLoop::remember(MonoTime now) {
  wire::MediaCommand command;
  for (wire::Mount& mount : memory_->mounts()) {
    log_.write({LogLevel::info, "a launched medium is served on", {{"deployment", mount.deployment_id()}}});
    *command.mutable_mount() = std::move(mount);
    carry_out(command, now);
  }
  command.set_agent_gone(true);
  carry_out(command, now);
}

/// Mostly the answer is there at once, and what the reader was waiting for stays as it is.
void MediaLoop::ask(MediaRequest request, MonoTime now) {
  const ConnId id = request.conn;
  apply(core_.on_request(std::move(request), as_now(now)), now);
  core_stirred_ = true;
  const auto found = readers_.find(id);
  if (found != readers_.end() && found->second.connection->awaits_verdict())
    wait_for(found->second, Connection::Wait::verdict);
}

void MediaLoop::apply(MediaOutcome outcome, MonoTime now) {
  for (const LogLine& line : outcome.logs) log_.write(line);
  for (MediaEffect& effect : outcome.effects) {
    if (auto* answer = std::get_if<Respond>(&effect)) {
      respond(std::move(*answer), now);
    } else if (const auto* stop_now = std::get_if<Abort>(&effect)) {
      // For the core a response lasts until the next request: the end of it may still be in the kernel.
      const auto found = readers_.find(stop_now->conn);
      if (found != readers_.end() && found->second.connection->has_unsent()) {
        found->second.connection->abort();
        drop(stop_now->conn);
      }
    } else if (const auto* reads = std::get_if<KeepReads>(&effect)) {
      if (memory_) memory_->note(*reads);
    } else {
      sink_.deliver(MediaReported{std::move(std::get<Tell>(effect).event)});
    }
  }
}

void MediaLoop::respond(Respond respond, MonoTime now) {
  const auto found = readers_.find(respond.conn);
  if (found == readers_.end()) return;
  Connection& connection = *found->second.connection;
  std::shared_ptr<ImageFile> file;
  if (!respond.file.empty()) {
    auto open = files_.open(respond.file, respond.launched);
    if (open) {
      file = std::move(*open);
    } else {
      log_.write({LogLevel::error, "image " + open.error().message, {{"peer", connection.peer()}}});
      core_.on_closed(respond.conn);
      Respond refusal;
      refusal.conn = respond.conn;
      refusal.status = 503;
      refusal.headers = {{"Retry-After", "5"}};
      respond = std::move(refusal);
    }
  }
  const ConnId id = respond.conn;
  connection.respond(std::move(respond), std::move(file), now);
  if (connection.sends_content()) {
    pacer_.queue(connection.peer(), id);
  } else {
    runnable_.push_back(id);
  }
}

void MediaLoop::take_from_disk(MonoTime now) {
  disk_answered_ = false;
  for (const DiskReply& reply : disk_.take(now)) {
    if (!reply.why.empty() && !reply.again) {
      log_.write({LogLevel::error,
                  "image " + reply.file->path() + " cannot be read at byte " + std::to_string(reply.end()) +
                      ": " + reply.why,
                  {}});
    }
    for (const ConnId id : reply.readers) {
      const auto found = readers_.find(id);
      if (found == readers_.end() || !found->second.connection->awaits_disk()) continue;
      Connection& connection = *found->second.connection;
      if (!reply.why.empty() && connection.wanted() >= reply.end() &&
          connection.wanted() < reply.end() + failed_bytes) {
        connection.abort();  // an orderly end would make a short file of it
        apply(core_.on_unreadable(id, reply.file->path(), connection.wanted(), reply.why, as_now(now)), now);
        drop(id);
        continue;
      }
      connection.take(reply.offset, reply.bytes, now);
      pacer_.queue(connection.peer(), id);
    }
  }
}

void MediaLoop::report_tls(const std::string& peer, const std::string& detail, MonoTime now) {
  if (const auto last = tls_told_.find(peer); last != tls_told_.end() && now - last->second < tls_told_every)
    return;
  if (tls_told_.size() >= most_remembered_peers) tls_told_.clear();
  tls_told_[peer] = now;
  log_.write({LogLevel::warning, "TLS with a reader failed: " + detail, {{"peer", peer}}});
  wire::MediaEvent event;
  event.mutable_tls_refused()->set_peer(peer);
  event.mutable_tls_refused()->set_detail(detail);
  sink_.deliver(MediaReported{std::move(event)});
}

}  // namespace metalmesh::media
