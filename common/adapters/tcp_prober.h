// ports/prober over TCP on the Asio thread. A probe ends with exactly one ProbeAnswered, at the latest after
// its timeout. At most 256 run at once; more answer "not open, too many probes" immediately. Only what is
// printable of a banner is handed on, and at most its first line.
#pragma once

#include <memory>

#include "common/adapters/asio_runtime.h"
#include "common/ports/prober.h"
#include "common/ports/sink.h"

namespace metalmesh::adapters {

class TcpProber final : public Prober {
 public:
  TcpProber(AsioRuntime& runtime, Sink& sink);
  /// Running probes are dropped without an answer; nothing is delivered after it has returned.
  ~TcpProber() override;
  void probe(ProbeStart probe) override;

 private:
  struct State;
  AsioRuntime& runtime_;
  std::shared_ptr<State> state_;
};

}  // namespace metalmesh::adapters
