// The seam between the agent and its media server: messages (schemas/wire/media.proto), so that the
// server can be a process of its own.
#pragma once

#include "schemas/wire/media.pb.h"

namespace metalmesh {

struct MediaSend {
  wire::MediaCommand command;
};
struct MediaReported {
  wire::MediaEvent event;
};

class MediaLink {
 public:
  virtual ~MediaLink() = default;
  virtual void send(MediaSend message) = 0;
};

}  // namespace metalmesh
