#include "agents/media/content_reply.h"

#include <algorithm>

#include "agents/media/http_conditions.h"
#include "agents/media/http_request_head.h"

namespace metalmesh::media {
namespace {

constexpr char image_type[] = "application/octet-stream";

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.offset) + "-" + std::to_string(range.end() - 1) + "/" +
         std::to_string(size);
}

/// The body of multipart/byteranges (RFC 9110, 14.6).
void add_several(const ServedContent& content, const SeveralRanges& ranges, ContentReply& reply) {
  std::string boundary = "part-" + content.etag;
  std::erase(boundary, '"');
  Respond& respond = reply.respond;
  const auto add_text = [&](std::string text) {
    respond.content_length += text.size();
    reply.parts.push_back({{0, text.size()}, false});
    respond.segments.emplace_back(std::move(text));
  };
  for (const ByteRange& range : ranges) {
    add_text("\r\n--" + boundary + "\r\nContent-Type: " + image_type +
             "\r\nContent-Range: " + content_range(range, content.size) + "\r\n\r\n");
    for (Segment& segment : content.segments(range)) respond.segments.push_back(std::move(segment));
    respond.content_length += range.length;
    reply.parts.push_back({range});
  }
  add_text("\r\n--" + boundary + "--\r\n");
  respond.headers.emplace_back("Content-Type", "multipart/byteranges; boundary=" + boundary);
}

void add_one(const ServedContent& content, const ByteRange& range, bool partial, ContentReply& reply) {
  Respond& respond = reply.respond;
  respond.headers.emplace_back("Content-Type", image_type);
  if (partial) respond.headers.emplace_back("Content-Range", content_range(range, content.size));
  respond.content_length = range.length;
  respond.segments = content.segments(range);
  reply.parts.push_back({range});
}

}  // namespace

Respond plain_reply(const MediaRequest& request, int status, const std::string& text, Headers headers) {
  Respond respond;
  respond.conn = request.conn;
  respond.status = status;
  respond.headers = std::move(headers);
  if (status != 204) respond.headers.emplace_back("Content-Type", "text/plain");
  respond.content_length = text.size();
  if (request.method != "HEAD") respond.text = text;
  return respond;
}

std::optional<Respond> precondition_reply(const MediaRequest& request, const ServedContent& content) {
  switch (check_conditions(request.headers, content.etag)) {
    case Condition::met:
      return std::nullopt;
    case Condition::failed:
      return plain_reply(request, 412, "the content has another ETag\n", {{"ETag", content.etag}});
    case Condition::not_modified:
      break;
  }
  Respond same;
  same.conn = request.conn;
  same.status = 304;
  same.headers = {{"ETag", content.etag}};
  same.content_length = content.size;  // of what is not sent (RFC 9110, 8.6)
  return same;
}

RangeChoice choice_of(const MediaRequest& request, const ServedContent& content) {
  if (request.method != "GET") return WholeContent{};
  // Two fields are no list, as If-Match is one, but together an invalid one, which is ignored (14.2).
  if (std::ranges::count(request.headers, "range", [](const auto& field) { return field.first; }) > 1)
    return WholeContent{};
  return choose_range(find_header(request.headers, "range"), find_header(request.headers, "if-range"),
                      content.etag, content.size);
}

ContentReply reply_with(const MediaRequest& request, const RangeChoice& choice,
                        const ServedContent& content) {
  ContentReply reply;
  Headers headers = {{"Accept-Ranges", "bytes"}, {"ETag", content.etag}};
  if (std::holds_alternative<Unsatisfiable>(choice)) {
    headers.emplace_back("Content-Range", "bytes */" + std::to_string(content.size));
    reply.respond = plain_reply(request, 416, "the range is beyond the end\n", std::move(headers));
    return reply;
  }
  reply.respond.conn = request.conn;
  reply.respond.status = std::holds_alternative<WholeContent>(choice) ? 200 : 206;
  reply.respond.headers = std::move(headers);
  if (const auto* several = std::get_if<SeveralRanges>(&choice)) {
    add_several(content, *several, reply);
  } else if (const auto* range = std::get_if<ByteRange>(&choice)) {
    add_one(content, *range, true, reply);
  } else {
    add_one(content, {0, content.size}, false, reply);
  }
  if (request.method == "GET") {
    reply.respond.file = content.file;
    reply.respond.launched = content.launched;
  } else {
    reply.respond.segments.clear();
    reply.parts.clear();
  }
  return reply;
}

}  // namespace metalmesh::media
