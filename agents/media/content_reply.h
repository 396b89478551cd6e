// Answers a request for content that can be had in ranges: a medium, or a file of a package tree
// (RFC 9110, 14 and 15.3.7). Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agents/media/http_range.h"
#include "agents/media/media_exchange.h"

namespace metalmesh::media {

struct ServedContent {
  std::uint64_t size = 0;
  std::string etag;  // strong, quoted
  std::string file;  // the base of its segments
  std::function<std::vector<Segment>(const ByteRange&)> segments;
  bool launched = false;  // as in Respond
};

/// A run of what is sent, to tell from the number of bytes which ones they were.
struct SentPart {
  ByteRange range;
  bool of_content = true;  // false: a heading of multipart/byteranges, which is only as long as `range`
};

struct ContentReply {
  Respond respond;
  std::vector<SentPart> parts;  // empty: nothing of the content is sent
};

/// 412 or 304, when a precondition of the request says so; nothing when it is to be answered.
std::optional<Respond> precondition_reply(const MediaRequest& request, const ServedContent& content);

/// Which ranges are meant; a HEAD asks for none.
RangeChoice choice_of(const MediaRequest& request, const ServedContent& content);

ContentReply reply_with(const MediaRequest& request, const RangeChoice& choice, const ServedContent& content);

/// A short text, for people who look at the traffic.
Respond plain_reply(const MediaRequest& request, int status, const std::string& text, Headers headers = {});

}  // namespace metalmesh::media
