// ports/prober over TCP on the Asio thread. A probe ends with exactly one ProbeAnswered, at the latest after
// its timeout. At most `most_probes` run at once; more answer "not open, too many probes" immediately. One
// that has no descriptor waits for one. Only what is printable of a banner is handed on, and at most its
// first line.
#pragma once

#include <cstddef>
#include <memory>

#include "common/adapters/asio_runtime.h"
#include "common/ports/prober.h"
#include "common/ports/sink.h"

namespace metalmesh::adapters {

class TcpProber final : public Prober {
 public:
  TcpProber(AsioRuntime& runtime, Sink& sink, std::size_t most_probes = 256);
  /// Running probes are dropped without an answer; nothing is delivered after it has returned.
  ~TcpProber() override;
  void probe(ProbeStart probe) override;

 private:
  struct State;
  AsioRuntime& runtime_;
  std::shared_ptr<State> state_;
};

}  // namespace metalmesh::adapters
