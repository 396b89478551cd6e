// What the controller says became of each object that was applied, as people and programs read it. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::cli {

struct AppliedChange {
  std::string field, from, to;
};
struct AppliedObject {
  std::string where;  // file:line
  std::string kind, name;
  std::string result;                // created | changed | unchanged | refused | notTaken
  std::string field, message, next;  // of one that is refused
  std::vector<std::string> warnings;
  std::vector<AppliedChange> changes;
};
struct AppliedObjects {
  bool dry_run = false;
  bool taken = true;
  std::vector<AppliedObject> objects;
  [[nodiscard]] std::size_t count(std::string_view result) const;
};

/// Adds what the reply to POST /api/v1/apply tells; `where` of its lines, from line 1.
Status read_applied(std::string_view reply, const std::vector<std::string>& where, AppliedObjects& all);

/// "10,000 servers: 9,950 created, 50 refused".
std::string summary_of(const AppliedObjects& all);
/// One line each, of few; of many those that were created or changed are counted by kind.
std::string applied_text(const AppliedObjects& all);
/// What is wrong, and what to look at, with its place.
std::string refused_text(const AppliedObjects& all);
/// Field by field.
std::string diff_text(const AppliedObjects& all);
std::string applied_json(const AppliedObjects& all);

}  // namespace metalmesh::cli
