// The front door: HTTP exchanges in, replies out. Routes, authenticates, and hands each request to the
// endpoint that knows it; reads come from MeshState, writes go to the core as OperatorRequests.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/families/family_catalogue.h"
#include "common/ports/http_exchange.h"
#include "common/ports/store.h"
#include "common/turn/outcome.h"
#include "controller/api/access.h"
#include "controller/api/apply_stream.h"
#include "controller/api/change_stream.h"
#include "controller/api/event_stream.h"
#include "controller/api/metrics_text.h"
#include "controller/api/operate.h"
#include "controller/api/problem.h"
#include "controller/api/watched_rows.h"
#include "controller/core/controller_core.h"

namespace metalmesh::controller {

struct ApiSettings {
  std::string version = "unknown";  // of this program
  SseLimits event_streams;
  SseLimits change_streams{.most = 256};
  families::FamilyCatalogue families;
  std::string configuration;  // as it is in force, JSON; holds names of files, no secret
};

class OperatorApi {
 public:
  /// References must outlive the object.
  OperatorApi(ControllerCore& core, const RowReader& rows, Authenticator& authenticator,
              ApiSettings settings);

  /// Timers of its streams start with this.
  static constexpr std::string_view timer_prefix = "api/";

  /// Answers at once, except for streams and for what is under way. The reply is an effect: it leaves after the commit.
  void opened(const ExchangeOpened& exchange, const Now& now, Outcome& out);
  void closed(const ExchangeClosed& exchange) {
    events_.closed(exchange.id);
    changes_.closed(exchange.id);
    applies_.closed(exchange.id);
  }
  void drained(const ExchangeDrained& exchange) {
    events_.drained(exchange.id);
    changes_.drained(exchange.id);
  }
  void committed();
  void bus(bool up) { bus_up_ = up; }
  /// Streams whose callers are not any more who they were end with the next second.
  void fired(const TimerFired& timer, const Now& now, Outcome& out);
  /// What the core has done by now, by its number.
  void answered(std::uint64_t number, const OperatorResult& result, Outcome& out);
  void pump(const Now& now, Outcome& out) {
    events_.pump(now, out);
    changes_.pump(now, out);
  }

 private:
  /// Who asked, until there is an answer.
  struct Asked {
    ExchangeId exchange = 0;
    std::string method;
    std::string peer;
    ApiRequest request;
  };

  /// Fills in route, captures, query and principal, or says what is wrong with the request.
  std::expected<void, Problem> admit(const ExchangeOpened& exchange, ApiRequest& request,
                                     const Now& now) const;
  ApiResult perform(const ApiRequest& request, const Now& now, Outcome& out);
  /// Whatever endpoint it was asked at.
  [[nodiscard]] ApiReply later_reply(const ApiRequest& request, OperatorResult result) const;
  /// Of a body that comes in pieces, or of one that is all there.
  std::expected<void, Problem> take_piece(ExchangeId id, const ApiRequest& request);
  ApiResult apply_objects(const ApiRequest& request, const Operate& operate);
  void reply(const Asked& asked, ApiReply reply, Outcome& out);

  ControllerCore& core_;
  WatchedRows watched_;
  Authenticator& authenticator_;
  std::uint64_t callers_told_ = 0;  // MeshState::callers
  ApiSettings settings_;
  EventStreams events_;
  ChangeStreams changes_;
  ApplyStreams applies_;
  ExchangeId exchange_ = 0;  // that is performed
  std::map<int, std::uint64_t> replies_;
  std::multimap<std::uint64_t, Asked> waiting_;  // by the number of what is under way
  bool bus_up_ = false;
};

}  // namespace metalmesh::controller
