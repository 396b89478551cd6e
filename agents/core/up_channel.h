// The one way out of the agent's core onto the bus: signed envelopes on the site's "up" topic. While the
// bus is down nothing is sent: what must arrive is in the journal and is sent again when the bus is up.
#pragma once

#include <string>
#include <string_view>

#include "common/base/id.h"
#include "common/delivery/envelope_codec.h"
#include "common/delivery/topics.h"
#include "common/turn/outcome.h"

namespace metalmesh::agent {

class UpChannel {
 public:
  UpChannel(const SiteName& site, const Signer& signer) : topic_(topics::up(site)), signer_(signer) {}

  void set_up(bool up) { up_ = up; }
  [[nodiscard]] bool up() const { return up_; }

  void send(std::string_view kind, const google::protobuf::MessageLite& message, Outcome& out) const {
    if (up_) out.emit(Publish{topic_, delivery::seal(signer_, kind, message)});
  }

 private:
  std::string topic_;
  const Signer& signer_;
  bool up_ = false;
};

}  // namespace metalmesh::agent
