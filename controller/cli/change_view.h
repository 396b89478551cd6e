// What somebody who watches the objects of one kind was shown, and what is news to them. Pure; fed with what the change
// feed delivers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/cli/kinds.h"

namespace metalmesh::cli {

/// The object in a change of `kind`; nullptr when it was deleted.
const google::protobuf::Message* object_in(const rest::Change& change, const Kind& kind);

class ChangeView {
 public:
  /// Of the object of that name alone, or of all.
  explicit ChangeView(const Kind& kind, std::string only = {}) : kind_(kind), only_(std::move(only)) {}

  /// True when it is to be shown: not what was shown as it is, nor that something went which never was.
  bool is_news(const rest::Change& change);
  /// The feed begins with everything again.
  void begin_again() { told_.emplace(); }
  /// It has told of everything: what was shown and is no more, where it began again.
  std::vector<std::string> missing();

 private:
  const Kind& kind_;
  std::string only_;
  std::map<std::string, std::uint64_t> shown_;  // by name: number of the change
  std::optional<std::set<std::string>> told_;   // since it began again
};

}  // namespace metalmesh::cli
