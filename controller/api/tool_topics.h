// The topics of tools at the broker. What is below mm/tools/<user> is that user's: the broker lets nobody else
// read or write there (broker-config/acl), whoever the users are.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metalmesh::controller::tool_topics {

/// What the controller subscribes to.
inline constexpr std::string_view every_request = "mm/tools/+/requests/+";
/// Of everything here.
inline constexpr std::string_view root = "mm/tools/";
/// Before the topic of a message that a broker had kept (paho_bus.h).
inline constexpr std::string_view kept = "$kept/";
/// A tool is a user whose name begins so: no site is called that, and nobody else acts by the broker's word alone.
inline constexpr std::string_view tool_prefix = "tool-";

/// Below mm/tools/<user>/, where that user is told what happens: <type of event>, and <name of rollout>.
inline constexpr std::string_view events = "events/";
inline constexpr std::string_view rollouts = "rollouts/";
/// The controller's word to itself, by which it sees that what it said before has reached the broker.
inline constexpr std::string_view echo = "mm/tools/controller-tools/requests/";

struct Asked {
  std::string user;
  std::string token;
  bool retained = false;
};

/// Whether a message is about tools at all.
inline bool is_of_tools(std::string_view topic) {
  if (topic.starts_with(kept)) topic.remove_prefix(kept.size());
  return topic.starts_with(root);
}

/// Nothing: it is no request.
inline std::optional<Asked> asked_at(std::string_view topic) {
  constexpr std::string_view requests = "/requests/";
  Asked asked;
  asked.retained = topic.starts_with(kept);
  if (asked.retained) topic.remove_prefix(kept.size());
  if (!topic.starts_with(root)) return std::nullopt;
  topic.remove_prefix(root.size());
  const std::size_t slash = topic.find('/');
  if (slash == 0 || slash == std::string_view::npos || !topic.substr(slash).starts_with(requests))
    return std::nullopt;
  asked.user = topic.substr(0, slash);
  asked.token = topic.substr(slash + requests.size());
  if (asked.token.empty() || asked.token.find('/') != std::string::npos) return std::nullopt;
  return asked;
}

/// `what`: accepted, rejected or result.
inline std::string answer(std::string_view user, std::string_view token, std::string_view what) {
  return std::string(root) + std::string(user) + "/requests/" + std::string(token) + "/" + std::string(what);
}

}  // namespace metalmesh::controller::tool_topics
