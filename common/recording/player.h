// Plays what a recorder kept through a core, and compares every decision with the recorded one.
//
// A stretch is what can be played in one go: a life from its birth, or from a later snapshot if its beginning
// is no longer there. In the second case the core knows what was in the rows and not what the life's memory
// held: then decisions may differ without a defect, and the report says so.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ports/entropy.h"
#include "common/ports/signer.h"
#include "common/recording/outcome_print.h"
#include "common/turn/decision_core.h"
#include "schemas/record/recording.pb.h"

namespace metalmesh::recording {

struct Stretch {
  record::RecordingHead head;
  std::vector<record::RecordedRow> rows;
  std::vector<record::RecordedStep> steps;
  bool cut_off = false;  // the last frame of a segment was not whole
};

/// `segments` in the order they were written. Fails with `corrupt` when there is nothing to play at all, with
/// `unsupported` for a newer format.
Result<std::vector<Stretch>> stretches_of(const std::vector<std::string>& segments);

/// What the recorded core asked of the world, answered as it was then.
class Oracles final : public Entropy, public Verifier, public Signer {
 public:
  void load(const record::RecordedStep& step);
  std::string bytes(std::size_t count) override;
  bool verify(std::string_view signer, std::string_view kind, std::string_view payload,
              const SignatureBytes& signature) const override;
  /// Not recorded: no decision rests on a signature of one's own.
  SignatureBytes sign(std::string_view kind, std::string_view payload) const override;
  record::RecordedCaller caller();
  /// The recorded digest that stands for `masked`, if there is one.
  [[nodiscard]] const std::string* digest(const std::string& masked) const;
  /// What was asked for and is in no record: then the core did not do what it did.
  [[nodiscard]] std::uint64_t unanswered() const { return unanswered_; }

 private:
  std::deque<std::string> entropy_;
  mutable std::deque<bool> verified_;
  std::deque<record::RecordedCaller> callers_;
  std::map<std::string, std::string, std::less<>> digests_;
  mutable std::uint64_t unanswered_ = 0;
};

using MakeCore = std::function<Result<std::unique_ptr<DecisionCore>>(const record::RecordingHead&,
                                                                     const RowReader&, Oracles&)>;
/// Told of each step after it was played.
using Watcher = std::function<void(const record::RecordedStep&, const Input&, const Outcome&)>;

struct Difference {
  std::uint64_t step = 0;
  std::string what;  // for people
};

struct PlayReport {
  std::uint64_t steps = 0;
  std::uint64_t same = 0;
  std::uint64_t masked = 0;         // steps whose input had a secret
  std::optional<Difference> first;  // where a decision was another
  std::optional<std::uint64_t> first_masked;
};

Result<PlayReport> play(const Stretch& stretch, const MakeCore& make, const std::vector<BlankedRows>& blanked,
                        const Watcher& watch);

}  // namespace metalmesh::recording
