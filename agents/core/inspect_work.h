// An inspection as it is ordered: the one kind of work that only reads (agents/work/kind.h). It tells Inspected, and then
// how it ended. After a crash it begins anew.
#pragma once

#include "agents/core/inspection.h"
#include "agents/work/kind.h"

namespace metalmesh::agent {

class InspectWork : public work::Work {
 public:
  explicit InspectWork(const work::Makings& with);

  work::JobOutcome handle(const work::JobInput& input, const Now& now, const work::Gate& gate) override;

 private:
  void take(Inspection::Step step, const Now& now, const work::Gate& gate, work::JobOutcome& out);
  void end(wire::Inspected result, work::JobOutcome& out);
  void show_screen(work::JobOutcome& out);

  record::Job& job_;
  Inspection inspection_;
};

extern const work::Kind inspect_kind;

}  // namespace metalmesh::agent
