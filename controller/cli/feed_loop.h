// Reading along at the terminal for as long as it takes, through restarts of the controller.
#pragma once

#include <functional>

#include "controller/cli/event_feed.h"
#include "controller/cli/session.h"

namespace metalmesh::cli {

/// Hands over what is heard until the controller refuses, and says when it cannot be reached. Its refusal.
Error read_along(Session& session, EventFeed& feed, const std::function<void(const EventFeed::Heard&)>& take);

}  // namespace metalmesh::cli
