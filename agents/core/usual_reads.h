// How much of a medium installs of the same image with the same profile read at this site, learned from those
// whose new system has proven that it runs: what the end of a later one is held against.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/ports/store.h"
#include "common/turn/outcome.h"
#include "schemas/record/agent.pb.h"
#include "schemas/record/job.pb.h"

namespace metalmesh::agent {

class UsualReads {
 public:
  explicit UsualReads(const RowReader& rows);

  /// The least that was read of it, in bytes; 0 when nothing is known.
  [[nodiscard]] std::uint64_t of(const wire::Install& install) const;
  /// Takes in a job that succeeded. At most 512 kinds are remembered.
  void learn(const record::Job& job, Outcome& out);

 private:
  std::map<std::string, record::UsualReads> by_kind_;  // "<image sha256>/<profile sha256>"
};

}  // namespace metalmesh::agent
