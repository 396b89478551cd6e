#include "controller/core/selection.h"

#include <algorithm>

#include "common/text/glob.h"

namespace metalmesh::controller {

bool named_in(const rest::Selection& select, const std::string& name) {
  return std::ranges::find(select.servers(), name) != select.servers().end();
}

bool selects(const rest::Selection& select, const rest::Server& server) {
  const auto& site = server.spec().site();
  const auto& name = server.metadata().name();
  if (!select.sites().empty() &&
      std::ranges::none_of(select.sites(), [&](const auto& glob) { return glob_matches(glob, site); })) {
    return false;
  }
  if (!select.servers().empty() && !named_in(select, name)) return false;
  return std::ranges::all_of(select.labels(), [&](const auto& label) {
    const auto found = server.metadata().labels().find(label.first);
    return found != server.metadata().labels().end() && found->second == label.second;
  });
}

}  // namespace metalmesh::controller
