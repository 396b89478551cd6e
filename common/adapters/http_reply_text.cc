#include "common/adapters/http_reply_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "common/text/letters.h"

namespace metalmesh::adapters {
namespace {

bool ours(std::string_view name) {
  static constexpr std::array<std::string_view, 5> names = {"content-length", "transfer-encoding",
                                                            "connection", "date", "server"};
  return std::ranges::find(names, to_lower(name)) != names.end();
}

// A value with a line break in it would let whoever chose it write header lines of his own.
std::string one_line(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return out;
}

std::string reason(int status) {
  return std::string(boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status)));
}

}  // namespace

std::string reply_head(const ReplyHead& head, const Headers& headers) {
  std::tm utc{};
  gmtime_r(&head.date, &utc);
  std::array<char, 40> date{};
  std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  std::string out = fmt::format("HTTP/1.1 {} {}\r\nServer: metalmesh\r\nDate: {}\r\n", head.status,
                                reason(head.status), date.data());
  for (const auto& [name, value] : headers) {
    if (!ours(name)) out += fmt::format("{}: {}\r\n", one_line(name), one_line(value));
  }
  if (head.framing == BodyFraming::length) out += fmt::format("Content-Length: {}\r\n", head.length);
  if (head.framing == BodyFraming::chunked) out += "Transfer-Encoding: chunked\r\n";
  if (!head.keep_alive) out += "Connection: close\r\n";
  out += "\r\n";
  return out;
}

std::string framed_chunk(std::string_view bytes) {
  if (bytes.empty()) return {};
  return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

ExchangeReply problem_reply(ExchangeId id, int status, std::string_view detail) {
  const boost::json::value problem = {
      {"type", "about:blank"}, {"title", reason(status)}, {"status", status}, {"detail", detail}};
  ExchangeReply reply;
  reply.id = id;
  reply.status = status;
  reply.headers = {{"Content-Type", "application/problem+json"}};
  if (status == 503) reply.headers.emplace_back("Retry-After", "5");
  reply.body = boost::json::serialize(problem);
  return reply;
}

}  // namespace metalmesh::adapters
