// One site's media server: the production decision core between the agent's messages and the BMCs' reads.
// It may be a process of its own (survives the agent) or die with the agent.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agents/media/launch_keeper.h"
#include "agents/media/media_core.h"
#include "common/base/random.h"
#include "common/ports/input.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/trace.h"

namespace metalmesh::sim {

/// The one installer image of the simulation.
inline constexpr std::uint64_t image_size = 256 * 1024;
inline constexpr std::uint64_t answer_room = 2048;
/// What it begins with: a firmware starts nothing that begins otherwise.
inline constexpr std::string_view boot_mark = "B";
/// Of an answer file that carries the lines by which an installer asks.
inline constexpr std::uint64_t answer_room_of_askers = 8192;
wire::ImageFacts image_facts(const std::string& sha256, std::uint64_t room = answer_room);

class SimMedia {
 public:
  using Answer = std::function<void(int status, std::string bytes, std::uint64_t size)>;
  /// Called when the first guarded byte of a deployment's medium leaves.
  using GuardedRead = std::function<void(const std::string& deployment)>;

  SimMedia(std::string name, EventQueue& events, Trace& trace, Random random, GuardedRead guarded);

  /// host:port of its URLs.
  [[nodiscard]] const std::string& address() const { return address_; }

  /// Its process dies. What is launched lies in the agent's folder, and is served on by the next one.
  void crash();
  /// Its machine goes down, or the folder is emptied: nothing lies there any more.
  void lose_power();
  void start();
  /// Nothing is taken, served or told for so long; what comes meanwhile waits.
  void freeze(Duration length);
  [[nodiscard]] bool running() const { return running_; }
  /// When it, or the agent that tells it what to serve, was not there last; now, while that is so.
  [[nodiscard]] MonoTime last_outage() const { return running_ && report_ ? outage_ : events_.now(); }

  /// The agent's process came up: `report` reaches that life. The server introduces itself.
  void agent_up(std::function<void(Input)> report);
  void agent_down();
  void send(const wire::MediaCommand& command);

  /// `length` 0: a plain GET, without a range; a glance goes when its beginning has come.
  void read(const std::string& path, const std::string& peer, std::uint64_t offset, std::uint64_t length,
            bool glance, Answer answer);
  /// A reader begins TLS and ends it.
  void end_tls(const std::string& peer, std::string why);
  /// An installer shows its machine.
  void ask(const std::string& path, const std::string& peer, std::string body, Answer answer);
  void callback(const std::string& path, const std::string& peer, std::function<void(int status)> answer);

 private:
  struct Reader {
    Answer answer;
    std::string token;
    std::uint64_t offset = 0;
    bool glance = false;
    bool asks = false;
  };
  void take(media::MediaOutcome outcome);
  void respond(const media::Respond& respond);
  void watch_guard(const Reader& reader, std::uint64_t served);
  void introduce();
  void carry_out(const wire::MediaCommand& command);
  void put_down(const media::LaunchKeeper::Step& step);
  void note(const media::KeepReads& reads);
  /// Calls `what` now, or when it wakes.
  void when_awake(std::function<void()> what);
  void take_request(media::MediaRequest request);
  void schedule_tick();
  [[nodiscard]] Now now() const;

  std::string name_;
  std::string address_;
  EventQueue& events_;
  Trace& trace_;
  Random random_;
  GuardedRead guarded_;
  bool running_ = false;
  unsigned life_ = 0;
  MonoTime frozen_until_{};
  media::MediaCore core_;
  // In the agent's folder.
  media::LaunchKeeper keeper_;
  std::map<std::string, wire::Mount> kept_;  // launched, by token
  std::map<std::string, media::KeepReads> reads_;
  std::function<void(Input)> report_;
  unsigned link_ = 0;  // rises when the agent comes or goes
  MonoTime link_busy_{};
  std::map<media::ConnId, Reader> readers_;
  std::map<media::ConnId, std::function<void()>>
      held_;  // wait for what was announced; called when they are cut off
  media::ConnId next_conn_ = 1;
  std::map<std::string, wire::Mount> mounts_;  // as ordered, for the watch on guarded bytes
  std::set<std::string> launched_;             // tokens whose guarded bytes left
  std::optional<MonoTime> tick_at_;
  MonoTime outage_{};
};

}  // namespace metalmesh::sim
