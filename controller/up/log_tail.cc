#include "controller/up/log_tail.h"

#include <fmt/format.h>

#include <fstream>
#include <system_error>

namespace metalmesh::up {
namespace {

constexpr std::uint64_t file_limit = std::uint64_t{16} << 20;
constexpr std::uint64_t look_back = 16384;

std::vector<std::string> lines_from(const std::filesystem::path& file, std::uint64_t offset,
                                    std::uint64_t& end) {
  std::vector<std::string> out;
  std::ifstream in(file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  end = offset;
  for (std::string line; std::getline(in, line) && !in.eof();) {  // the last one may still be growing
    end += line.size() + 1;
    out.push_back(std::move(line));
  }
  return out;
}

std::uint64_t size_of(const std::filesystem::path& file) {
  std::error_code code;
  const auto size = std::filesystem::file_size(file, code);
  return code ? 0 : size;
}

}  // namespace

bool worth_showing(std::string_view line) {
  // 2026-11-22T14:47:13.123Z warning ...        2026-11-22T14:47:13: Error: ...
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos) return false;
  const std::string_view rest = line.substr(blank + 1);
  return rest.starts_with("warning ") || rest.starts_with("error ") || rest.starts_with("Error: ");
}

LogTail::LogTail(std::filesystem::path file) : file_(std::move(file)), offset_(size_of(file_)) {}

std::vector<std::string> LogTail::news(std::size_t most) {
  std::vector<std::string> out;
  std::size_t more = 0;
  for (std::string& line : lines_from(file_, offset_, offset_)) {
    if (!worth_showing(line)) continue;
    out.size() < most ? out.push_back(std::move(line)) : void(++more);
  }
  if (more > 0) out.push_back(fmt::format("... and {} more: {}", more, file_.string()));
  keep_bounded();
  return out;
}

std::vector<std::string> LogTail::last(std::size_t most) const {
  const std::uint64_t size = size_of(file_);
  std::uint64_t end = 0;
  auto lines = lines_from(file_, size > look_back ? size - look_back : 0, end);
  if (lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  return lines;
}

void LogTail::keep_bounded() {
  if (offset_ < file_limit) return;
  // The child goes on appending to the same file, so it is emptied in place; a line written in between is
  // lost.
  std::error_code code;
  std::filesystem::copy_file(file_, file_.string() + ".1", std::filesystem::copy_options::overwrite_existing,
                             code);
  std::filesystem::resize_file(file_, 0, code);
  if (!code) offset_ = 0;
}

}  // namespace metalmesh::up
