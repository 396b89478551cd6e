// The machine rooms: every server of the mesh with its BMC, and the unreliable network between them and the
// agents. The hosts' ground truth is what the checkers judge by; an agent's crash changes nothing here.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/ports/input.h"
#include "tests/bmcsim/model/bmc_model.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/marks.h"
#include "tests/sim/sim_media.h"
#include "tests/sim/sim_prober.h"
#include "tests/sim/swarm.h"
#include "tests/sim/trace.h"

namespace metalmesh::sim {

/// What every password and session token of this world begins with.
inline constexpr std::string_view secret_word = "secret-";

struct Machine {
  std::string name;
  std::string address;
  std::string key_sha256;
  std::unique_ptr<bmcsim::BmcModel> model;
  MonoTime busy{};                                      // requests to one BMC run in order
  bool address_taken = false;                           // something else listens where its system is to be
  bool stuck_tray = false;                              // whatever is inserted stays inserted
  MonoTime silent_until{};                              // its BMC restarts
  std::string_view kind{};                              // the fault it has for good; empty: none
  unsigned on_connection = 0;                           // requests so far on the agent's connection to it
  std::optional<MonoTime> wakes_at;                     // when `advance` is scheduled
  std::map<std::string, std::uint64_t> refused_logins;  // by password
  bool forgotten = false;  // the agent that worked on it lost its store, and it is where it was
  bool displaced = false;  // its BMC was not always behind its address: an agent may have lost sight of it
};

/// Of a BMC's two keys the one that it shows now.
std::string shown_key(const Machine& machine);

class SimBmcs {
 public:
  using Deliver = std::function<void(Input)>;
  struct Watch {
    std::function<void(Machine&)> machine;  // after anything happened to it
    /// A media server of ours answered a host's read, or was not there (0); the host does not know yet.
    std::function<void(const Machine&, const SimMedia&, int status)> media_reply;
    /// It was said to who asks for the go of a machine's installer; a stranger asks in its place.
    std::function<void(const Machine&, const SimMedia&, const std::string& body, int status,
                       const std::string& says, bool stranger, bool lost)>
        asked = {};
  };

  SimBmcs(EventQueue& events, Trace& trace, const Swarm& swarm, Random random, Marks& marks, Watch watch);

  using Adjust = std::function<void(bmcsim::BmcOptions&)>;
  /// `address` is what orders name; machines may later swap theirs. `adjust` has the last word on what it is
  /// like.
  Machine& add(std::string name, std::string address, const Adjust& adjust = {});
  void add_media(SimMedia& media) { media_[media.address()] = &media; }
  /// The call of an agent whose credential file holds `password`; empty: it has none of that name. Those of one client
  /// to one address run one after the other.
  void start(const std::string& client, const HttpRequest& request, std::string password, Deliver deliver);
  /// The client's process ended: what waits for its turn is never sent.
  void hang_up(const std::string& client);

  /// What listens at the address that the system of this machine has, or is to have.
  [[nodiscard]] Listener listener(const std::string& machine) const;

  // ---- what happens to machines
  /// The host powers on or resets by itself.
  void self_reset(Machine& machine);
  void restart_bmc(Machine& machine);
  /// It answers what waits when it wakes.
  void freeze(Machine& machine, Duration length) {
    machine.busy = std::max(machine.busy, events_.now()) + length;
  }
  /// The mains are gone. The host goes on after `off` by itself (zero: it stays off), its BMC speaks after
  /// `away`.
  void black_out(Machine& machine, Duration off, Duration away, bool drops_media);
  void lose_medium(Machine& machine);
  void swap(const std::string& address, const std::string& other);
  /// Unplugged, carried away and plugged in again; nothing of ours survives that but its disk.
  void move(Machine& machine, const std::string& address);
  /// Another mainboard under the same serial.
  void replace_board(Machine& machine);
  /// It has a fault (tests/bmcsim/model/fault.h) from now on, and no longer.
  void set_fault(Machine& machine, std::string_view name);
  void clear_fault(Machine& machine, std::string_view name);
  void set_healthy() { healthy_ = true; }

  [[nodiscard]] std::map<std::string, Machine*>& by_address() { return by_address_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Machine>>& machines() const { return machines_; }

 private:
  struct Call {
    HttpRequest request;
    std::string password;
    Deliver deliver;
  };
  /// What one client has for one address.
  struct Line {
    std::deque<Call> waiting;
    bool asking = false;
    unsigned life = 0;  // of the client
  };
  using LineKey = std::pair<std::string, std::string>;  // client, host:port

  void ask_next(const LineKey& key);
  [[nodiscard]] std::string_view draw_kind();
  enum class Fault {
    none,
    refused,
    dropped_before,
    busy,
    conflict,
    timed_out_after,
    dropped_after,
    busy_after,
    count
  };
  Fault draw_fault(const Machine& machine);
  void arrive(const HttpRequest& request, const std::string& password, const std::string& address,
              const std::string& path, const Deliver& asker);  // null: nobody hears any more
  bmcsim::RedfishReply call(Machine& machine, const HttpRequest& request, const std::string& password,
                            const std::string& path);
  /// Why TLS with this BMC fails; nothing when it does not.
  static std::optional<HttpFailed> handshake(const Machine& machine, const HttpRequest& request);
  void unplug(Machine& machine);
  void advance(Machine& machine);
  void want(Machine& machine, const bmcsim::HostWish& wish);
  void want_go(Machine& machine, SimMedia& media, const std::string& path, const bmcsim::HostWish& wish);

  EventQueue& events_;
  Trace& trace_;
  const Swarm& swarm_;
  Random random_;
  Random kinds_;
  Marks& marks_;
  Watch watch_;
  bool healthy_ = false;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::map<std::string, Machine*> by_address_;
  std::map<std::string, SimMedia*> media_;  // by host:port
  std::map<LineKey, Line> lines_;
};

}  // namespace metalmesh::sim
