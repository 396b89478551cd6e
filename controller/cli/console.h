// Where a command prints: results to standard output, everything about them to standard error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace metalmesh::cli {

/// What the process ends with; scripts depend on the numbers.
enum class ExitCode { ok = 0, refused = 1, usage = 2, unreachable = 3, differs = 4 };
ExitCode exit_code_of(const Error& error);

class Console {
 public:
  /// Both show what would move a terminal as what it is: names, reasons and errors come from elsewhere.
  void print(std::string_view text);
  void complain(std::string_view text);
  /// A file that somebody asked for, byte for byte.
  void write(std::string_view bytes);
  /// "error: ..." and the code for it.
  ExitCode report(const Error& error);

  /// Standard output is a terminal that can be redrawn.
  [[nodiscard]] bool is_terminal() const;
  struct Size {
    std::size_t width = 80;
    std::size_t height = 24;
  };
  [[nodiscard]] Size size() const;
  /// Replaces the frame drawn before; `finish_frame` leaves the last one standing.
  void draw(const std::vector<std::string>& lines);
  void finish_frame() { drawn_ = 0; }

  [[nodiscard]] static WallTime now();
  /// Why results did not reach standard output, for example because a disk is full; empty as long as they do.
  /// A reader that went away (| head) is no failure.
  [[nodiscard]] const std::string& write_failure() const { return write_failure_; }

 private:
  std::string write_failure_;
  std::size_t drawn_ = 0;
};

}  // namespace metalmesh::cli
