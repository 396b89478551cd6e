// One install, stage by stage, as a pure machine: inputs in, actions out, every durable fact in the
// record::Job that the caller commits before it releases the actions.
//
// Order of stages: connect -> identity -> preflight -> media -> insert -> confirm (both again for a second
// medium) -> boot once -> arm (durable) -> power -> watch -> finalise -> verify; cleanup runs before every
// end that is not a plain success, and is owed after a crash too. The caller (agents/core) owns queueing,
// limits, the image, the mount rows and the fences; this machine owns the conversation with one BMC.
//
// A job whose installer may still run when its end is told keeps its medium, in custody: it looks on until
// the host was seen off, max_run has passed or a person has spoken, cleans up, and tells MediumReleased.
//
// Promises: no power or boot call before `armed` is durable; none after `launched` except the final
// power-on once the mount is DEAD; from `launched` on the medium is taken only when the installer has ended,
// the host was seen off twice, max_run has passed or a person says so, whatever becomes of the BMC; after a
// crash it asks the BMC what is true before it acts again; at most one BMC request is in flight; every
// session is deleted.
#pragma once

#include <memory>
#include <string>

#include "agents/bmc/dialogue.h"
#include "agents/work/work.h"
#include "common/base/random.h"

namespace metalmesh::install {

/// Volatile half of a job: dies with the process.
struct Conversation;
struct Context;  // one step

class InstallMachine : public work::Work {
 public:
  /// References must outlive the machine.
  InstallMachine(record::Job& job, work::StageTimeouts timeouts, work::MediaUrls urls, std::uint64_t seed,
                 bmc::Known known = {});
  ~InstallMachine() override;

  work::JobOutcome handle(const work::JobInput& input, const Now& now, const work::Gate& gate) override;
  [[nodiscard]] std::string boot_progress() const override;

 private:
  void fold(Context& context, const work::JobInput& input);
  void resume(Context& context);
  void take_cancel(Context& context);
  void take_seal(Context& context);

  record::Job& job_;
  wire::Install terms_;
  work::StageTimeouts timeouts_;
  work::MediaUrls urls_;
  Random random_;
  bmc::Known known_;
  std::unique_ptr<Conversation> conversation_;
};

}  // namespace metalmesh::install
