// Label selectors of list requests: "role=web,rack!=r01,gpu,!spare". All terms must hold.
// As elsewhere in the industry, "k!=v" also holds for objects without the label.
#pragma once

#include <google/protobuf/map.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::controller {

class LabelSelector {
 public:
  static Result<LabelSelector> parse(std::string_view text);
  [[nodiscard]] bool matches(const google::protobuf::Map<std::string, std::string>& labels) const;

 private:
  enum class Test { equals, differs, present, absent };
  struct Term {
    std::string label;
    Test test = Test::present;
    std::string value;
  };
  std::vector<Term> terms_;
};

}  // namespace metalmesh::controller
