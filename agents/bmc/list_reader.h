// Reads the paths in a collection, page by page.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agents/bmc/line.h"

namespace metalmesh::bmc {

/// Without a `vital` list there is no going on; a `welcome` one that fails for good is skipped.
enum class Need { vital, welcome };

class ListReader {
 public:
  /// Done when all pages were read, or one could not be: then `status` tells.
  Verdict read(Turn& turn, Line& line, Ask ask, const std::string& uri, std::size_t most, Need need);
  /// Known from elsewhere: nothing is read.
  void know(std::vector<std::string> paths) {
    *this = {};
    known_ = true;
    status_ = 200;
    paths_ = std::move(paths);
  }
  /// To be read again.
  void forget() { *this = {}; }

  [[nodiscard]] bool known() const { return known_; }
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }
  [[nodiscard]] int status() const { return status_; }
  /// The BMC's own words when it could not be read, or where its JSON is damaged.
  [[nodiscard]] const std::string& words() const { return words_; }
  [[nodiscard]] bool readable() const { return status_ == 200 && words_.empty(); }

 private:
  bool known_ = false;
  std::string next_;
  int pages_ = 0;
  std::vector<std::string> paths_;
  int status_ = 0;
  std::string words_;
};

}  // namespace metalmesh::bmc
