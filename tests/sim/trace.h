// What happened, in order: hashed always (equal seeds must give equal hashes), printed on request, and the
// violations that the checkers found.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"

namespace metalmesh::sim {

struct Violation {
  std::string invariant;
  std::string what;
};

class Trace {
 public:
  explicit Trace(bool print) : print_(print) {}

  void line(MonoTime at, std::string_view who, std::string_view what, std::string_view detail = {});
  /// Printed only.
  void remark(MonoTime at, std::string_view who, std::string_view what) const;
  /// Adds bytes to the hash only.
  void mix(std::string_view bytes);
  void violation(MonoTime at, std::string_view invariant, std::string what);

  [[nodiscard]] bool printing() const { return print_; }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] const std::vector<Violation>& violations() const { return violations_; }

 private:
  bool print_;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::vector<Violation> violations_;
};

/// FNV-1a over `bytes`, going on from `hash`.
std::uint64_t fnv(std::uint64_t hash, std::string_view bytes);

}  // namespace metalmesh::sim
