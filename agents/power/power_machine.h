// One change of one machine's power, or of what its BMC shows and does next, as a pure machine (agents/work/work.h).
//
// Order of stages: connect -> identity -> preflight (is there anything to do, and what of what the BMC offers does it)
// -> arm (durable) -> power (the call) -> verify (it is read back) -> cleanup.
//
// Promises: no changing call before `armed` and its intent are durable, and none after a contradiction in identity;
// what is so already is not asked for; what undoes or does again what it did (a restart, a push on the button) is
// asked for once, also after a crash and after a lost answer: then it looks, and says when it is not known. A host that
// is asked to shut down is never forced. Cleanup deletes the session. No disk is touched.
#pragma once

#include <memory>
#include <string>

#include "agents/work/kind.h"
#include "common/base/random.h"

namespace metalmesh::power {

/// Volatile half of a job: dies with the process.
struct Conversation;
struct Context;  // one step

class PowerMachine : public work::Work {
 public:
  explicit PowerMachine(work::Makings with);
  ~PowerMachine() override;

  work::JobOutcome handle(const work::JobInput& input, const Now& now, const work::Gate& gate) override;
  [[nodiscard]] std::string boot_progress() const override;

 private:
  void resume(Context& context);
  void take_cancel(Context& context);
  void fold(Context& context, const work::JobInput& input);

  record::Job& job_;
  work::StageTimeouts timeouts_;
  Random random_;
  bmc::Known known_;
  std::unique_ptr<Conversation> talk_;
};

}  // namespace metalmesh::power
