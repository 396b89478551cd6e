#include "tests/sim/sim_media.h"

#include <algorithm>
#include <utility>

#include "common/answer/callback_script.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t starters_size = 4096;  // at the beginning
constexpr std::uint64_t kernel_at = 64 * 1024;
constexpr std::uint64_t kernel_size = 64 * 1024;
constexpr std::uint64_t answer_at = kernel_at + kernel_size;

std::string token_of(std::string_view path) {
  const auto from = path.rfind('/') + 1;
  return std::string(path.substr(from, path.rfind('.') - from));
}

}  // namespace

wire::ImageFacts image_facts(const std::string& sha256, std::uint64_t room) {
  wire::ImageFacts facts;
  facts.set_size(image_size);
  facts.set_path("/images/" + sha256);
  facts.set_sha256(sha256);
  facts.set_volume_id("SIM");
  facts.mutable_placeholder()->set_offset(answer_at);
  facts.mutable_placeholder()->set_length(room);
  auto& kernel = *facts.add_guarded();
  kernel.set_offset(kernel_at);
  kernel.set_length(kernel_size);
  *facts.add_kernels() = kernel;
  facts.add_starters()->set_length(starters_size);
  return facts;
}

SimMedia::SimMedia(std::string name, EventQueue& events, Trace& trace, Random random, GuardedRead guarded)
    : name_(std::move(name)),
      address_(name_ + ":8443"),
      events_(events),
      trace_(trace),
      random_(random),
      guarded_(std::move(guarded)) {}

Now SimMedia::now() const { return {events_.now(), WallTime(), WallTime()}; }

void SimMedia::crash() {
  if (!running_) return;
  trace_.line(events_.now(), name_, "crash");
  running_ = false;
  ++life_;
  core_ = media::MediaCore();
  mounts_.clear();
  tick_at_.reset();
  frozen_until_ = {};
  for (auto& [conn, cut_off] : std::exchange(held_, {})) events_.after(1ms, std::move(cut_off));
  for (auto& [conn, reader] : std::exchange(readers_, {})) {
    events_.after(1ms, [answer = std::move(reader.answer)] { answer(0, {}, 0); });
  }
}

void SimMedia::lose_power() {
  crash();
  kept_.clear();
  reads_.clear();
}

void SimMedia::freeze(Duration length) {
  trace_.line(events_.now(), name_, "is frozen");
  frozen_until_ = std::max(frozen_until_, events_.now() + length);
}

void SimMedia::when_awake(std::function<void()> what) {
  if (events_.now() >= frozen_until_) return what();
  events_.at(frozen_until_, [this, what = std::move(what)]() mutable { when_awake(std::move(what)); });
}

void SimMedia::take_request(media::MediaRequest request) {
  when_awake([this, life = life_, request = std::move(request)]() mutable {
    if (running_ && life == life_) take(core_.on_request(std::move(request), now()));
  });
}

void SimMedia::start() {
  if (running_) return;
  outage_ = events_.now();
  trace_.line(events_.now(), name_, "start");
  running_ = true;
  for (const auto& [token, mount] : kept_) {
    wire::MediaCommand launched;
    *launched.mutable_mount() = mount;
    carry_out(launched);
  }
  wire::MediaCommand nobody;
  nobody.set_agent_gone(true);
  carry_out(nobody);
  introduce();
}

void SimMedia::agent_up(std::function<void(Input)> report) {
  outage_ = events_.now();
  report_ = std::move(report);
  ++link_;
  keeper_ = {};
  kept_.clear();  // until the core has told what is launched
  introduce();
}

void SimMedia::agent_down() {
  report_ = nullptr;
  ++link_;
  wire::MediaCommand gone;
  gone.set_agent_gone(true);
  send(gone);
}

void SimMedia::introduce() {
  if (!running_ || !report_) return;
  events_.after(5ms, [this, link = link_, life = life_] {
    if (link != link_ || life != life_ || !report_) return;
    MediaReported up;
    up.event.mutable_up()->set_address(address_);
    report_(std::move(up));
  });
}

void SimMedia::put_down(const media::LaunchKeeper::Step& step) {
  if (const auto* kept = std::get_if<media::LaunchKeeper::Keep>(&step)) {
    kept_[kept->mount.token()] = kept->mount;
  } else if (const auto* removed = std::get_if<media::LaunchKeeper::Remove>(&step)) {
    kept_.erase(removed->token);
  } else {
    const auto& staying = std::get<media::LaunchKeeper::RemoveAllBut>(step).tokens;
    std::erase_if(kept_, [&](const auto& item) { return !staying.contains(item.first); });
  }
}

void SimMedia::note(const media::KeepReads& reads) {
  if (reads.etag.empty()) {
    reads_.erase(reads.token);
    return;
  }
  media::KeepReads& kept = reads_[reads.token];
  if (kept.etag != reads.etag) kept = {reads.token, reads.etag, 0, {}};
  kept.blocks.resize(std::max<std::size_t>(kept.blocks.size(), reads.at + reads.blocks.size()), '\0');
  kept.blocks.replace(reads.at, reads.blocks.size(), reads.blocks);
}

void SimMedia::carry_out(const wire::MediaCommand& command) {
  const wire::Mount& mount = command.mount();
  const bool launched_before_us = mount.state() == wire::LAUNCHED && !core_.knows(mount.token());
  if (command.has_mount()) mounts_[mount.token()] = mount;
  take(core_.on_command(command, now()));
  if (const auto reads = reads_.find(mount.token()); launched_before_us && reads != reads_.end())
    core_.recall(mount.token(), reads->second.etag, reads->second.blocks);
  if (!command.has_all()) return;
  const auto& named = command.all().tokens();
  std::erase_if(reads_,
                [&](const auto& item) { return std::ranges::find(named, item.first) == named.end(); });
}

void SimMedia::send(const wire::MediaCommand& command) {
  if (const auto step = keeper_.on_command(command)) put_down(*step);
  // A Unix socket: in order, and what was written arrives even if the writer dies.
  // What ends a list of mounts, or the link, comes right behind the last thing before it.
  link_busy_ = std::max(link_busy_, events_.now());
  if (!command.has_all() && !command.agent_gone()) link_busy_ += 1ms + random_.below(5) * 1ms;
  events_.at(link_busy_, [this, life = life_, command] {
    when_awake([this, life, command] {
      if (running_ && life == life_) carry_out(command);
    });
  });
}

void SimMedia::read(const std::string& path, const std::string& peer, std::uint64_t offset,
                    std::uint64_t length, bool glance, Answer answer) {
  if (!running_) return events_.after(1ms, [answer = std::move(answer)] { answer(0, {}, 0); });
  const media::ConnId conn = next_conn_++;
  readers_[conn] = {std::move(answer), token_of(path), offset, glance};
  media::MediaRequest request;
  request.conn = conn;
  request.method = "GET";
  request.path = path;
  if (length > 0) {
    request.headers = {
        {"range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1)}};
  }
  request.peer = peer;
  take_request(std::move(request));
}

void SimMedia::end_tls(const std::string& peer, std::string why) {
  if (!running_) return;
  events_.after(2ms, [this, link = link_, peer, why = std::move(why)] {
    if (link != link_ || !report_) return;
    MediaReported refused;
    refused.event.mutable_tls_refused()->set_peer(peer);
    refused.event.mutable_tls_refused()->set_detail(why);
    report_(std::move(refused));
  });
}

void SimMedia::callback(const std::string& path, const std::string& peer, std::function<void(int)> answer) {
  if (!running_) return events_.after(1ms, [answer = std::move(answer)] { answer(0); });
  media::MediaRequest request;
  request.conn = next_conn_++;
  readers_[request.conn] = {
      [answer = std::move(answer)](int status, const std::string&, std::uint64_t) { answer(status); },
      {},
      0,
      false};
  request.method = "POST";
  request.body = answer::says_booted;
  request.path = path;
  request.peer = peer;
  take_request(std::move(request));
}

void SimMedia::ask(const std::string& path, const std::string& peer, std::string body, Answer answer) {
  if (!running_) return events_.after(1ms, [answer = std::move(answer)] { answer(0, {}, 0); });
  media::MediaRequest request;
  request.conn = next_conn_++;
  readers_[request.conn] = {.answer = std::move(answer), .token = {}, .asks = true};
  request.method = "POST";
  request.body = std::move(body);
  request.path = path;
  request.peer = peer;
  take_request(std::move(request));
}

void SimMedia::take(media::MediaOutcome outcome) {
  for (auto& effect : outcome.effects) {
    if (const auto* answer = std::get_if<media::Respond>(&effect)) {
      respond(*answer);
    } else if (const auto* abort = std::get_if<media::Abort>(&effect)) {
      if (auto held = held_.extract(abort->conn)) held.mapped()();
      if (auto reader = readers_.extract(abort->conn)) reader.mapped().answer(0, {}, 0);
    } else if (const auto* reads = std::get_if<media::KeepReads>(&effect)) {
      note(*reads);
    } else if (auto* tell = std::get_if<media::Tell>(&effect)) {
      events_.after(1ms + random_.below(3) * 1ms, [this, link = link_, event = std::move(tell->event)] {
        if (link != link_ || !report_) return;
        report_(MediaReported{event});
      });
    }
  }
  schedule_tick();
}

void SimMedia::respond(const media::Respond& respond) {
  auto reader = readers_.extract(respond.conn);
  if (!reader) return;
  const bool carries = respond.status == 206 || respond.status == 200;
  std::string bytes = reader.mapped().asks ? respond.text : std::string();
  for (const media::Segment& segment : respond.segments) {
    if (const auto* patch = std::get_if<media::SharedText>(&segment)) {
      bytes += patch->view();
    } else {
      const auto& base = std::get<media::ByteRange>(segment);
      const auto mark = std::min(base.end(), std::max(base.offset, starters_size)) - base.offset;
      bytes.append(mark, boot_mark.front());
      bytes.append(base.length - mark, '\0');
    }
  }
  if (carries && !reader.mapped().token.empty()) watch_guard(reader.mapped(), bytes.size());
  const bool waits = respond.cut_short && !reader.mapped().glance;
  auto deliver = [answer = std::move(reader.mapped().answer), status = respond.status, bytes] {
    answer(status, bytes, image_size);
  };
  if (waits) {
    held_[respond.conn] = std::move(deliver);  // until it is cut off
  } else {
    events_.after(2ms, std::move(deliver));
  }
  if (!carries) return;
  events_.after(1ms, [this, life = life_, conn = respond.conn, count = bytes.size()] {
    if (life != life_ || !running_) return;
    take(core_.on_sent(conn, count, now()));
    if (!held_.contains(conn)) core_.on_closed(conn);
  });
}

void SimMedia::watch_guard(const Reader& reader, std::uint64_t served) {
  const auto mount = mounts_.find(reader.token);
  if (mount == mounts_.end()) return;
  const auto touches = [&](const wire::ByteRange& range) {
    return reader.offset < range.offset() + range.length() && range.offset() < reader.offset + served;
  };
  const wire::ImageFacts& facts = mount->second.image();
  bool guarded = touches(facts.placeholder());
  for (const auto& range : facts.guarded()) guarded = guarded || touches(range);
  if (guarded && launched_.insert(reader.token).second) guarded_(mount->second.deployment_id());
}

void SimMedia::schedule_tick() {
  const auto due = core_.next_due();
  if (!due || (tick_at_ && *tick_at_ <= *due)) return;
  tick_at_ = due;
  events_.at(*due, [this, life = life_, due] {
    when_awake([this, life, due] {
      if (life != life_ || !running_ || tick_at_ != due) return;
      tick_at_.reset();
      take(core_.on_tick(now()));
    });
  });
}

}  // namespace metalmesh::sim
