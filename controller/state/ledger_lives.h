// Which life of the ledger wrote which events, and numbered which changes of objects. Every start of a controller
// begins a life with an id of its own, and the id of an event or a change names the life that gave its number:
// "<life>-<number>". A store that was put back goes on under another life, so that an id which was given out
// meanwhile is not taken for what now has its number. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/record/controller.pb.h"

namespace metalmesh::controller {

class LedgerLives {
 public:
  /// What is numbered, each on its own.
  enum class Of { events, changes };

  LedgerLives() = default;
  explicit LedgerLives(const record::LedgerLives& stored);

  /// From these numbers on this life writes. The oldest are forgotten where there are too many.
  void begin(std::string life, std::uint64_t first_event, std::uint64_t first_change);
  /// Empty before the first life began.
  [[nodiscard]] const std::string& current() const;
  [[nodiscard]] bool contains(std::string_view life) const;
  /// The last ones before the current one, the newest last.
  [[nodiscard]] std::vector<std::string> predecessors(std::size_t most) const;
  [[nodiscard]] record::LedgerLives row() const;

  /// "<life>-<number>"; "0" is what stands before the first one.
  [[nodiscard]] std::string id_of(std::uint64_t number, Of of = Of::events) const;

  struct Position {
    std::uint64_t after = 0;    // everything up to here was seen
    bool other_ledger = false;  // the id was given out by a life that this ledger did not have, or not so far
  };
  /// Where who has seen `id` goes on; `newest` is the newest number. With another ledger's: after the last that both
  /// are known to have. Nothing when it is no id.
  [[nodiscard]] std::optional<Position> find(std::string_view id, std::uint64_t newest,
                                             Of of = Of::events) const;

  /// Somebody was told of event `id`, which this ledger does not have: it was put back to an older copy. False
  /// for what is known to be missing.
  [[nodiscard]] bool misses(std::string_view id, std::uint64_t last_event) const;
  /// From now on this event, and those before it in its life, are known to be missing.
  void note_missing(std::string_view id);

 private:
  struct Life {
    std::string id;
    std::uint64_t first_event = 0;
    std::uint64_t first_change = 0;
    [[nodiscard]] std::uint64_t first(Of of) const { return of == Of::events ? first_event : first_change; }
  };
  struct Missing {
    std::string life;
    std::uint64_t to = 0;
  };
  std::vector<Life> lives_;       // oldest first
  std::vector<Missing> missing_;  // the one that was noted last at the end
};

}  // namespace metalmesh::controller
