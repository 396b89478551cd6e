// What goes in and out of a BMC model, before TLS and HTTP make bytes of it.
#pragma once

#include <string>

#include "common/base/time.h"
#include "common/ports/http_client.h"

namespace metalmesh::bmcsim {

struct RedfishRequest {
  std::string method;
  std::string path;  // without query
  Headers headers;   // names in lower case
  std::string body;
  std::string query;           // without "?"
  std::string peer;            // who asks: an address
  unsigned on_connection = 1;  // the how-manieth of its connection
};

struct RedfishReply {
  int status = 200;
  Headers headers;
  std::string body;
  bool drop = false;  // end the connection without an answer
  bool held = false;  // sent when the model is told to let go
  bool kill = false;  // a FaultRule asked for a kill
  bool gzip = false;  // the transport compresses the body
  Duration delay{};   // the transport waits before it answers
  bool operator==(const RedfishReply&) const = default;
};

}  // namespace metalmesh::bmcsim
