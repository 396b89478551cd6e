// What a core decided: rows to write, then effects to release, and lines to log. Plain data; the turn
// commits the rows durably before it releases a single effect.
#pragma once

#include <iterator>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/log.h"
#include "common/ports/input.h"
#include "common/ports/store.h"

namespace metalmesh {

/// The node must stop (quarantine, defect). The reason goes to the log; the exit code is not zero.
struct Halt {
  std::string reason;
  bool operator==(const Halt&) const = default;
};

using Effect =
    std::variant<Publish, HttpRequest, TimerArm, TimerDisarm, ExchangeReply, ExchangeChunk, ImageFetch,
                 ImageDrop, ImageLimit, MediaSend, ProbeStart, Halt, ImageVerify, BackupStart>;

struct Outcome {
  Batch rows;
  std::vector<Effect> effects;
  std::vector<LogLine> logs;

  void put(std::string key, std::string value) { rows.push_back({std::move(key), std::move(value)}); }
  void erase(std::string key) { rows.push_back({std::move(key), std::nullopt}); }
  void emit(Effect effect) { effects.push_back(std::move(effect)); }
  void log(LogLevel level, std::string message,
           std::vector<std::pair<std::string, std::string>> fields = {}) {
    logs.push_back({level, std::move(message), std::move(fields)});
  }
  /// Appends `other`, keeping order: of two writes to one key the later wins.
  void merge(Outcome&& other) {
    const auto move_all = [](auto& to, auto& from) {
      to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    };
    move_all(rows, other.rows);
    move_all(effects, other.effects);
    move_all(logs, other.logs);
  }
  [[nodiscard]] bool empty() const { return rows.empty() && effects.empty() && logs.empty(); }
};

}  // namespace metalmesh
