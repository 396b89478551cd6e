// Reads along in the log of a child: what a person should see at once. The file is kept below a bound; what
// is cut off stays once more as <file>.1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace metalmesh::up {

/// Warnings and errors of our programs, errors of mosquitto. Pure.
bool worth_showing(std::string_view line);

class LogTail {
 public:
  /// Lines written before this are of an earlier run.
  explicit LogTail(std::filesystem::path file);

  /// The lines worth showing since the last call, at most `most`; further ones are counted in the last line.
  std::vector<std::string> news(std::size_t most);
  /// The last lines, whatever they say: why a child did not come up.
  [[nodiscard]] std::vector<std::string> last(std::size_t most) const;

 private:
  void keep_bounded();

  std::filesystem::path file_;
  std::uint64_t offset_ = 0;
};

}  // namespace metalmesh::up
