// A dialogue with one BMC about one machine: the only way in which an agent talks to any BMC. Pure: answers
// are handed in, requests come out in the Turn. At most one request is under way.
//
// Each question is asked by calling it until it is `done` (or gives a pointer); `busy` means that an answer
// or the wake-up will call again, or that there is trouble. Nothing that is null, absent, unreadable or a
// server error counts as a reading.
//
// Promises: a changing call is sent once for each `act`, never repeated by itself. Once the machine has told
// a UUID or serial that contradicts the expected one, no changing call is sent any more, whatever it tells
// later. Every session is remembered until it is deleted. No secret enters.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/bmc/discovery.h"
#include "agents/bmc/identity_reader.h"
#include "agents/bmc/inventory_reader.h"
#include "agents/bmc/line.h"
#include "agents/bmc/session_keeper.h"
#include "agents/bmc/slot_reader.h"
#include "common/quirks/quirk_table.h"

namespace metalmesh::bmc {

/// What is known of BMCs before one is asked. Nobody owns it here: it must outlive the dialogue.
struct Known {
  const QuirkTable* quirks = nullptr;
  const record::BmcMap* map = nullptr;  // of this BMC
  bool resumed = false;                 // an earlier life of the agent talked to it for the same work
};

/// What a host's screen showed.
struct Screen {
  std::string picture;  // in Base64; empty: it was not to be had
  std::string why_not;  // then
  std::string words;    // and the BMC's own
};

class Dialogue {
 public:
  Dialogue() = default;
  /// `expected`: who the machine should be; empty at first contact. `left_over`: sessions of an earlier life.
  /// `first_number`: of the requests' ids; an answer to an earlier life must not pass for one of this.
  Dialogue(Peer peer, Timing timing, redfish::Identity expected, std::vector<std::string> left_over,
           std::uint64_t first_number, Known known = {});

  // ---- questions ----
  /// The root alone, without a login: who answers is known by its key.
  Verdict greet(Turn& turn) { return discovery_.read_root(turn, line_); }
  /// Root and login; sessions of an earlier life are deleted.
  Verdict open(Turn& turn);
  /// open, then the one system that can be meant.
  Verdict connect(Turn& turn);
  /// What the machine tells of itself was read and held against what is expected. Trouble: it is another one,
  /// or too little is known.
  Verdict identify(Turn& turn);
  /// All that the machine tells of itself was read; nothing is judged.
  Verdict survey(Turn& turn) { return identity_.read(turn, line_, discovery_, {}); }
  /// After survey and find_managers.
  Verdict take_inventory(Turn& turn) { return inventory_.read(turn, line_, discovery_); }
  /// As far as it was read, with the network cards.
  [[nodiscard]] wire::Inventory inventory() const;
  Verdict read_reset_values(Turn& turn) { return discovery_.read_reset_values(turn, line_); }
  Verdict find_managers(Turn& turn);
  /// After find_managers.
  Verdict read_manager_resets(Turn& turn) { return discovery_.read_manager_resets(turn, line_); }
  Verdict find_slots(Turn& turn) { return slots_.find(turn, line_, discovery_); }
  /// Likewise, whatever the map says: it knows those for a CD only.
  Verdict find_all_slots(Turn& turn) {
    slots_.look_first_at({});
    return find_slots(turn);
  }
  /// The system, or a slot, as read after the last look_again() and the last call that changed it. What
  /// another machine tells is not handed out: that is trouble.
  const redfish::System* look(Turn& turn);
  const redfish::Slot* look_at_slot(Turn& turn, const std::string& uri);
  /// The next look asks the BMC, in about `gap`. Always busy.
  Verdict look_again(Turn& turn, Duration gap);
  /// The look that look_again put off is due at `at` if that is sooner; the last call counts.
  void look_by(MonoTime at) { hurry_ = at; }
  /// Any resource, as far as it can be had: an answer of another status is one, too; nullptr while it is asked for.
  const HttpReplied* read(Turn& turn, const std::string& path) {
    return line_.fetch_if_it_can(turn, Ask::extra, redfish::get(path));
  }
  /// What the host's screen shows, where a row says how to ask: done when it is known, or cannot be had.
  Verdict see_screen(Turn& turn);
  /// Deletes all sessions of ours; `leaves`: this BMC will not be asked again soon.
  Verdict close(Turn& turn, bool leaves) { return sessions_.close(turn, line_, leaves); }

  // ---- changing calls ----
  Verdict act(Turn& turn, Ask ask, redfish::Request request);
  std::optional<Answer> take_answer(Ask ask) { return line_.take_answer(ask); }
  Verdict follow_task(Turn& turn);
  [[nodiscard]] bool has_task() const { return line_.has_task(); }
  void forget_task() { line_.forget_task(); }
  void forget_reply() { line_.forget_reply(); }
  void forget_answers() { line_.forget_answers(); }

  // ---- answers ----
  void take(Turn& turn, const HttpReplied& reply);
  void take(Turn& turn, const HttpFailed& failure);

  // ---- what is known ----
  [[nodiscard]] bool waits() const { return line_.waits(); }
  [[nodiscard]] MonoTime pause() const { return line_.pause(); }
  void pause_until(MonoTime at) { line_.pause_until(at); }
  [[nodiscard]] bool logged_in() const { return line_.login() != Login::none; }
  /// It was asked to let us in, and may have: the session is known by the answer alone.
  [[nodiscard]] bool logging_in() const { return line_.owes_answer_to(Ask::login); }
  [[nodiscard]] const std::vector<std::string>& sessions() const { return sessions_.ours(); }
  /// Where its sessions are listed; of an open one.
  [[nodiscard]] const std::string& sessions_collection() const { return discovery_.root().sessions; }
  [[nodiscard]] const std::string& peer_key() const { return line_.peer_key(); }
  [[nodiscard]] const std::optional<redfish::System>& system() const { return discovery_.system(); }
  [[nodiscard]] const std::vector<redfish::Manager>& managers() const { return discovery_.managers(); }
  [[nodiscard]] const std::vector<redfish::Slot>& slots() const { return slots_.found(); }
  [[nodiscard]] const std::optional<redfish::Slot>& slot() const { return slots_.last(); }
  [[nodiscard]] bool slot_gone() const { return slots_.gone(); }
  void forget_slot_gone() { slots_.forget_gone(); }
  void stale_slot() { slots_.stale(); }
  [[nodiscard]] bool identified() const { return identified_; }
  /// What was read of the machine's identity.
  [[nodiscard]] redfish::Identity identity() const { return identity_.seen(*discovery_.system()); }
  /// It is to be identified again before anything else is believed or done.
  void forget_identity();
  /// It contradicted what is expected of it, in this dialogue or (said by the holder) in an earlier life.
  [[nodiscard]] bool contradicted() const { return contradiction_.has_value(); }
  void hold_contradicted(std::string expected, std::string seen);

  /// The row of known peculiarities that is followed; the standard's has no name.
  [[nodiscard]] const std::string& quirks() const { return row_; }
  /// How it is asked first to let a medium go.
  [[nodiscard]] redfish::EjectForm eject_form() const {
    return ejects_bare_ ? redfish::EjectForm::bare : redfish::EjectForm::object;
  }
  /// The action that makes its slots appear; empty: they are there.
  [[nodiscard]] std::string media_enabled_by() const {
    return enable_media_.empty() || managers().empty() ? std::string()
                                                       : managers().front().uri + enable_media_;
  }
  /// A row says how it shows the host's screen.
  [[nodiscard]] bool shows_screen() const { return screen_action_.has_value(); }
  /// Of the last see_screen that was done.
  [[nodiscard]] const Screen& screen() const { return screen_; }
  /// They are looked for anew, and not for what they show alone.
  void forget_slots() { slots_ = SlotReader{}; }
  /// What a later dialogue with the same BMC need not find out again.
  [[nodiscard]] record::BmcMap draw_map() const;

  /// A number for another request of the same holder.
  std::string next_id() { return line_.next_id(); }
  [[nodiscard]] std::uint64_t next_number() const { return line_.next_number(); }
  /// When the request under way is answered, or has failed, at the latest.
  [[nodiscard]] std::optional<MonoTime> answer_due() const { return line_.answer_due(); }
  /// Nobody could be asked for so long: that is not the BMC's silence.
  void skip(Duration gap) { line_.skip(gap); }

 private:
  void after(Turn& turn);
  void use_map();
  void drop_map(Turn& turn);
  void match_root();
  void match_all();
  void follow(const config::BmcQuirks& row);
  /// What must never be: only planted.
  [[nodiscard]] bool any_will_do() const;
  Verdict await_identity(Turn& turn, const redfish::Comparison& comparison);

  Line line_;
  SessionKeeper sessions_;
  Discovery discovery_;
  IdentityReader identity_;
  InventoryReader inventory_;
  SlotReader slots_;
  redfish::Identity expected_;
  bool identified_ = false;
  std::optional<redfish::Comparison> contradiction_;
  std::optional<MonoTime> unread_since_;  // the machine tells too little of itself
  [[nodiscard]] MonoTime look_due() const { return std::min(next_look_, hurry_); }

  MonoTime next_look_;
  MonoTime hurry_ = MonoTime::max();
  Known known_;
  BmcTraits traits_;
  std::string row_;
  bool row_from_map_ = false;
  bool ejects_bare_ = false;
  std::string enable_media_;  // below the manager
  std::optional<config::ScreenAction> screen_action_;
  Screen screen_;
  bool other_key_ = false;  // than the map's
  bool by_map_ = false;     // what it says is believed, and nothing has confirmed it yet
};

}  // namespace metalmesh::bmc
