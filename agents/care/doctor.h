// A doctor: reads all that a BMC tells, and says what stands in the way of an install there. It changes nothing; what it
// finds is no failure of its own. Whatever stops the talk is a finding, too. After a crash it begins anew.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/care/survey.h"
#include "agents/work/kind.h"
#include "common/base/random.h"

namespace metalmesh::care {

class Doctor : public work::Work {
 public:
  explicit Doctor(work::Makings with);

  work::JobOutcome handle(const work::JobInput& input, const Now& now, const work::Gate& gate) override;

 private:
  class Context;
  void begin(Context& context);
  work::Verdict look(Context& context);
  bool met_a_stranger(Context& context);
  void conclude(const Context& context);
  void go_on(Context& context);
  void end(Context& context);

  record::Job& job_;
  const work::StageTimeouts& timeouts_;
  work::MediaUrls media_;
  std::string beside_;
  Random random_;
  bmc::Known known_;
  work::Talk talk_;
  Survey survey_;
  bool surveyed_ = false;
  MonoTime begun_{};
  std::optional<wire::Fault> strange_;  // it is another machine, or not known well enough
  std::vector<wire::Finding> findings_;
};

extern const work::Kind doctor_kind;

}  // namespace metalmesh::care
