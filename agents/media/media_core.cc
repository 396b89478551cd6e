#include "agents/media/media_core.h"

#include <algorithm>
#include <iterator>
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
      for (auto& [token, entry] : mounts_) refuse_callers(entry, "nobody hears of this call now", out);
      break;
    case wire::MediaCommand::kCallbackTaken:
      callback_taken(command.callback_taken(), out);
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
  if (state != wire::DEAD) {
    compose(order, entry, out);
    attach_packages(order, entry, out);
  }
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
  entry.callback_taken = false;
  refuse_callers(entry, "the medium has just changed", out);

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
  if (!composed) refuse_mount(order, entry, composed.error(), out);
}

void MediaCore::refuse_mount(const wire::Mount& order, Entry& entry, const Error& error, MediaOutcome& out) {
  entry.usable = false;
  out.logs.push_back(
      line(LogLevel::error, "the medium cannot be composed: " + error.message, entry.deployment));
  wire::MediaEvent event;
  event.mutable_refused()->set_token(order.token());
  event.mutable_refused()->set_reason(error.message);
  event.mutable_refused()->set_temporary(error.kind == ErrorKind::unavailable);
  out.effects.emplace_back(Tell{std::move(event)});
}

Result<std::shared_ptr<const PackageTree>> MediaCore::read_tree(const std::string& path,
                                                                const std::string& image) {
  if (auto known = trees_[image].lock()) return known;
  if (bases_ == nullptr) return fail(ErrorKind::unsupported, "this media server cannot read images");
  auto base = bases_->open(path);
  if (!base) return std::unexpected(base.error());
  auto tree = PackageTree::read(**base);
  if (!tree) return std::unexpected(tree.error());
  std::erase_if(trees_, [](const auto& item) { return item.second.expired(); });
  auto shared = std::make_shared<const PackageTree>(std::move(*tree));
  trees_[image] = shared;
  return shared;
}

void MediaCore::attach_packages(const wire::Mount& order, Entry& entry, MediaOutcome& out) {
  const wire::PackageTree& wanted = order.packages();
  const std::string& path = wanted.image().path();
  const std::string& image = wanted.image().sha256().empty() ? path : wanted.image().sha256();
  if (entry.packages && entry.packages->token == wanted.token() && entry.packages->image == image) return;
  if (entry.packages) packages_.erase(entry.packages->token);
  entry.packages.reset();
  if (!order.has_packages() || !entry.usable) return;
  auto tree = read_tree(path, image);
  if (tree && (!is_token(wanted.token()) ||
               packages_.try_emplace(wanted.token(), order.token()).first->second != order.token())) {
    tree = fail(ErrorKind::invalid, "its token is malformed or taken");
  }
  if (!tree) return refuse_mount(order, entry, std::move(tree.error()).with("package tree"), out);
  entry.packages = Packages{wanted.token(), image, path, std::move(*tree)};
}

void MediaCore::forget(const std::string& token, const Now& now, MediaOutcome& out) {
  const auto found = mounts_.find(token);
  if (found == mounts_.end()) return;
  abort_streams(token, out);
  std::vector<Parked> parked = std::move(found->second.parked);
  std::ranges::move(found->second.callers, std::back_inserter(parked));
  callbacks_.erase(found->second.callback_token);
  if (found->second.packages) packages_.erase(found->second.packages->token);
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
  for (auto& [token, entry] : mounts_) {
    entry.reads.tell_again();  // what was told to the life before may have died with it
    report_reads(token, entry, now, out);
  }
}

MediaOutcome MediaCore::on_request(MediaRequest request, const Now& now) {
  MediaOutcome out;
  on_closed(request.conn);
  answer(std::move(request), now, out);
  return out;
}

void MediaCore::answer(MediaRequest request, const Now& now, MediaOutcome& out) {
  const auto target = parse_media_target(request.path);
  const bool hidden = request.from_hosts && target && target->kind != MediaTarget::Kind::packages;
  if (!target || hidden) {
    out.effects.emplace_back(plain_reply(request, 404, "nothing is served at this path\n"));
  } else if (target->kind == MediaTarget::Kind::callback) {
    answer_callback(std::move(request), target->token, now, out);
  } else if (target->kind == MediaTarget::Kind::packages) {
    answer_packages(request, *target, out);
  } else {
    answer_mount(std::move(request), target->token, now, out);
  }
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
  if (rank_of(entry.state) == 0) {
    out.effects.emplace_back(
        plain_reply(request, 409, "nothing was installed yet: this call does not count\n"));
    out.logs.push_back(
        line(LogLevel::warning, "a callback came before anything was launched; ignored", entry.deployment));
    return;
  }
  if (entry.callback_taken) {
    out.effects.emplace_back(plain_reply(request, 204, ""));
    return;
  }
  if (!agent_there_) {
    refuse_for_now(request, "nobody would hear of this call now: call again", out);
    return;
  }
  if (entry.callers.size() >= limits_.parked_per_mount) {
    refuse_for_now(request, "too many calls wait for the agent", out);
    return;
  }
  if (!std::exchange(entry.callback_asked, true)) {
    wire::MediaEvent event;
    event.mutable_callback()->set_token(owner->second);
    event.mutable_callback()->set_peer(request.peer);
    event.mutable_callback()->set_body(request.body);
    out.effects.emplace_back(Tell{std::move(event)});
  }
  waiting_[request.conn] = owner->second;
  entry.callers.push_back({std::move(request), now.mono + limits_.verdict_within});
}

void MediaCore::callback_taken(const std::string& token, MediaOutcome& out) {
  const auto found = mounts_.find(token);
  if (found == mounts_.end() || !found->second.callback_asked) return;
  found->second.callback_taken = true;
  found->second.callback_asked = false;
  for (const Parked& caller : std::exchange(found->second.callers, {})) {
    waiting_.erase(caller.request.conn);
    out.effects.emplace_back(plain_reply(caller.request, 204, ""));
  }
}

void MediaCore::refuse_callers(Entry& entry, const std::string& why, MediaOutcome& out) {
  entry.callback_asked = false;
  for (const Parked& caller : std::exchange(entry.callers, {})) {
    waiting_.erase(caller.request.conn);
    refuse_for_now(caller.request, why + ": call again", out);
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
  const auto path = tree_path(target.path);
  if (!path) return answer_with(400, path.error().message + "\n");
  const PackageTree::Found found = entry.packages->tree->find(*path);
  if (const auto* directory = std::get_if<PackageTree::Directory>(&found)) {
    Respond page = plain_reply(request, 200, listing_page(*directory, request.path));
    page.headers = {{"Content-Type", "text/html; charset=utf-8"}};
    out.effects.emplace_back(std::move(page));
    return;
  }
  const auto* file = std::get_if<const IsoFile*>(&found);
  if (file == nullptr) return answer_with(404, "the image has no such file\n");
  if ((*file)->transformed) return answer_with(501, "the image holds this file compressed\n");
  const std::uint64_t place = (*file)->extents.empty() ? 0 : (*file)->extents.front().offset;
  const ServedContent content{(*file)->size,
                              "\"" + to_hex(sha256(entry.packages->image)).substr(0, 16) + "-" +
                                  std::to_string(place) + "-" + std::to_string((*file)->size) + "\"",
                              entry.packages->file,
                              [&](const ByteRange& range) { return segments_of(**file, range); },
                              entry.state == wire::LAUNCHED};
  serve(request, choice_of(request, content), content,
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
  const ServedContent content{entry.image.size(), entry.image.etag(), entry.file,
                              [&](const ByteRange& range) { return entry.image.segments(range); },
                              entry.state == wire::LAUNCHED};
  const RangeChoice choice = choice_of(request, content);
  const SeveralRanges wanted = ranges_of(choice, entry.image.size());
  const bool reads_content = request.method == "GET" && !std::holds_alternative<Unsatisfiable>(choice);
  const bool guarded =
      std::ranges::any_of(wanted, [&](const ByteRange& range) { return touches(entry.guarded, range); });
  const bool served = entry.state == wire::LAUNCHED || planted(Defect::fence_always_open);
  if (served || !reads_content || !guarded) {
    serve(request, choice, content, {.token = token, .peer = request.peer, .parts = {}}, out);
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

void MediaCore::serve(const MediaRequest& request, const RangeChoice& choice, const ServedContent& content,
                      Stream stream, MediaOutcome& out) {
  ContentReply reply = reply_with(request, choice, content);
  if (!reply.parts.empty()) {
    stream.parts = std::move(reply.parts);
    streams_[request.conn] = std::move(stream);
  }
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
  report_reads(stream.token, entry, now, out);
  return out;
}

void MediaCore::on_closed(ConnId conn) {
  streams_.erase(conn);
  const auto waits = waiting_.find(conn);
  if (waits == waiting_.end()) return;
  if (const auto found = mounts_.find(waits->second); found != mounts_.end()) {
    for (auto* list : {&found->second.parked, &found->second.callers})
      std::erase_if(*list, [&](const Parked& waiting) { return waiting.request.conn == conn; });
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
    if (!entry.callers.empty() && entry.callers.front().until <= now.mono)
      refuse_callers(entry, "the agent did not take this call in time", out);
    report_reads(token, entry, now, out);
  }
  return out;
}

std::optional<MonoTime> MediaCore::next_due() const {
  std::optional<MonoTime> next;
  const auto consider = [&](MonoTime at) { next = next ? std::min(*next, at) : at; };
  for (const auto& [token, entry] : mounts_) {
    for (const Parked& waiting : entry.parked) consider(waiting.until);
    if (!entry.callers.empty()) consider(entry.callers.front().until);
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
