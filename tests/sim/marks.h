// SOMETIMES: what must happen somewhere in a swarm, or the swarm proves nothing about it. Rare branches are
// counted where the outside can see them; `rare_branches` is the list of those that a long swarm must have
// reached.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace metalmesh::sim {

class Marks {
 public:
  void hit(std::string_view name, std::uint64_t times = 1);
  void add(const Marks& other);
  [[nodiscard]] std::uint64_t count(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& all() const { return counts_; }

 private:
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

/// Names that a swarm of `seeds` seeds should have hit and did not.
std::vector<std::string> never_hit(const Marks& marks, std::uint64_t seeds);
/// The same of one story that every seed told.
std::vector<std::string> never_hit(const Marks& marks, std::uint64_t seeds, std::string_view story);
/// Every mark with its count, in columns.
std::string table_of(const Marks& marks);

}  // namespace metalmesh::sim
