// What a real BMC was seen to say: its resources by path, and its answers in their order where they were refusals
// or took their time. From a folder of JSON files, or from the lines of a transcript.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "tests/bmcsim/model/machine_names.h"

namespace metalmesh::bmcsim {

struct RecordedAnswer {
  int status = 0;  // 0: none came
  std::string body;
  Duration took{};
  unsigned times = 1;  // in a row
};

class RecordedTree {
 public:
  /// The first one of a path counts: what came later is what the asker made of it.
  void put(const std::string& path, std::string body);
  /// Lines of a transcript or a capture, one exchange each. Resources that were cut are left out. Kind: invalid.
  Status add_lines(std::string_view lines);

  [[nodiscard]] bool empty() const { return bodies_.empty() && said_.empty(); }
  /// Null when it was not recorded.
  [[nodiscard]] const std::string* at(const std::string& path) const;
  /// The answers to "METHOD /path" in order; empty when all of them were as any BMC's.
  [[nodiscard]] const std::vector<RecordedAnswer>& said(const std::string& what) const;
  /// How the recorded deployment failed; empty: it did not, or nothing says so.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  /// All that it tells anything of.
  [[nodiscard]] std::vector<std::string> paths() const;
  [[nodiscard]] const RecordedNames& names() const { return names_; }

 private:
  std::map<std::string, std::string> bodies_;
  RecordedNames names_;
  std::string fault_;
  std::map<std::string, std::vector<RecordedAnswer>> said_;
};

}  // namespace metalmesh::bmcsim
