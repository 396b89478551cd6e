// Requests of tools over the broker: the same acts as by REST, by the same rights, with the same refusals. Pure.
//
// Who asks is who the broker says: the topic's user. A request is carried out once, by its token: what became of it is
// kept with the answers to idempotency keys, in the same commit as what it did. Where the controller dies in between, nothing
// was started, and the tool, which has no answer, asks again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/ports/bus.h"
#include "common/turn/outcome.h"
#include "controller/api/access.h"
#include "controller/api/tool_pace.h"
#include "controller/api/tool_request.h"
#include "controller/core/controller_core.h"

namespace metalmesh::controller {

class ToolDesk {
 public:
  /// `core` must outlive it.
  explicit ToolDesk(ControllerCore& core, ToolPaceLimits pace = {}) : core_(core), pace_(pace) {}

  /// Once after the start of the controller.
  void started();
  void take(const MessageArrived& message, const Now& now, Outcome& out);
  /// What the core has done by now, by its number.
  void answered(std::uint64_t number, const OperatorResult& result, const Now& now, Outcome& out);
  /// With every tick: what was started here, and has ended.
  void look_for_ends(Outcome& out);

 private:
  enum class Step : std::uint8_t { apply, plan, start, done };
  struct UnderWay {
    tool_topics::Asked asked;
    rest::ToolRequest request;
    std::string digest;
    MonoTime until;  // unless the request says when
    Step step = Step::apply;
    bool repeated = false;  // meanwhile
  };

  void begin(const tool_topics::Asked& asked, rest::ToolRequest request, const Now& now, Outcome& out);
  /// Until it is answered, or waits for the core.
  void go_on(UnderWay& one, const Now& now, Outcome& out);
  [[nodiscard]] OperatorResult act(const UnderWay& one, const Now& now, Outcome& out);
  void accept(const UnderWay& one, const Now& now, Outcome& out);
  void reject(const UnderWay& one, const rest::ToolRejected& rejected, const Now& now, Outcome& out);
  void answer_again(const tool_topics::Asked& asked, const record::IdempotentAnswer& before, Outcome& out);
  void say_no(const tool_topics::Asked& asked, const rest::ToolRejected& rejected, Outcome& out) const;

  ControllerCore& core_;
  ToolPace pace_;
  std::multimap<std::uint64_t, UnderWay> under_way_;      // by the number it waits for
  std::map<std::string, std::set<std::string>> started_;  // rollout -> keys of the requests that started it
};

}  // namespace metalmesh::controller
