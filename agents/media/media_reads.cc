// What of the media is read, and who waited too long.
#include <algorithm>
#include <utility>

#include "agents/media/media_core.h"
#include "common/base/planted.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t most_unreadable = 1024;
constexpr Duration keep_every = std::chrono::milliseconds(50);

}  // namespace

MediaOutcome MediaCore::on_sent(ConnId conn, std::uint64_t bytes, const Now& now) {
  MediaOutcome out;
  const auto found = streams_.find(conn);
  if (found == streams_.end()) return out;
  Stream& stream = found->second;
  Entry& entry = mounts_.at(stream.token);
  while (bytes > 0 && stream.at < stream.parts.size()) {
    const SentPart& part = stream.parts[stream.at];
    const std::uint64_t counted = std::min(bytes, part.range.length - stream.sent);
    if (stream.of_packages)
      entry.reads.package_served(counted);
    else if (part.of_content)
      entry.reads.served({part.range.offset + stream.sent, counted}, stream.peer);
    bytes -= counted;
    stream.sent += counted;
    if (stream.sent < part.range.length) break;
    ++stream.at;
    stream.sent = 0;
  }
  if (seal_when_booted(entry)) keep_reads(stream.token, entry, now, out);
  if (stream.cut_short && stream.at == stream.parts.size())
    at_guard_.try_emplace(conn, now.mono + limits_.waits_at_guard);
  report_reads(stream.token, entry, now, out);
  return out;
}

MediaOutcome MediaCore::on_unreadable(ConnId conn, const std::string& path, std::uint64_t offset,
                                      const std::string& why, const Now& now) {
  MediaOutcome out;
  wire::MediaEvent event;
  const auto stream = streams_.find(conn);
  if (stream != streams_.end()) {
    event.mutable_unreadable()->set_sha256(mounts_.at(stream->second.token).image);
    event.mutable_unreadable()->set_peer(stream->second.peer);
  }
  on_closed(conn);
  if (!agent_there_) return out;
  if (unreadable_told_.size() >= most_unreadable) unreadable_told_.clear();
  const auto [told, first] = unreadable_told_.try_emplace(path, now.mono);
  if (!first && now.mono - told->second < limits_.unreadable_every) return out;
  told->second = now.mono;
  event.mutable_unreadable()->set_path(path);
  event.mutable_unreadable()->set_offset(offset);
  event.mutable_unreadable()->set_detail(why);
  out.effects.emplace_back(Tell{std::move(event)});
  return out;
}

void MediaCore::on_closed(ConnId conn) {
  streams_.erase(conn);
  at_guard_.erase(conn);
  const auto waits = waiting_.find(conn);
  if (waits == waiting_.end()) return;
  if (const auto found = mounts_.find(waits->second); found != mounts_.end()) {
    std::erase_if(found->second.parked, [&](const Parked& waiting) { return waiting.request.conn == conn; });
    found->second.callers.leave(conn);
    std::erase_if(found->second.askers, [&](const Asker& asker) { return asker.request.conn == conn; });
  }
  waiting_.erase(waits);
}

MediaOutcome MediaCore::on_tick(const Now& now) {
  MediaOutcome out;
  give_up_at_guard(now, out);
  for (auto& [token, entry] : mounts_) {
    make_what_is_owed(entry, now, out);
    refuse_the_late(entry, now, out);
    report_reads(token, entry, now, out);
    if (entry.next_keep <= now.mono) keep_reads(token, entry, now, out);
  }
  return out;
}

void MediaCore::give_up_at_guard(const Now& now, MediaOutcome& out) {
  std::erase_if(at_guard_, [&](const auto& waits) {
    const auto& [conn, until] = waits;
    if (until > now.mono) return false;
    const auto stream = streams_.extract(conn);
    Entry& entry = mounts_.at(stream.mapped().token);
    entry.reads.wanted_whole(stream.mapped().peer);
    out.logs.push_back(
        {LogLevel::warning,
         "a reader wants the whole medium in one piece, before the fence may open: " + stream.mapped().peer,
         {{"deployment", entry.deployment}}});
    out.effects.emplace_back(Abort{conn});
    return true;
  });
}

void MediaCore::refuse_the_late(Entry& entry, const Now& now, MediaOutcome& out) {
  std::erase_if(entry.parked, [&](const Parked& waiting) {
    if (waiting.until > now.mono) return false;
    out.logs.push_back({LogLevel::warning,
                        "no launch verdict in time: the reader was refused",
                        {{"deployment", entry.deployment}}});
    waiting_.erase(waiting.request.conn);
    refuse_for_now(waiting.request, "no launch verdict in time", out);
    return true;
  });
  if (const auto due = entry.callers.due(); due && *due <= now.mono)
    refuse_callers(entry, "the agent did not take this call in time", out);
  if (!entry.askers.empty() && entry.askers.front().until <= now.mono)
    refuse_askers(entry, "the agent did not answer in time", out);
}

std::optional<MonoTime> MediaCore::next_due() const {
  std::optional<MonoTime> next;
  const auto consider = [&](MonoTime at) { next = next ? std::min(*next, at) : at; };
  for (const auto& [conn, until] : at_guard_) consider(until);
  for (const auto& [token, entry] : mounts_) {
    for (const Parked& waiting : entry.parked) consider(waiting.until);
    if (const auto due = entry.callers.due()) consider(*due);
    if (!entry.askers.empty()) consider(entry.askers.front().until);
    if (entry.owed) consider(entry.owed->at);
    if (const auto at = entry.reads.due(); at && agent_there_) consider(*at);
    if (owes_reads(entry)) consider(entry.next_keep);
  }
  return next;
}

/// Also when the agent is away: that is what it is for.
bool MediaCore::owes_reads(const Entry& entry) {
  return entry.state == wire::LAUNCHED && entry.reads.has_unsaved();
}

void MediaCore::keep_reads(const std::string& token, Entry& entry, const Now& now, MediaOutcome& out) {
  if (!owes_reads(entry)) return;
  auto blocks = entry.reads.unsaved();
  entry.next_keep = now.mono + keep_every;
  out.effects.emplace_back(KeepReads{token, entry.medium.etag(), blocks->at, std::move(blocks->bytes)});
}

void MediaCore::recall(const std::string& token, const std::string& etag, std::string_view blocks) {
  const auto found = mounts_.find(token);
  if (found == mounts_.end() || !found->second.usable || found->second.medium.etag() != etag) return;
  found->second.reads.recall(blocks);
  seal_when_booted(found->second);
}

bool MediaCore::seal_when_booted(Entry& entry) {
  if (entry.state != wire::LAUNCHED || planted(Defect::medium_starts_again)) return false;
  if (!entry.seal.booted(entry.reads) || !entry.seal.close()) return false;
  entry.reads.sealed();
  return true;
}

std::set<std::string> MediaCore::files_served() const {
  std::set<std::string> files;
  for (const auto& [token, entry] : mounts_) {
    if (entry.state == wire::DEAD) continue;
    if (!entry.file.empty()) files.insert(entry.file);
    if (entry.packages) files.insert(entry.packages->file);
  }
  return files;
}

void MediaCore::report_reads(const std::string& token, Entry& entry, const Now& now, MediaOutcome& out) {
  if (!agent_there_) return;  // the next report carries it
  auto reads = entry.reads.report(token, now.mono);
  if (!reads) return;
  wire::MediaEvent event;
  *event.mutable_reads() = std::move(*reads);
  out.effects.emplace_back(Tell{std::move(event)});
}

}  // namespace metalmesh::media
