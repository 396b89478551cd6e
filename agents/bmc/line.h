// The line to one BMC: one request at a time, sent again where it may be, and what happened told apart from
// what may have happened. It owns everything about transport: the pinned key, learned redirects, how
// connections and encodings are used, and (silence.h) for how long the BMC has been silent.
//
// A question is asked by calling `fetch` until it has the answer: the first call sends, later ones find it
// under way, and the one after the reply gets it. Whoever is called again after a restart asks anew.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agents/bmc/silence.h"
#include "agents/bmc/turn.h"
#include "agents/redfish/requests.h"
#include "agents/redfish/resources.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::bmc {

/// Whom to call, and how.
struct Peer {
  std::string name;  // of the dialogue: request ids are "<name>/<n>"
  wire::BmcTarget bmc;
  bool capture = false;  // without a pin and a CA any key is taken, pinned from then on and told
  bool resumed = false;  // an earlier life may have logged in and not lived to hear the answer
};

struct Timing {
  Duration request = std::chrono::seconds(30);
  Duration poll = std::chrono::seconds(5);
  Duration task = std::chrono::minutes(5);  // that a BMC may work on one call
};

/// How a request proves that it may be asked.
enum class Login { none, token, basic };

class Line {
 public:
  Line() = default;
  Line(Peer peer, Timing timing, std::uint64_t first_number);

  /// The answer to a request that may be repeated; nullptr while it is under way or when it cannot be had
  /// (`turn.trouble`). Silence, and answers of a BMC that is busy with itself, are repeated within the turn's
  /// patience; redirects are followed. Valid until the next call.
  const HttpReplied* fetch(Turn& turn, Ask ask, redfish::Request request);
  /// As fetch, for what is good to know and not needed: after a few answers of "server error" it gets that
  /// answer.
  const HttpReplied* fetch_if_it_can(Turn& turn, Ask ask, redfish::Request request);

  /// Sends a changing call, once. Always busy; the answer comes as `turn.settled`, and to take_answer once.
  Verdict act(Turn& turn, Ask ask, redfish::Request request);
  std::optional<Answer> take_answer(Ask ask);
  /// The answer means something else to whoever asked.
  void correct(Turn& turn, Answer answer) { settle(turn, std::move(answer)); }
  /// Polls the task of a changing call that was answered 202. Done when there is none.
  Verdict follow_task(Turn& turn);
  [[nodiscard]] bool has_task() const { return task_.has_value(); }
  void forget_task() { task_.reset(); }
  /// A reading that was answered and not taken is to be asked for anew.
  void forget_reply() { reply_path_.clear(); }
  /// Likewise the answer to a changing call.
  void forget_answers();

  /// Fold an answer in; false: it belongs to no request of this line.
  bool take(Turn& turn, const HttpReplied& reply);
  bool take(Turn& turn, const HttpFailed& failure);

  /// What this is the answer to.
  [[nodiscard]] std::optional<Ask> asked_by(const std::string& id) const {
    return flight_ && flight_->id == id ? std::optional(flight_->ask) : std::nullopt;
  }
  [[nodiscard]] bool waits() const { return flight_.has_value(); }
  /// A login is on its way, or its answer is here.
  [[nodiscard]] bool asked(Ask ask) const;
  /// This was asked, and nobody has taken the answer.
  [[nodiscard]] bool owes_answer_to(Ask ask) const {
    return (flight_ && flight_->ask == ask) || (reply_ && reply_to_ == ask && !reply_path_.empty());
  }
  /// Nothing is sent before.
  [[nodiscard]] MonoTime pause() const { return silence_.pause(); }
  void pause_until(MonoTime at) { silence_.pause_until(at); }
  /// As Silence.
  void unreadable(Turn& turn, std::string_view seen, const HttpReplied& reply) {
    silence_.unreadable(turn, seen, reply);
  }
  void readable() { silence_.readable(); }
  /// Not what is hoped for yet: asked again after a while.
  Verdict ask_later(Turn& turn);

  void log_in_with(Login login, std::string token = {});
  [[nodiscard]] Login login() const { return login_; }
  /// Nothing says that Basic is taken here: who refuses it has not called the password wrong by that.
  void guess_basic(bool guessed) { basic_guessed_ = guessed; }
  /// It was a wrong guess; told once.
  bool take_basic_missed() { return std::exchange(basic_missed_, false); }
  /// Token after token was given out and refused: there may be Basic. Told once.
  bool take_tokens_useless() { return std::exchange(tokens_useless_, false); }
  /// The session was refused since this was asked last: who answers now is open.
  bool take_lost();

  /// The key that answers; empty before the first answer.
  [[nodiscard]] const std::string& peer_key() const { return peer_key_; }
  [[nodiscard]] const wire::BmcTarget& bmc() const { return peer_.bmc; }
  [[nodiscard]] const Timing& timing() const { return timing_; }
  std::string next_id() { return peer_.name + "/" + std::to_string(next_number_++); }
  [[nodiscard]] std::uint64_t next_number() const { return next_number_; }
  /// When the request under way is answered, or has failed, at the latest.
  [[nodiscard]] std::optional<MonoTime> answer_due() const {
    return flight_ ? std::optional(flight_->sent_at + flight_->timeout) : std::nullopt;
  }
  /// Nobody could be asked for so long: that is not the BMC's silence.
  void skip(Duration gap) { silence_.skip(gap); }

  // What the map remembers.
  [[nodiscard]] const std::map<std::string, std::string>& redirects() const { return redirects_; }
  void forget_redirects() { redirects_.clear(); }
  void learn_redirect(std::string from, std::string to);
  [[nodiscard]] bool closes_connections() const { return closes_connections_; }
  void close_connections() { closes_connections_ = true; }

 private:
  struct Flight {
    std::string id;
    Ask ask{};
    redfish::Request request;
    std::string asked_path;  // before redirects
    MonoTime sent_at;
    Duration timeout{};
    int redirects = 0;
    bool needed = true;
  };
  struct Follow {
    Answer answer;
    std::string path;
    MonoTime since;
    MonoTime next_look;
  };
  const HttpReplied* ask_for(Turn& turn, Ask ask, redfish::Request request, bool needed);
  void launch(Turn& turn, Ask ask, redfish::Request request, bool needed, std::string asked_path,
              int redirects);
  bool judge_basic(Turn& turn, const HttpReplied& reply);
  bool must_change_password(Turn& turn, const Flight& flight, const HttpReplied& reply);
  bool same_peer(Turn& turn, const HttpReplied& reply);
  bool moved(Turn& turn, Flight& flight, const HttpReplied& reply);
  bool encoded_otherwise(Turn& turn, Flight& flight, const HttpReplied& reply);
  void lost_session(Turn& turn, const Flight& flight);
  void take_change(Turn& turn, const Flight& flight, const HttpReplied& reply);
  void settle(Turn& turn, Answer answer);
  void keep(const Flight& flight, const HttpReplied& reply);

  Peer peer_;
  Timing timing_;
  std::uint64_t next_number_ = 0;
  std::optional<Flight> flight_;
  std::string peer_key_;

  Login login_ = Login::none;
  std::string token_;
  int refused_tokens_ = 0;
  bool lost_ = false;
  bool basic_proven_ = false;
  bool basic_guessed_ = false;
  bool basic_missed_ = false;
  bool tokens_useless_ = false;
  bool tokens_doubted_ = false;  // that was told

  std::map<std::string, std::string> redirects_;
  bool plain_replies_ = true;  // it can send replies that are not compressed
  bool closes_connections_ = false;
  int sent_on_connection_ = 0;
  Duration longest_wait_{};  // for one answer, grows with a slow BMC

  Silence silence_;
  std::map<std::string, int> errors_;  // by path: answers of "server error" in a row

  std::optional<HttpReplied> reply_;  // to `reply_to_`, not taken yet
  Ask reply_to_{};
  std::string reply_path_;
  std::optional<Answer> answer_;  // of the last changing call, not taken yet
  std::optional<Follow> task_;
};

}  // namespace metalmesh::bmc
