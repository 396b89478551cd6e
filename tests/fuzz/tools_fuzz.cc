// What a tool sends over the broker, and where: a topic, a line end, the message. What is read is a request that means the same after
// another round and that names what can be a rollout's name; what is refused says why and what to do; no answer leaves its tool's topics.
#include <cstdint>
#include <string>

#include "controller/api/json_encode.h"
#include "controller/api/tool_request.h"
#include "controller/core/field_rules.h"
#include "tests/fuzz/invariant.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace metalmesh;
  using namespace metalmesh::controller;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string topic = text.substr(0, text.find('\n'));
  const std::string payload = text.substr(std::min(text.size(), topic.size() + 1));

  const auto asked = tool_topics::asked_at(topic);
  if (!asked) return 0;
  MM_CLAIM(tool_topics::is_of_tools(topic));
  MM_CLAIM(!asked->user.empty() && asked->user.find('/') == std::string::npos);
  MM_CLAIM(!asked->token.empty() && asked->token.find('/') == std::string::npos);
  const std::string below = "mm/tools/" + asked->user + "/requests/";
  MM_CLAIM(topic == (asked->retained ? "$kept/" : "") + below + asked->token);

  const auto read = read_tool_request(*asked, payload);
  if (!read) {
    MM_CLAIM(!read.error().code().empty() && !read.error().message().empty() && !read.error().next().empty());
    const Publish no = tool_answer(*asked, read.error());
    MM_CLAIM(no.topic == below + asked->token + "/rejected");
    MM_CLAIM(no.payload.size() < (16U << 10));
    return 0;
  }
  MM_CLAIM(rules::is_name(read->rollout().metadata().name()));
  MM_CLAIM(read->do_() == "plan" || read->do_() == "start");
  MM_CLAIM(!read->has_expect() || read->expect().servers() > 0);
  const auto again = read_tool_request(*asked, encode_json(*read));
  MM_CLAIM(again.has_value());
  MM_CLAIM(tool_request_digest(*again) == tool_request_digest(*read));
  // When it has to be carried out by does not make it another request.
  rest::ToolRequest later = *read;
  later.mutable_deadline()->set_seconds(later.deadline().seconds() / 2 + 1);
  MM_CLAIM(tool_request_digest(later) == tool_request_digest(*read));
  return 0;
}
