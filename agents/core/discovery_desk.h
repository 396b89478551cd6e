// Which BMCs stand in the ranges that a person named: each address is looked at once (root_look.h), and where its network says
// so what answers as Redfish is logged in to, as a quiet inspection that asks who it is and nothing else (inspection_desk.h).
//
// It is slow on purpose: an address is begun every tenth of a second, and thirty-two are under way at most, so that a network of
// 256 takes half a minute and a site's works do not notice. A BMC that work of ours talks to is left alone. What was found is
// told in pieces, in the order of the addresses; a piece and how far it goes are one commit, so that a restart goes on behind it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agents/core/inspection_desk.h"
#include "agents/core/job_context.h"
#include "agents/core/root_look.h"
#include "common/hosts/address_ranges.h"
#include "schemas/record/agent.pb.h"

namespace metalmesh::agent {

class DiscoveryDesk {
 public:
  /// References must outlive it.
  DiscoveryDesk(const RowReader& rows, JobContext context, InspectionDesk& inspections);

  /// The newest question counts.
  void ask(const wire::Discover& question, const Now& now, Outcome& out);
  void stop(const wire::StopDiscovery& stopped, const Now& now, Outcome& out);
  /// Begins what may be begun. After every input.
  void review(const Now& now, Outcome& out);
  /// To a probe or a request whose id is `prefix`, `name` and, of a request, a number behind it.
  template <class Answer>
  void on_answer(const std::string& name, const Answer& answer, const Now& now, Outcome& out);
  /// Timer "discovery".
  void on_due(const Now& now, Outcome& out);
  static constexpr char prefix[] = "discover/";

 private:
  struct Place {
    RootLook look;
    std::optional<MonoTime> wake;
    std::optional<wire::FoundBmc> found;  // set: only who it is is still asked
  };
  using Places = std::map<std::size_t, Place>;

  [[nodiscard]] bool runs() const { return !row_.request().request_id().empty(); }
  void begin(const wire::Discover& question);
  void judge(std::size_t index);
  void look_at(std::size_t index, Outcome& out);
  void take(Places::iterator place, RootLook::Step step, const Now& now, Outcome& out);
  void ask_who(Places::iterator place, const std::string& credential, const Now& now, Outcome& out);
  void take_who(const wire::Inspected& seen);
  void settle(std::size_t index, std::optional<wire::FoundBmc> found) {
    done_[index] = std::move(found);
    under_way_.erase(index);
  }
  /// What is done, without a hole before it, goes into pieces.
  void tell_done(const Now& now, Outcome& out);
  void add(std::optional<wire::FoundBmc> found, const Now& now, Outcome& out);
  void tell(const Now& now, Outcome& out);
  void end(std::optional<wire::Fault> fault, const Now& now, Outcome& out);
  void leave_all(Outcome& out);
  [[nodiscard]] std::string name_of(std::size_t index) const;
  [[nodiscard]] std::optional<std::size_t> index_of(const std::string& name) const;
  [[nodiscard]] std::string address(std::size_t index) const;

  JobContext c_;
  InspectionDesk& inspections_;
  record::Discovery row_;
  hosts::AddressRanges ranges_;
  bool judged_ = false;
  std::optional<wire::Fault> refused_;  // some of it must not be asked, and so nothing more is
  Places under_way_;
  std::map<std::size_t, std::optional<wire::FoundBmc>> done_;  // and not in a piece yet; nothing: silent
  wire::Discovered piece_;
  std::size_t next_ = 0;
  MonoTime next_at_;
  std::optional<MonoTime> armed_;  // timer "discovery"
};

}  // namespace metalmesh::agent
