#include "agents/bmc/list_reader.h"

#include <algorithm>

namespace metalmesh::bmc {
namespace {

constexpr int most_pages = 16;

}  // namespace

Verdict ListReader::read(Turn& turn, Line& line, Ask ask, const std::string& uri, std::size_t most,
                         Need need) {
  if (known_) return Verdict::done;
  if (next_.empty()) next_ = uri;
  while (!next_.empty()) {
    const HttpReplied* reply = need == Need::vital ? line.fetch(turn, ask, redfish::get(next_))
                                                   : line.fetch_if_it_can(turn, ask, redfish::get(next_));
    if (reply == nullptr) return Verdict::busy;
    status_ = reply->status;
    const auto page = redfish::parse_list(*reply);
    if (status_ != 200 || !page) {
      words_ = page ? redfish::parse_error(reply->body).text() : page.error().message + " of " + next_;
      break;
    }
    for (const std::string& path : page->members) {
      const bool known = std::ranges::find(paths_, path) != paths_.end();
      if (!known && paths_.size() < most) paths_.push_back(path);
    }
    next_ = ++pages_ < most_pages && paths_.size() < most && page->next != next_ ? page->next : std::string();
  }
  known_ = true;
  return Verdict::done;
}

}  // namespace metalmesh::bmc
