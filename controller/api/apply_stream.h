// POST /api/v1/apply: objects of any kind, one JSON value a line (application/x-ndjson). The body comes in pieces of whole
// lines (ports/exchange_pieces.h), each is read in the turn it arrives in, and nothing is asked of the core before the last
// one: who goes away in the middle has changed nothing. What is wrong with a line is kept beside the others and told with them.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "common/ports/http_exchange.h"
#include "controller/api/api_request.h"
#include "controller/api/operate.h"
#include "controller/api/problem.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

struct ApplyLimits {
  std::size_t objects = 20'000;  // of one request
  std::size_t at_once = 4;       // requests whose bodies are not here as a whole
};

class ApplyStreams {
 public:
  explicit ApplyStreams(ApplyLimits limits = {}) : limits_(limits) {}

  /// Reads the lines of this piece. A problem ends the stream.
  std::expected<void, Problem> take(ExchangeId id, const ApiRequest& request, const MeshState& state);
  /// What its lines were, after the last piece.
  std::expected<ApplyMany, Problem> finish(ExchangeId id, const ApiRequest& request);
  void closed(ExchangeId id) { open_.erase(id); }
  /// Bodies that are not here as a whole.
  [[nodiscard]] std::size_t size() const { return open_.size(); }

 private:
  struct Stream {
    std::shared_ptr<std::vector<Wish>> wishes = std::make_shared<std::vector<Wish>>();
    std::size_t lines = 0;
  };
  ApplyLimits limits_;
  std::map<ExchangeId, Stream> open_;
};

/// The body of this request goes on: more pieces of it come.
bool goes_on(const ApiRequest& request);

/// What became of each line. 422 when all or nothing was asked for, and it was nothing.
ApiReply apply_reply(const ApiRequest& request, const Answer& answer);

}  // namespace metalmesh::controller
