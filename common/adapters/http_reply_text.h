// The bytes of a reply's head, chunk framing and problem bodies (RFC 9112, RFC 9457). Pure text: no sockets,
// no clock.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "common/ports/http_exchange.h"

namespace metalmesh::adapters {

/// How the end of a body is told to the client.
enum class BodyFraming { none, length, chunked, until_close };

struct ReplyHead {
  int status = 200;
  BodyFraming framing = BodyFraming::length;
  std::size_t length = 0;  // with framing == length
  bool keep_alive = true;
  std::time_t date = 0;
};

/// Status line and header fields up to and including the empty line. `headers` may not set what the framing
/// sets (Content-Length, Transfer-Encoding, Connection, Date, Server): those are left out. Line breaks become
/// spaces.
std::string reply_head(const ReplyHead& head, const Headers& headers);

/// One chunk of a chunked body; empty bytes give an empty string, because an empty chunk would end the body.
std::string framed_chunk(std::string_view bytes);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

/// An application/problem+json reply made by the server itself.
ExchangeReply problem_reply(ExchangeId id, int status, std::string_view detail);

}  // namespace metalmesh::adapters
