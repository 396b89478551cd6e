// The seam between the agent and its media server: messages (schemas/wire/media.proto), because the server is
// a process of its own. What is sent while it is away is lost; MediaUp asks for everything again.
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
