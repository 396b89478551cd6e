// `-o jsonpath=...`: text with paths in braces, as kubectl's users write them: '{.metadata.name}', '{.items[*].spec.site}',
// '{range .items[*]}{.metadata.name}{"\n"}{end}'. Of several values each is printed, with blanks between. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::cli {

class JsonPath {
 public:
  static Result<JsonPath> of(std::string_view text);
  [[nodiscard]] std::string of_value(const boost::json::value& value) const;

 private:
  struct Step {
    std::string field;  // empty: an index, or all
    long index = -1;    // of a list; below zero: all
  };
  struct Part {
    enum class Kind { text, path, range, end };
    Kind kind = Kind::text;
    std::string text;
    std::vector<Step> steps;
  };
  static Result<std::vector<Step>> steps_of(std::string_view path);
  [[nodiscard]] std::size_t write(const boost::json::value& value, std::size_t part, std::string& out) const;

  std::vector<Part> parts_;
};

}  // namespace metalmesh::cli
