// Whose word an exchange server takes on who may come in, before it has read a body.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/time.h"
#include "common/ports/http_exchange.h"

namespace metalmesh {

/// Called on the server's thread.
class ExchangeGate {
 public:
  struct Head {
    std::string_view method;
    std::string_view target;
    std::string_view authorization;  // as sent; empty: none was
    std::string_view peer;           // address:port
  };
  struct Verdict {
    std::string caller;  // whose connection it is from now on; empty: a stranger's, whose bodies are not read
    bool urgent = false;                   // it stops something: reserved places are for it
    std::optional<ExchangeReply> refusal;  // the answer to it, instead of the core's
  };
  virtual ~ExchangeGate() = default;
  virtual Verdict judge(const Head& head, MonoTime now) = 0;
};

}  // namespace metalmesh
