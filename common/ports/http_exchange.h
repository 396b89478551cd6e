// HTTP towards us: requests that arrived, answers that go out. Plain values; no socket in sight.
#pragma once

#include <cstdint>
#include <string>

#include "common/ports/http_client.h"

namespace metalmesh {

using ExchangeId = std::uint64_t;

/// A complete request: the adapter has read the body and enforced the size limits (413, 431) itself.
struct ExchangeOpened {
  ExchangeId id = 0;
  std::string method;
  std::string target;  // path and query as sent
  Headers headers;     // names in lower case
  std::string body;
  std::string peer;  // address:port, for the audit log
  bool operator==(const ExchangeOpened&) const = default;
};
/// The caller of a streaming exchange went away. Later effects for it are ignored.
struct ExchangeClosed {
  ExchangeId id = 0;
  bool operator==(const ExchangeClosed&) const = default;
};
/// The bytes of earlier chunks left the process: the stream can take more.
struct ExchangeDrained {
  ExchangeId id = 0;
  bool operator==(const ExchangeDrained&) const = default;
};

struct ExchangeReply {
  ExchangeId id = 0;
  int status = 200;
  Headers headers;
  std::string body;
  /// True: the body goes on with ExchangeChunk effects until one has `last` (Server-Sent Events).
  bool stream = false;
  bool operator==(const ExchangeReply&) const = default;
};
struct ExchangeChunk {
  ExchangeId id = 0;
  std::string bytes;
  bool last = false;
  bool operator==(const ExchangeChunk&) const = default;
};

class ExchangeServer {
 public:
  virtual ~ExchangeServer() = default;
  virtual void reply(ExchangeReply reply) = 0;
  virtual void chunk(ExchangeChunk chunk) = 0;
};

}  // namespace metalmesh
