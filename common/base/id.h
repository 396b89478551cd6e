// Distinct types for names that are all strings: a SiteName never passes for a ServerName.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace metalmesh {

template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] const std::string& str() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string value_;
};

using SiteName = Id<struct SiteTag>;
using ServerName = Id<struct ServerTag>;
using DeploymentId = Id<struct DeploymentTag>;
/// Random name of one life of a numbered stream; a lost journal gets a new one.
using JournalId = Id<struct JournalTag>;

}  // namespace metalmesh

template <class Tag>
struct std::hash<metalmesh::Id<Tag>> {
  std::size_t operator()(const metalmesh::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
