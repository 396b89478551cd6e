#include "controller/up/programs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace metalmesh::up {
namespace {

namespace fs = std::filesystem;

fs::path own_path() {
  std::error_code code;
  return fs::read_symlink("/proc/self/exe", code);
}

std::vector<fs::path> search_path() {
  const char* given = std::getenv("PATH");
  std::vector<fs::path> out;
  std::string_view rest = given == nullptr ? "/usr/local/bin:/usr/bin:/bin" : given;
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    if (colon != 0) out.emplace_back(rest.substr(0, colon));
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  return out;
}

fs::path find_in(const std::vector<fs::path>& folders, std::string_view name) {
  for (const fs::path& folder : folders) {
    std::error_code code;
    const fs::path candidate = folder / name;
    if (fs::is_regular_file(candidate, code) && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

}  // namespace

Result<Programs> find_programs() {
  std::vector<fs::path> folders = search_path();
  folders.insert(folders.begin(), own_path().parent_path());
  // A user's PATH often lacks these.
  for (const auto* more : {"/usr/sbin", "/usr/local/sbin"}) folders.emplace_back(more);
  Programs found{find_in(folders, "mosquitto"), find_in(folders, "metalmesh-controller"),
                 find_in(folders, "metalmesh-agent")};
  if (found.broker.empty()) {
    return fail(ErrorKind::not_found,
                "the MQTT broker mosquitto is not installed\n  next: apt-get install mosquitto");
  }
  for (const auto& [path, name] :
       {std::pair(found.controller, "metalmesh-controller"), std::pair(found.agent, "metalmesh-agent")}) {
    if (path.empty()) {
      return fail(ErrorKind::not_found,
                  fmt::format("{} is neither in {} nor in $PATH\n  next: put the programs of one release "
                              "into one folder",
                              name, own_path().parent_path().string()));
    }
  }
  return found;
}

std::string own_name() {
  const fs::path own = own_path();
  std::error_code code;
  const fs::path found = find_in(search_path(), own.filename().string());
  return !found.empty() && fs::equivalent(found, own, code) ? own.filename().string() : own.string();
}

}  // namespace metalmesh::up
