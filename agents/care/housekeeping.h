// Housekeeping: one deed for one BMC. It looks what is to be done, does it call by call, and begins anew until nothing is
// left to do, so that a crash, a lost answer and a slow BMC are one case. Each call is sent after its intent is durable, to
// the machine that is meant, and neither host nor disk is touched.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/care/deeds.h"
#include "agents/work/kind.h"
#include "common/base/random.h"

namespace metalmesh::care {

class Housekeeper : public work::Work {
 public:
  explicit Housekeeper(work::Makings with);

  work::JobOutcome handle(const work::JobInput& input, const Now& now, const work::Gate& gate) override;

 private:
  class Context;
  void begin(Context& context);
  void look_anew(Context& context);
  work::Verdict look(Context& context);
  void judge(Context& context);
  void act(Context& context);
  void answered(Context& context, const work::Answer& answer);
  void go_on(Context& context);
  void end(Context& context);

  record::Job& job_;
  const Deed& deed_;
  const work::StageTimeouts& timeouts_;
  work::MediaUrls media_;
  Random random_;
  bmc::Known known_;
  work::Talk talk_;
  Survey survey_;
  bool surveyed_ = false;
  int looks_ = 0;
  std::optional<std::vector<Call>> calls_;  // of this look; nothing: it is not over
  std::size_t next_call_ = 0;
  MonoTime next_look_;
  std::string refusal_;  // the BMC's words, of this look
};

extern const work::Kind housekeeping_kind;

}  // namespace metalmesh::care
