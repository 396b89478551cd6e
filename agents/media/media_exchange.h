// What passes between the media server's connections and its decisions, as values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "agents/media/overlay.h"
#include "common/base/log.h"
#include "common/base/time.h"
#include "common/ports/http_client.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

/// One connection; it has at most one request under way.
using ConnId = std::uint64_t;

/// The listener that a reader came over.
enum class Door {
  media,     // everything, with TLS unless the site does without it
  packages,  // package trees without TLS, for hosts
  plain,     // without TLS, media alone that were ordered so
};

struct MediaRequest {
  ConnId conn = 0;
  std::string method;
  std::string path;
  Headers headers;  // names in lower case
  std::string body;
  std::string peer;  // address without port: compared with BMC addresses
  Door door = Door::media;
};

/// Answer a connection: `text`, or (for image content) `segments` of the base `file`.
struct Respond {
  ConnId conn = 0;
  int status = 200;
  Headers headers;  // without Content-Length, Connection and Date
  std::string text;
  std::string file;
  bool launched = false;  // an installer reads it: it must not end
  std::vector<Segment> segments;
  std::uint64_t content_length = 0;  // also for HEAD, which has no body
  Duration patience{};               // its reader may take nothing for so long; 0: as any other
  bool cut_short = false;  // `segments` end before `content_length`: then the reader waits until Abort
};
/// Stop sending, at once and without a proper end: what is left must not reach the reader.
struct Abort {
  ConnId conn = 0;
};
struct Tell {
  wire::MediaEvent event;
};
/// What of a launched medium was read, to be put down for a life to come: some of its blocks, or, with an
/// empty `etag`, that there is nothing to remember any more.
struct KeepReads {
  std::string token;
  std::string etag;  // of the medium whose blocks they are
  std::uint64_t at = 0;
  std::string blocks;
};
using MediaEffect = std::variant<Respond, Abort, Tell, KeepReads>;

struct MediaOutcome {
  std::vector<MediaEffect> effects;
  std::vector<LogLine> logs;
};

}  // namespace metalmesh::media
