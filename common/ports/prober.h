// Looks whether an installed system answers: a TCP connect, optionally its first bytes (SSH banner).
#pragma once

#include <cstdint>
#include <string>

#include "common/base/time.h"

namespace metalmesh {

struct ProbeStart {
  std::string id;
  std::string host;
  std::uint16_t port = 0;
  bool want_banner = false;
  Duration timeout = std::chrono::seconds(5);
  bool operator==(const ProbeStart&) const = default;
};
struct ProbeAnswered {
  std::string id;
  bool open = false;
  std::string detail;  // the banner, or why not
  bool operator==(const ProbeAnswered&) const = default;
};

class Prober {
 public:
  virtual ~Prober() = default;
  virtual void probe(ProbeStart probe) = 0;
};

}  // namespace metalmesh
