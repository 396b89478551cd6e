#include "agents/media/media_core.h"

#include <algorithm>
#include <set>

#include "agents/media/http_request_head.h"
#include "agents/media/mount_url.h"
#include "agents/media/patch/compose.h"
#include "common/base/digest.h"
#include "common/base/planted.h"

namespace metalmesh::media {
namespace {

/// Rank in the life of a mount: LAUNCHED and DEAD are never left backwards.
int rank_of(wire::MountState state) {
  switch (state) {
    case wire::LAUNCHED:
      return 1;
    case wire::DEAD:
      return 2;
    default:
      return 0;
  }
}

LogLine line(LogLevel level, std::string message, const std::string& deployment) {
  return {level, std::move(message), {{"deployment", deployment}}};
}

Respond plain(const MediaRequest& request, int status, const std::string& text, Headers headers = {}) {
  Respond respond;
  respond.conn = request.conn;
  respond.status = status;
  respond.headers = std::move(headers);
  if (status != 204) respond.headers.emplace_back("Content-Type", "text/plain");
  respond.content_length = text.size();
  if (request.method != "HEAD") respond.text = text;
  return respond;
}

constexpr char image_type[] = "application/octet-stream";

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.offset) + "-" + std::to_string(range.end() - 1) + "/" +
         std::to_string(size);
}

/// What of the content is asked for.
SeveralRanges ranges_of(const RangeChoice& choice, std::uint64_t size) {
  if (const auto* several = std::get_if<SeveralRanges>(&choice)) return *several;
  if (const auto* one = std::get_if<ByteRange>(&choice)) return {*one};
  if (std::holds_alternative<Unsatisfiable>(choice)) return {};
  return {ByteRange{0, size}};
}

/// Whatever the medium's bytes depend on. An order that only moves the fence has the same recipe.
std::string recipe_of(const wire::Mount& order) {
  wire::Mount recipe;
  *recipe.mutable_image() = order.image();
  recipe.set_answer(order.answer());
  *recipe.mutable_changes() = order.changes();
  if (order.has_second()) *recipe.mutable_second() = order.second();
  return sha256(recipe.SerializeAsString());
}

struct Composed {
  VirtualImage image;
  std::vector<ByteRange> guarded;
};

Result<Composed> compose_image(const wire::Mount& order, BaseImages* bases, const MediaLimits& limits) {
  const wire::ImageFacts& facts = order.image();
  std::unique_ptr<BlockReader> base;
  if (!order.has_second()) {
    if (facts.size() == 0 || facts.size() > limits.image_bytes) {
      return fail(ErrorKind::invalid, "image size " + std::to_string(facts.size()) + " is out of bounds");
    }
    if (facts.path().empty()) return fail(ErrorKind::invalid, "the image has no path");
  }
  if (reads_base(order)) {
    if (bases == nullptr)
      return fail(ErrorKind::unsupported, "this media server cannot change an image's files");
    auto opened = bases->open(facts.path());
    if (!opened) return std::unexpected(opened.error());
    base = std::move(*opened);
  }
  auto overlay = compose_medium(order, base.get());
  if (!overlay) return std::unexpected(overlay.error());
  Composed composed;
  composed.guarded = std::move(overlay->guarded);
  const bool on_its_own = order.has_second();
  auto image = VirtualImage::create(
      on_its_own ? 0 : facts.size(),
      on_its_own ? std::string("second") : (facts.sha256().empty() ? facts.path() : facts.sha256()),
      std::move(*overlay));
  if (!image) return std::unexpected(image.error());
  composed.image = std::move(*image);
  return composed;
}

}  // namespace

MediaOutcome MediaCore::on_command(const wire::MediaCommand& command, const Now& now) {
  MediaOutcome out;
  switch (command.body_case()) {
    case wire::MediaCommand::kMount:
      mount(command.mount(), now, out);
      break;
    case wire::MediaCommand::kForget:
      forget(command.forget(), now, out);
      break;
    case wire::MediaCommand::kVerdict:
      verdict(command.verdict(), now, out);
      break;
    case wire::MediaCommand::kAll:
      all_mounts(command.all(), now, out);
      break;
    case wire::MediaCommand::kAgentGone:
      agent_there_ = false;
      break;
    case wire::MediaCommand::BODY_NOT_SET:
      out.logs.push_back({LogLevel::error, "empty media command", {}});
      break;
  }
  return out;
}

void MediaCore::mount(const wire::Mount& order, const Now& now, MediaOutcome& out) {
  const std::string& token = order.token();
  const auto known = mounts_.find(token);
  const bool fresh = known == mounts_.end();
  if (!is_token(token) || (fresh && mounts_.size() >= limits_.mounts)) {
    out.logs.push_back(line(LogLevel::error,
                            is_token(token) ? "too many mounts: this one is not served"
                                            : "a mount's token is malformed: not served",
                            order.deployment_id()));
    return;
  }
  Entry& entry = fresh ? mounts_[token] : known->second;
  entry.deployment = order.deployment_id();

  wire::MountState state = order.state();
  if (state != wire::OPEN && rank_of(state) == 0) state = wire::CLOSED;
  if (!fresh && rank_of(state) < rank_of(entry.state)) {
    out.logs.push_back(line(LogLevel::error,
                            "ignored an order to bring a mount from " + wire::MountState_Name(entry.state) +
                                " back to " + wire::MountState_Name(state),
                            entry.deployment));
    state = entry.state;
  }

  if (state == wire::DEAD) abort_streams(token, out);
  if (state != wire::DEAD) compose(order, entry, out);
  entry.state = state;
  entry.refusal_logged = false;

  if (entry.callback_token != order.callback_token()) {
    callbacks_.erase(entry.callback_token);
    entry.callback_token.clear();
  }
  if (is_token(order.callback_token()) &&
      callbacks_.try_emplace(order.callback_token(), token).first->second == token) {
    entry.callback_token = order.callback_token();
  }
  entry.callback_told = false;

  // A mount that is sent again means that the agent may have lost our question: ask again if someone waits.
  entry.launch_asked = false;
  answer_parked(std::exchange(entry.parked, {}), now, out);
}

void MediaCore::compose(const wire::Mount& order, Entry& entry, MediaOutcome& out) {
  std::string recipe = recipe_of(order);
  if (entry.usable && entry.recipe == recipe) return;
  auto composed = compose_image(order, bases_, limits_);
  const bool same = composed && entry.usable && entry.file == order.image().path() &&
                    entry.image.etag() == composed->image.etag();
  if (!same) {
    abort_streams(order.token(), out);
    entry.image = composed ? std::move(composed->image) : VirtualImage();
    entry.reads = ReadTracker(entry.image.size());
  }
  entry.usable = composed.has_value();
  entry.recipe = std::move(recipe);
  entry.file = order.has_second() ? "" : order.image().path();
  entry.guarded = composed ? std::move(composed->guarded) : std::vector<ByteRange>();
  if (composed) return;
  out.logs.push_back(
      line(LogLevel::error, "the medium cannot be composed: " + composed.error().message, entry.deployment));
  wire::MediaEvent event;
  event.mutable_refused()->set_token(order.token());
  event.mutable_refused()->set_reason(composed.error().message);
  event.mutable_refused()->set_temporary(composed.error().kind == ErrorKind::unavailable);
  out.effects.emplace_back(Tell{std::move(event)});
}

void MediaCore::forget(const std::string& token, const Now& now, MediaOutcome& out) {
  const auto found = mounts_.find(token);
  if (found == mounts_.end()) return;
  abort_streams(token, out);
  std::vector<Parked> parked = std::move(found->second.parked);
  callbacks_.erase(found->second.callback_token);
  mounts_.erase(found);
  answer_parked(std::move(parked), now, out);
}

void MediaCore::verdict(const wire::LaunchVerdict& verdict, const Now& now, MediaOutcome& out) {
  const auto found = mounts_.find(verdict.token());
  if (found == mounts_.end()) return;
  Entry& entry = found->second;
  entry.launch_asked = false;
  if (entry.state != wire::OPEN) {
    if (verdict.granted() && entry.state != wire::LAUNCHED) {
      out.logs.push_back(
          line(LogLevel::warning,
               "ignored a launch verdict for a mount that is " + wire::MountState_Name(entry.state),
               entry.deployment));
    }
    return;
  }
  std::vector<Parked> parked = std::exchange(entry.parked, {});
  if (verdict.granted()) {
    entry.state = wire::LAUNCHED;
    answer_parked(std::move(parked), now, out);
    return;
  }
  for (const Parked& waiting : parked) {
    waiting_.erase(waiting.request.conn);
    refuse_for_now(waiting.request, "the launch was refused", out);
  }
}

void MediaCore::all_mounts(const wire::AllMounts& all, const Now& now, MediaOutcome& out) {
  const std::set<std::string> named(all.tokens().begin(), all.tokens().end());
  std::vector<std::string> strangers;
  for (const auto& [token, entry] : mounts_) {
    if (named.contains(token)) continue;
    out.logs.push_back(line(LogLevel::warning,
                            "the agent no longer knows this medium: it is not served any more",
                            entry.deployment));
    strangers.push_back(token);
  }
  for (const std::string& token : strangers) forget(token, now, out);
  agent_there_ = knows_all_ = true;
  for (auto& [token, entry] : mounts_) report_reads(token, entry, now, out);
}

MediaOutcome MediaCore::on_request(MediaRequest request, const Now& now) {
  MediaOutcome out;
  on_closed(request.conn);
  answer(std::move(request), now, out);
  return out;
}

void MediaCore::answer(MediaRequest request, const Now& now, MediaOutcome& out) {
  const auto target = parse_media_target(request.path);
  if (!target) {
    out.effects.emplace_back(plain(request, 404, "nothing is served at this path\n"));
  } else if (target->kind == MediaTarget::Kind::callback) {
    answer_callback(request, target->token, out);
  } else {
    answer_mount(std::move(request), target->token, now, out);
  }
}

void MediaCore::answer_callback(const MediaRequest& request, const std::string& token, MediaOutcome& out) {
  const auto owner = callbacks_.find(token);
  if (owner == callbacks_.end()) {
    refuse_unknown(request, "unknown callback token", out);
    return;
  }
  if (request.method != "POST") {
    out.effects.emplace_back(plain(request, 405, "use POST\n", {{"Allow", "POST"}}));
    return;
  }
  if (request.body.size() > limits_.callback_bytes) {
    out.effects.emplace_back(plain(request, 413, "the body may have at most 4096 bytes\n"));
    return;
  }
  Entry& entry = mounts_.at(owner->second);
  if (rank_of(entry.state) == 0) {
    out.effects.emplace_back(plain(request, 409, "nothing was installed yet: this call does not count\n"));
    out.logs.push_back(
        line(LogLevel::warning, "a callback came before anything was launched; ignored", entry.deployment));
    return;
  }
  if (!agent_there_) {
    refuse_for_now(request, "nobody would hear of this call now: call again", out);
    return;
  }
  if (!std::exchange(entry.callback_told, true)) {
    wire::MediaEvent event;
    event.mutable_callback()->set_token(owner->second);
    event.mutable_callback()->set_peer(request.peer);
    event.mutable_callback()->set_body(request.body);
    out.effects.emplace_back(Tell{std::move(event)});
  }
  out.effects.emplace_back(plain(request, 204, ""));
}

void MediaCore::answer_mount(MediaRequest request, const std::string& token, const Now& now,
                             MediaOutcome& out) {
  const auto found = mounts_.find(token);
  if (found == mounts_.end()) {
    refuse_unknown(request, "unknown medium", out);
    return;
  }
  Entry& entry = found->second;
  if (entry.state == wire::DEAD) {
    out.effects.emplace_back(plain(request, 410, "this medium is no longer served\n"));
    return;
  }
  if (request.method != "GET" && request.method != "HEAD") {
    out.effects.emplace_back(plain(request, 405, "use GET or HEAD\n", {{"Allow", "GET, HEAD"}}));
    return;
  }
  if (!entry.usable) {
    refuse_for_now(request, "this medium is not ready", out);
    return;
  }
  RangeChoice choice = WholeContent{};
  if (request.method == "GET") {
    choice = choose_range(find_header(request.headers, "range"), find_header(request.headers, "if-range"),
                          entry.image.etag(), entry.image.size());
  }
  const SeveralRanges wanted = ranges_of(choice, entry.image.size());
  const bool reads_content = request.method == "GET" && !std::holds_alternative<Unsatisfiable>(choice);
  const bool guarded =
      std::ranges::any_of(wanted, [&](const ByteRange& range) { return touches(entry.guarded, range); });
  const bool served = entry.state == wire::LAUNCHED || planted(Defect::fence_always_open);
  if (served || !reads_content || !guarded) {
    serve(request, token, entry, choice, out);
  } else if (entry.state == wire::OPEN) {
    park(std::move(request), token, entry, now, out);
  } else {
    entry.reads.refused_closed(request.peer);
    if (!std::exchange(entry.refusal_logged, true)) {
      out.logs.push_back(line(LogLevel::warning,
                              "the media fence is closed: refused " + request.peer + " to read the installer",
                              entry.deployment));
    }
    refuse_for_now(request, "the media fence is closed", out);
    report_reads(token, entry, now, out);
  }
}

void MediaCore::serve(const MediaRequest& request, const std::string& token, Entry& entry,
                      const RangeChoice& choice, MediaOutcome& out) {
  const std::string size = std::to_string(entry.image.size());
  Headers headers = {{"Accept-Ranges", "bytes"}, {"ETag", entry.image.etag()}};
  if (std::holds_alternative<Unsatisfiable>(choice)) {
    headers.emplace_back("Content-Range", "bytes */" + size);
    out.effects.emplace_back(plain(request, 416, "the range is beyond the end\n", std::move(headers)));
    return;
  }
  Respond respond;
  respond.conn = request.conn;
  respond.status = std::holds_alternative<WholeContent>(choice) ? 200 : 206;
  respond.headers = std::move(headers);
  std::vector<Part> parts;
  if (const auto* several = std::get_if<SeveralRanges>(&choice)) {
    serve_several(entry.image, *several, respond, parts);
  } else {
    const ByteRange range = ranges_of(choice, entry.image.size()).front();
    respond.headers.emplace_back("Content-Type", image_type);
    if (respond.status == 206)
      respond.headers.emplace_back("Content-Range", content_range(range, entry.image.size()));
    respond.content_length = range.length;
    respond.segments = entry.image.segments(range);
    parts.push_back({range});
  }
  if (request.method == "GET") {
    respond.file = entry.file;
    streams_[request.conn] = {token, request.peer, std::move(parts)};
  } else {
    respond.segments.clear();
  }
  out.effects.emplace_back(std::move(respond));
}

/// The body of multipart/byteranges (RFC 9110, 14.6).
void MediaCore::serve_several(const VirtualImage& image, const SeveralRanges& ranges, Respond& respond,
                              std::vector<Part>& parts) {
  std::string boundary = "part-" + image.etag();
  std::erase(boundary, '"');
  const auto add_text = [&](std::string text) {
    respond.content_length += text.size();
    parts.push_back({{0, text.size()}, false});
    respond.segments.emplace_back(std::move(text));
  };
  for (const ByteRange& range : ranges) {
    add_text("\r\n--" + boundary + "\r\nContent-Type: " + image_type +
             "\r\nContent-Range: " + content_range(range, image.size()) + "\r\n\r\n");
    for (Segment& segment : image.segments(range)) respond.segments.push_back(std::move(segment));
    respond.content_length += range.length;
    parts.push_back({range});
  }
  add_text("\r\n--" + boundary + "--\r\n");
  respond.headers.emplace_back("Content-Type", "multipart/byteranges; boundary=" + boundary);
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

void MediaCore::refuse_unknown(const MediaRequest& request, const std::string& what,
                               MediaOutcome& out) const {
  if (!knows_all_) return refuse_for_now(request, "the media are not known yet", out);
  out.effects.emplace_back(plain(request, 404, what + "\n"));
}

void MediaCore::refuse_for_now(const MediaRequest& request, const std::string& why, MediaOutcome& out) const {
  out.effects.emplace_back(
      plain(request, 503, why + "\n", {{"Retry-After", std::to_string(limits_.retry_after_seconds)}}));
}

void MediaCore::answer_parked(std::vector<Parked> parked, const Now& now, MediaOutcome& out) {
  for (Parked& waiting : parked) {
    waiting_.erase(waiting.request.conn);
    answer(std::move(waiting.request), now, out);
  }
}

MediaOutcome MediaCore::on_sent(ConnId conn, std::uint64_t bytes, const Now& now) {
  MediaOutcome out;
  const auto found = streams_.find(conn);
  if (found == streams_.end()) return out;
  Stream& stream = found->second;
  Entry& entry = mounts_.at(stream.token);
  while (bytes > 0 && stream.at < stream.parts.size()) {
    const Part& part = stream.parts[stream.at];
    const std::uint64_t counted = std::min(bytes, part.range.length - stream.sent);
    if (part.of_image) entry.reads.served({part.range.offset + stream.sent, counted}, stream.peer);
    bytes -= counted;
    stream.sent += counted;
    if (stream.sent < part.range.length) break;
    ++stream.at;
    stream.sent = 0;
  }
  report_reads(stream.token, entry, now, out);
  return out;
}

void MediaCore::on_closed(ConnId conn) {
  streams_.erase(conn);
  const auto waits = waiting_.find(conn);
  if (waits == waiting_.end()) return;
  if (const auto found = mounts_.find(waits->second); found != mounts_.end()) {
    std::erase_if(found->second.parked, [&](const Parked& waiting) { return waiting.request.conn == conn; });
  }
  waiting_.erase(waits);
}

MediaOutcome MediaCore::on_tick(const Now& now) {
  MediaOutcome out;
  for (auto& [token, entry] : mounts_) {
    std::erase_if(entry.parked, [&](const Parked& waiting) {
      if (waiting.until > now.mono) return false;
      out.logs.push_back(
          line(LogLevel::warning, "no launch verdict in time: the reader was refused", entry.deployment));
      waiting_.erase(waiting.request.conn);
      refuse_for_now(waiting.request, "no launch verdict in time", out);
      return true;
    });
    report_reads(token, entry, now, out);
  }
  return out;
}

std::optional<MonoTime> MediaCore::next_due() const {
  std::optional<MonoTime> next;
  const auto consider = [&](MonoTime at) { next = next ? std::min(*next, at) : at; };
  for (const auto& [token, entry] : mounts_) {
    for (const Parked& waiting : entry.parked) consider(waiting.until);
    if (const auto at = entry.reads.due(); at && agent_there_) consider(*at);
  }
  return next;
}

void MediaCore::abort_streams(const std::string& token, MediaOutcome& out) {
  std::erase_if(streams_, [&](const auto& item) {
    if (item.second.token != token) return false;
    out.effects.emplace_back(Abort{item.first});
    return true;
  });
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
