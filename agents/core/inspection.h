// One read-only inspection of a machine through its BMC (agents/bmc): who it is, is it on, can it take
// virtual media, which key does its BMC show. Nothing is changed but the session, which is always deleted;
// unless a person has what an earlier agent left behind taken away (leftovers.h).
//
// At first contact no key is pinned yet: what the first answer shows is told, for a person to approve, and there is no login.
// Where any key is taken (`take_any_key`), it is pinned for the rest of the dialogue.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agents/bmc/dialogue.h"
#include "agents/core/leftovers.h"
#include "agents/core/tree_walk.h"
#include "agents/work/work.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/event.pb.h"

namespace metalmesh::agent {

class Inspection {
 public:
  /// What an earlier life of the agent did of it: nothing, or it talked, and these sessions may be left behind.
  struct Earlier {
    bool talked = false;
    std::vector<std::string> sessions;
  };
  /// `name`: its HTTP requests are "<name>/<n>".
  Inspection(std::string name, wire::InspectServer request, Earlier earlier,
             const work::StageTimeouts& timeouts, const QuirkTable* quirks, std::uint64_t seed,
             const std::string& media_base = {});

  /// What to do next: send `request`, or `go_on` at `wake` at the latest, or report `result`.
  struct Step {
    std::optional<HttpRequest> request;
    std::optional<MonoTime> wake;
    std::optional<wire::Inspected> result;
    bool login_refused = false;
    bool login_accepted = false;
  };
  Step go_on(const Now& now);
  Step on_reply(const HttpReplied& reply, const Now& now);
  Step on_failure(const HttpFailed& failed, const Now& now);
  /// Whoever answers is logged in to, by the key that it shows at first.
  void take_any_key() { any_key_ = true; }
  /// All that the BMC shows is read, not only what is asked for.
  void read_everything() { walk_.emplace(); }
  /// What the host's screen shows is wanted, and not what it is made of.
  void look_at_screen() { screen_wanted_ = true; }
  /// Nobody wants to know any more: from now on it only logs out. Its result is worth nothing.
  void stop() { read_ = stopped_ = true; }

  /// Of ours, that may exist.
  [[nodiscard]] const std::vector<std::string>& sessions() const { return dialogue_.sessions(); }
  /// Once a result without a fault was reported.
  [[nodiscard]] record::BmcMap map() const { return dialogue_.draw_map(); }
  /// Likewise, where it was wanted.
  [[nodiscard]] const bmc::Screen& screen() const { return dialogue_.screen(); }

 private:
  template <class Input>
  Step take(const Input& input, const Now& now);
  [[nodiscard]] bool may_log_in() const;
  bmc::Verdict read_all(bmc::Turn& turn);
  void report();
  void fail(const bmc::Trouble& trouble);
  bmc::Verdict leave(bmc::Turn& turn);
  Step conclude(bmc::Turn& turn);

  wire::InspectServer request_;
  Duration patience_;
  Random random_;
  bmc::Dialogue dialogue_;
  Leftovers leftovers_;
  std::optional<TreeWalk> walk_;
  bool any_key_ = false;
  bool screen_wanted_ = false;
  bool reported_ = false;  // all but what the machine is made of
  bool read_ = false;      // all there is, or as far as it came
  bool stopped_ = false;
  wire::Inspected result_;
};

}  // namespace metalmesh::agent
