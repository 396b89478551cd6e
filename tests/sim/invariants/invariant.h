// One rule of the mesh, judged from outside. Each lives in the file that bears its name; the witness calls it
// with everything that happens, after the facts were updated.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/orders/order_parts.h"
#include "controller/core/operator_request.h"
#include "tests/sim/invariants/court.h"

namespace metalmesh::sim {

/// A signed frame, as its sender gave it to the broker. Only the pointer of its kind is set.
struct Frame {
  std::string_view node;
  std::string_view site;
  bool by_controller = false;
  const Publish& message;
  const SimStore& rows;  // the sender's
  const wire::Data* data = nullptr;
  const wire::Ack* ack = nullptr;
  const wire::Hello* hello = nullptr;
  const wire::Welcome* welcome = nullptr;
};
/// An event that became durable in an agent's journal.
struct Told {
  const std::string& node;
  const AgentLife& agent;
  std::uint64_t seq;
  const wire::Event& event;
};
/// An event that became durable in the controller's log.
struct Logged {
  const std::string& journal;
  std::uint64_t seq;
  const wire::Event& event;
};
/// An installer began to write a disk.
struct Wipe {
  const Machine& machine;
  std::size_t index;  // of its installs
  const bmcsim::Install& install;
  std::string node;            // the agent whose medium it is
  const orders::Parts* order;  // null when there is none
};
/// A media server of ours answered a machine, or was not there to do so (status 0).
struct MediaReply {
  const Machine& machine;
  const SimMedia& media;
  int status = 0;
};
/// What was said to whoever asks for the go of a machine's installer.
struct Asked {
  const Machine& machine;
  const std::string& body;  // what was shown
  int status = 0;           // 0: nobody was there
  const std::string& says;
  bool stranger = false;  // asked in the machine's place
  bool lost = false;      // the answer was, on its way
  bool agent_there = false;
};
/// What a person asked the controller and was granted: durable, and known to her from now on.
struct Granted {
  const controller::OperatorRequest& request;
};
/// A Redfish request leaves an agent.
struct BmcCall {
  const std::string& node;
  const HttpRequest& request;
  const SimStore& rows;
};

class Invariant {
 public:
  Invariant(std::string_view name, Court& court) : court_(court), facts_(court.facts), name_(name) {}
  Invariant(const Invariant&) = delete;
  Invariant& operator=(const Invariant&) = delete;
  virtual ~Invariant() = default;
  [[nodiscard]] std::string_view name() const { return name_; }

  virtual void on_frame(const Frame&) {}
  virtual void on_second_frame(const Frame&) {}  // of a second controller with the same identity
  virtual void on_order(const wire::Command&, const orders::Parts&) {}  // published for the first time
  virtual void on_told(const Told&) {}
  virtual void on_agent_rows(const std::string& /*node*/, const Batch&) {}
  virtual void on_link_lost(const std::string& /*node*/) {}  // it rotted: whom it followed is not known
  virtual void on_store_changed(const std::string& /*node*/) {}  // lost, or put back to an older state
  virtual void on_logged(const Logged&) {}
  virtual void on_controller_rows(const Batch&) {}
  virtual void on_controller_restored() {}
  virtual void on_guarded_read(const std::string& /*deployment*/) {}
  virtual void on_wipe(const Wipe&) {}
  virtual void on_machine(const Machine&) {}
  virtual void on_call(const BmcCall&) {}
  virtual void on_log_line(const std::string& /*node*/, std::string_view) {}
  virtual void on_bad_message(const std::string& /*node*/, bool /*ignored*/) {}
  virtual void on_quarantine_cleared(const std::string& /*site*/) {}
  virtual void on_media_reply(const MediaReply&) {}
  virtual void on_asked(const Asked&) {}
  /// A thief has the key of a site from now on.
  virtual void on_stolen(const std::string& /*site*/) {}
  virtual void on_granted(const Granted&) {}
  /// Every event that became durable anywhere is in the controller's log.
  virtual void at_quiet() {}
  virtual void at_end() {}

 protected:
  void object(std::string what) { court_.trace.violation(court_.events.now(), name_, std::move(what)); }
  void mark(std::string_view name) { court_.marks.hit(name); }
  Court& court_;
  Facts& facts_;

 private:
  std::string_view name_;
};

using Invariants = std::vector<std::unique_ptr<Invariant>>;
Invariants all_invariants(Court& court);

}  // namespace metalmesh::sim
