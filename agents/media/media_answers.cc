// What readers and callers are answered.
#include <algorithm>
#include <utility>

#include "agents/media/http_request_head.h"
#include "agents/media/media_core.h"
#include "common/base/digest.h"
#include "common/base/planted.h"

namespace metalmesh::media {
namespace {

/// What of the content is asked for.
SeveralRanges ranges_of(const RangeChoice& choice, std::uint64_t size) {
  if (const auto* several = std::get_if<SeveralRanges>(&choice)) return *several;
  if (const auto* one = std::get_if<ByteRange>(&choice)) return {*one};
  if (std::holds_alternative<Unsatisfiable>(choice)) return {};
  return {ByteRange{0, size}};
}

/// "booted <key>"
bool shows_key(std::string_view body, const std::string& key_sha256) {
  const std::size_t blank = std::min(body.find(' '), body.size());
  const std::string_view key = body.substr(std::min(blank + 1, body.size()));
  return to_hex(sha256(key.substr(0, key.find_first_of("\r\n")))) == key_sha256;
}

}  // namespace

MediaOutcome MediaCore::on_request(MediaRequest request, const Now& now) {
  MediaOutcome out;
  on_closed(request.conn);
  answer(std::move(request), now, out);
  return out;
}

void MediaCore::answer(MediaRequest request, const Now& now, MediaOutcome& out) {
  const auto target = parse_media_target(request.path);
  if (!target || hidden(request, *target)) {
    out.effects.emplace_back(plain_reply(request, 404, "nothing is served at this path\n"));
  } else if (target->kind == MediaTarget::Kind::callback) {
    answer_callback(std::move(request), target->token, now, out);
  } else if (target->kind == MediaTarget::Kind::check) {
    answer_check(std::move(request), target->token, now, out);
  } else if (target->kind == MediaTarget::Kind::packages) {
    answer_packages(request, *target, out);
  } else {
    answer_mount(std::move(request), target->token, now, out);
  }
}

/// What a listener without TLS does not serve is not there for whoever comes over it.
bool MediaCore::hidden(const MediaRequest& request, const MediaTarget& target) const {
  switch (request.door) {
    case Door::media:
      return false;
    case Door::packages:
      return target.kind != MediaTarget::Kind::packages;
    case Door::plain:
      break;
  }
  const auto mount = mounts_.find(target.token);
  return target.kind != MediaTarget::Kind::mount || mount == mounts_.end() || !mount->second.plain;
}

void MediaCore::answer_callback(MediaRequest request, const std::string& token, const Now& now,
                                MediaOutcome& out) {
  const auto owner = callbacks_.find(token);
  if (owner == callbacks_.end()) {
    refuse_unknown(request, "unknown callback token", out);
    return;
  }
  if (request.method != "POST") {
    out.effects.emplace_back(plain_reply(request, 405, "use POST\n", {{"Allow", "POST"}}));
    return;
  }
  if (request.body.size() > limits_.callback_bytes) {
    out.effects.emplace_back(plain_reply(request, 413, "the body may have at most 4096 bytes\n"));
    return;
  }
  Entry& entry = mounts_.at(owner->second);
  if (!entry.calls.lets(request.peer)) return refuse_stranger(request, owner->second, true, entry.calls, out);
  if (!entry.caller_key.empty() && !shows_key(request.body, entry.caller_key))
    return refuse_stranger(request, owner->second, true, entry.calls, out);
  if (entry.state != wire::LAUNCHED && entry.state != wire::DEAD) {
    out.effects.emplace_back(
        plain_reply(request, 409, "nothing was installed yet: this call does not count\n"));
    out.logs.push_back({LogLevel::warning,
                        "a callback came before anything was launched; ignored",
                        {{"deployment", entry.deployment}}});
    return;
  }
  if (entry.callers.taken()) {
    out.effects.emplace_back(plain_reply(request, 204, ""));
    return;
  }
  if (!agent_there_) {
    refuse_for_now(request, "nobody would hear of this call now: call again", out);
    return;
  }
  if (entry.callers.waiting() >= limits_.parked_per_mount) {
    refuse_for_now(request, "too many calls wait for the agent", out);
    return;
  }
  wire::MediaEvent event;
  event.mutable_callback()->set_token(owner->second);
  event.mutable_callback()->set_peer(request.peer);
  event.mutable_callback()->set_body(request.body);
  waiting_[request.conn] = owner->second;
  if (entry.callers.join(std::move(request), now.mono + limits_.verdict_within))
    out.effects.emplace_back(Tell{std::move(event)});
}

void MediaCore::answer_check(MediaRequest request, const std::string& token, const Now& now,
                             MediaOutcome& out) {
  if (request.method != "POST") {
    out.effects.emplace_back(plain_reply(request, 405, "use POST\n", {{"Allow", "POST"}}));
    return;
  }
  if (request.body.size() > limits_.callback_bytes) {
    out.effects.emplace_back(plain_reply(request, 413, "the body may have at most 4096 bytes\n"));
    return;
  }
  const auto owner = checks_.find(token);
  if (owner == checks_.end()) {
    if (!knows_all_) return refuse_for_now(request, "the media are not known yet", out);
    out.effects.emplace_back(decided(request, false, "its order is over"));
    return;
  }
  Entry& entry = mounts_.at(owner->second);
  if (entry.state != wire::LAUNCHED) {
    out.effects.emplace_back(decided(request, false, "no installer of its order is to run"));
    return;
  }
  std::string digest = to_hex(sha256(request.body));
  // An answer may have been lost, and the agent gone since: who may go on unheard must hear its "no" again.
  if (const auto said = std::ranges::find(entry.said, digest, &wire::InstallerAnswer::body_sha256);
      said != entry.said.end() && !planted(Defect::go_given_once)) {
    out.effects.emplace_back(decided(request, said->go(), said->reason()));
    return;
  }
  if (!agent_there_ && planted(Defect::go_while_agent_away)) {
    out.effects.emplace_back(decided(request, true, ""));
    return;
  }
  if (!agent_there_) return refuse_for_now(request, "nobody would hear of this now", out);
  if (entry.askers.size() >= limits_.parked_per_mount)
    return refuse_for_now(request, "too many wait for the agent", out);
  if (std::ranges::find(entry.askers, digest, &Asker::digest) == entry.askers.end()) {
    wire::MediaEvent event;
    event.mutable_asked()->set_token(owner->second);
    event.mutable_asked()->set_peer(request.peer);
    event.mutable_asked()->set_body(request.body);
    out.effects.emplace_back(Tell{std::move(event)});
  }
  waiting_[request.conn] = owner->second;
  entry.askers.push_back({std::move(request), std::move(digest), now.mono + limits_.verdict_within});
}

/// In the words of common/answer/installer_check.h.
Respond MediaCore::decided(const MediaRequest& request, bool go, const std::string& reason) {
  return plain_reply(request, 200, go ? "go\n" : "no: " + reason + "\n");
}

void MediaCore::refuse_askers(Entry& entry, const std::string& why, MediaOutcome& out) {
  for (const Asker& asker : std::exchange(entry.askers, {})) {
    waiting_.erase(asker.request.conn);
    refuse_for_now(asker.request, why + ": ask again", out);
  }
}

void MediaCore::refuse_callers(Entry& entry, const std::string& why, MediaOutcome& out) {
  for (const MediaRequest& caller : entry.callers.give_up()) {
    waiting_.erase(caller.conn);
    refuse_for_now(caller, why + ": call again", out);
  }
}

void MediaCore::answer_packages(const MediaRequest& request, const MediaTarget& target, MediaOutcome& out) {
  const auto owner = packages_.find(target.token);
  if (owner == packages_.end()) return refuse_unknown(request, "unknown package tree", out);
  const Entry& entry = mounts_.at(owner->second);
  const auto answer_with = [&](int status, const std::string& text, Headers headers = {}) {
    out.effects.emplace_back(plain_reply(request, status, text, std::move(headers)));
  };
  if (entry.state == wire::DEAD)
    return answer_with(410, "the installer ended: its packages are served no more\n");
  if (request.method != "GET" && request.method != "HEAD")
    return answer_with(405, "use GET or HEAD\n", {{"Allow", "GET, HEAD"}});
  if (entry.state != wire::LAUNCHED || !entry.packages)
    return refuse_for_now(request, "no installer runs that would need packages", out);
  auto found = look_up(*entry.packages, request, target.path);
  if (auto* reply = std::get_if<Respond>(&found)) {
    out.effects.emplace_back(std::move(*reply));
    return;
  }
  const auto& content = std::get<ServedContent>(found);
  if (auto early = precondition_reply(request, content)) {
    out.effects.emplace_back(std::move(*early));
    return;
  }
  serve(request, choice_of(request, content), content, entry.patience,
        {.token = owner->second, .peer = request.peer, .parts = {}, .of_packages = true}, out);
}

void MediaCore::answer_mount(MediaRequest request, const std::string& token, const Now& now,
                             MediaOutcome& out) {
  const auto found = mounts_.find(token);
  if (found == mounts_.end()) {
    refuse_unknown(request, "unknown medium", out);
    return;
  }
  Entry& entry = found->second;
  if (!entry.readers.lets(request.peer)) return refuse_stranger(request, token, false, entry.readers, out);
  if (entry.state == wire::DEAD) {
    out.effects.emplace_back(plain_reply(request, 410, "this medium is no longer served\n"));
    return;
  }
  if (request.method != "GET" && request.method != "HEAD") {
    out.effects.emplace_back(plain_reply(request, 405, "use GET or HEAD\n", {{"Allow", "GET, HEAD"}}));
    return;
  }
  if (!entry.usable) {
    refuse_for_now(request, "this medium is not ready", out);
    return;
  }
  const ServedContent content{entry.medium.size(), entry.medium.etag(), entry.file,
                              [&](const ByteRange& range) { return entry.seal.over(entry.medium, range); },
                              entry.state == wire::LAUNCHED};
  if (auto early = precondition_reply(request, content)) {
    out.effects.emplace_back(std::move(*early));
    return;
  }
  const RangeChoice choice = choice_of(request, content);
  const SeveralRanges wanted = ranges_of(choice, entry.medium.size());
  const bool reads_content = request.method == "GET" && !std::holds_alternative<Unsatisfiable>(choice);
  const bool guarded =
      std::ranges::any_of(wanted, [&](const ByteRange& range) { return touches(entry.guarded, range); });
  if (reads_content && entry.seal.withholds(wanted)) entry.reads.start_refused(request.peer);
  const bool served = entry.state == wire::LAUNCHED || planted(Defect::fence_always_open);
  const bool plain = std::holds_alternative<WholeContent>(choice) && !entry.guarded.empty() &&
                     entry.guarded.front().offset > 0;
  if (served || !reads_content || !guarded) {
    serve(request, choice, content, served ? entry.patience : Duration(),
          {.token = token, .peer = request.peer, .parts = {}}, out);
  } else if (entry.state == wire::OPEN) {
    park(std::move(request), token, entry, now, out);
  } else if (plain) {
    serve_beginning(request, content, entry, {.token = token, .peer = request.peer, .parts = {}}, out);
  } else {
    entry.reads.refused_closed(request.peer);
    if (!std::exchange(entry.refusal_logged, true)) {
      out.logs.push_back({LogLevel::warning,
                          "the media fence is closed: refused " + request.peer + " to read the installer",
                          {{"deployment", entry.deployment}}});
    }
    refuse_for_now(request, "the media fence is closed", out);
    report_reads(token, entry, now, out);
  }
}

void MediaCore::serve(const MediaRequest& request, const RangeChoice& choice, const ServedContent& content,
                      Duration patience, Stream stream, MediaOutcome& out) {
  ContentReply reply = reply_with(request, choice, content);
  reply.respond.patience = patience;
  if (!reply.parts.empty()) {
    stream.parts = std::move(reply.parts);
    streams_[request.conn] = std::move(stream);
  }
  out.effects.emplace_back(std::move(reply.respond));
}

/// All of it is announced, and what comes before the first guarded byte is sent.
void MediaCore::serve_beginning(const MediaRequest& request, const ServedContent& content, const Entry& entry,
                                Stream stream, MediaOutcome& out) {
  const ByteRange beginning{0, entry.guarded.front().offset};
  ContentReply reply = reply_with(request, WholeContent{}, content);
  reply.respond.segments = content.segments(beginning);
  reply.respond.cut_short = true;
  stream.parts = {{beginning}};
  stream.cut_short = true;
  streams_[request.conn] = std::move(stream);
  out.effects.emplace_back(std::move(reply.respond));
}

void MediaCore::park(MediaRequest request, const std::string& token, Entry& entry, const Now& now,
                     MediaOutcome& out) {
  if (entry.parked.size() >= limits_.parked_per_mount) {
    refuse_for_now(request, "too many readers wait for the launch", out);
    return;
  }
  ask_launch(token, entry, request.peer, out);
  waiting_[request.conn] = token;
  entry.parked.push_back({std::move(request), now.mono + limits_.verdict_within});
}

void MediaCore::ask_launch(const std::string& token, Entry& entry, const std::string& peer,
                           MediaOutcome& out) {
  if (std::exchange(entry.launch_asked, true)) return;
  wire::MediaEvent event;
  event.mutable_launch_asked()->set_token(token);
  event.mutable_launch_asked()->set_peer(peer);
  out.effects.emplace_back(Tell{std::move(event)});
}

void MediaCore::refuse_stranger(const MediaRequest& request, const std::string& token, bool calls,
                                FromWhere& allowed, MediaOutcome& out) {
  out.effects.emplace_back(plain_reply(request, 403, "not for " + request.peer + "\n"));
  if (!allowed.is_news(request.peer)) return;
  wire::MediaEvent event;
  event.mutable_stranger()->set_token(token);
  event.mutable_stranger()->set_peer(request.peer);
  event.mutable_stranger()->set_callback(calls);
  out.effects.emplace_back(Tell{std::move(event)});
}

void MediaCore::refuse_unknown(const MediaRequest& request, const std::string& what,
                               MediaOutcome& out) const {
  if (!knows_all_) return refuse_for_now(request, "the media are not known yet", out);
  out.effects.emplace_back(plain_reply(request, 404, what + "\n"));
}

void MediaCore::refuse_for_now(const MediaRequest& request, const std::string& why, MediaOutcome& out) const {
  out.effects.emplace_back(
      plain_reply(request, 503, why + "\n", {{"Retry-After", std::to_string(limits_.retry_after_seconds)}}));
}

void MediaCore::answer_parked(std::vector<Parked> parked, const Now& now, MediaOutcome& out) {
  for (Parked& waiting : parked) {
    waiting_.erase(waiting.request.conn);
    answer(std::move(waiting.request), now, out);
  }
}

}  // namespace metalmesh::media
