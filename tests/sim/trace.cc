#include "tests/sim/trace.h"

#include <fmt/format.h>

#include <cstdio>

namespace metalmesh::sim {
namespace {

constexpr std::size_t kept_violations = 20;

double seconds(MonoTime at) { return std::chrono::duration<double>(at.time_since_epoch()).count(); }

}  // namespace

std::uint64_t fnv(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

void Trace::line(MonoTime at, std::string_view who, std::string_view what, std::string_view detail) {
  const auto stamp = at.time_since_epoch().count();
  hash_ = fnv(hash_ ^ static_cast<std::uint64_t>(stamp), who);
  hash_ = fnv(hash_, what);
  hash_ = fnv(hash_, detail);
  if (print_) fmt::print("{:12.3f} {:10} {} {}\n", seconds(at), who, what, detail);
}

void Trace::remark(MonoTime at, std::string_view who, std::string_view what) const {
  if (print_) fmt::print("{:12.3f} {:10} # {}\n", seconds(at), who, what);
}

void Trace::mix(std::string_view bytes) { hash_ = fnv(hash_, bytes); }

void Trace::violation(MonoTime at, std::string_view invariant, std::string what) {
  line(at, invariant, "VIOLATION", what);
  if (violations_.size() < kept_violations)
    violations_.push_back({std::string(invariant), fmt::format("at {:.3f} s: {}", seconds(at), what)});
}

}  // namespace metalmesh::sim
