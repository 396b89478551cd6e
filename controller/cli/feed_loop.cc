#include "controller/cli/feed_loop.h"

#include <utility>

namespace metalmesh::cli {

Error read_along(Session& session, EventFeed& feed,
                 const std::function<void(const EventFeed::Heard&)>& take) {
  for (;;) {
    auto heard = feed.listen(std::chrono::seconds(1));
    if (!heard) return std::move(heard.error());
    if (!heard->lost.empty())
      session.console().complain("connection lost, trying again: " + heard->lost + "\n");
    take(*heard);
  }
}

}  // namespace metalmesh::cli
