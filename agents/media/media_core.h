// Decides what the media server answers: mounts, the media fence, callbacks, read tracking. Pure, so the
// simulation runs the very same decisions as the server; no socket, file or clock in here.
//
// The fence (per mount):
//   CLOSED    whole responses that touch a guarded byte are refused with 503; everything else is served.
//   OPEN      the first guarded read waits, and LaunchAsked goes out once until a verdict comes. Granted:
//             LAUNCHED, all that wait are answered. Refused, or no verdict within `verdict_within`: 503.
//   LAUNCHED  everything is served. Nothing but DEAD follows.
//   DEAD      410, also for responses under way (Abort). Nothing follows but `forget`.
// A medium that cannot be composed is told with its reason (MountRefused), and every read of it is refused.
// An order that would go back is ignored and logged; an unknown state counts as CLOSED. Silence of the
// agent therefore never opens a fence, and never breaks a reader whose installer runs.
//
// Without an agent (after `agent_gone`, until AllMounts) mounts are served on as they are, reads are kept for
// the next report, and callbacks are asked to come again. Before the first AllMounts an unknown token is not
// wrong but early: 503.
//
// Callbacks (POST /c/<token>) count while LAUNCHED or DEAD, because an installed system calls after its
// mount died; the token lives until `forget`. Reported once per Mount command.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agents/media/block_reader.h"
#include "agents/media/http_range.h"
#include "agents/media/read_tracker.h"
#include "agents/media/virtual_image.h"
#include "common/base/log.h"
#include "common/base/time.h"
#include "common/ports/http_client.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

/// One connection; it has at most one request under way.
using ConnId = std::uint64_t;

struct MediaRequest {
  ConnId conn = 0;
  std::string method;
  std::string path;
  Headers headers;  // names in lower case
  std::string body;
  std::string peer;  // address without port: compared with BMC addresses
};

/// Answer a connection: `text`, or (for image content) `segments` of the base `file`.
struct Respond {
  ConnId conn = 0;
  int status = 200;
  Headers headers;  // without Content-Length, Connection and Date
  std::string text;
  std::string file;
  std::vector<Segment> segments;
  std::uint64_t content_length = 0;  // also for HEAD, which has no body
};
/// Stop sending, at once and without a proper end: what is left must not reach the reader.
struct Abort {
  ConnId conn = 0;
};
struct Tell {
  wire::MediaEvent event;
};
using MediaEffect = std::variant<Respond, Abort, Tell>;

struct MediaOutcome {
  std::vector<MediaEffect> effects;
  std::vector<LogLine> logs;
};

struct MediaLimits {
  std::size_t mounts = 8192;
  std::size_t parked_per_mount = 32;
  std::uint64_t image_bytes = 1ULL << 44;
  std::size_t callback_bytes = 4096;
  Duration verdict_within = std::chrono::seconds(10);
  int retry_after_seconds = 5;
};

class MediaCore {
 public:
  /// `bases` is read while a medium with changed files is composed, and must outlive the core. Without it
  /// such media are refused.
  explicit MediaCore(BaseImages* bases = nullptr, MediaLimits limits = {}) : bases_(bases), limits_(limits) {}

  MediaOutcome on_command(const wire::MediaCommand& command, const Now& now);
  /// No Respond for this connection in the outcome: it waits for a verdict.
  MediaOutcome on_request(MediaRequest request, const Now& now);
  /// `bytes` more of the response's image content were handed to the connection.
  MediaOutcome on_sent(ConnId conn, std::uint64_t bytes, const Now& now);
  /// The response is complete, or the connection is gone.
  void on_closed(ConnId conn);
  MediaOutcome on_tick(const Now& now);
  /// When on_tick has work.
  [[nodiscard]] std::optional<MonoTime> next_due() const;
  /// Asked before each chunk of image content. False after Abort.
  [[nodiscard]] bool may_continue(ConnId conn) const { return streams_.contains(conn); }

 private:
  struct Parked {
    MediaRequest request;
    MonoTime until;
  };
  struct Entry {
    std::string deployment;
    wire::MountState state = wire::CLOSED;
    bool usable =
        false;  // false: the medium could not be composed (MountRefused told why); refuses everything
    std::string recipe;  // digest of what the medium was composed from
    std::string file;
    VirtualImage image;
    std::vector<ByteRange> guarded;
    std::string callback_token;
    bool callback_told = false;
    bool launch_asked = false;
    bool refusal_logged = false;
    std::vector<Parked> parked;
    ReadTracker reads;
  };
  struct Part {
    ByteRange range;
    bool of_image = true;  // false: a heading of multipart/byteranges, which is only as long as `range`
  };
  struct Stream {
    std::string token;
    std::string peer;
    std::vector<Part> parts;
    std::size_t at = 0;      // in `parts`
    std::uint64_t sent = 0;  // of that part
  };
  using Mounts = std::map<std::string, Entry>;

  void mount(const wire::Mount& order, const Now& now, MediaOutcome& out);
  void compose(const wire::Mount& order, Entry& entry, MediaOutcome& out);
  void forget(const std::string& token, const Now& now, MediaOutcome& out);
  void verdict(const wire::LaunchVerdict& verdict, const Now& now, MediaOutcome& out);
  void all_mounts(const wire::AllMounts& all, const Now& now, MediaOutcome& out);
  void answer(MediaRequest request, const Now& now, MediaOutcome& out);
  void answer_mount(MediaRequest request, const std::string& token, const Now& now, MediaOutcome& out);
  void answer_callback(const MediaRequest& request, const std::string& token, MediaOutcome& out);
  void serve(const MediaRequest& request, const std::string& token, Entry& entry, const RangeChoice& choice,
             MediaOutcome& out);
  static void serve_several(const VirtualImage& image, const SeveralRanges& ranges, Respond& respond,
                            std::vector<Part>& parts);
  void park(MediaRequest request, const std::string& token, Entry& entry, const Now& now, MediaOutcome& out);
  void refuse_unknown(const MediaRequest& request, const std::string& what, MediaOutcome& out) const;
  /// 503, to be tried again.
  void refuse_for_now(const MediaRequest& request, const std::string& why, MediaOutcome& out) const;
  void answer_parked(std::vector<Parked> parked, const Now& now, MediaOutcome& out);
  void ask_launch(const std::string& token, Entry& entry, const std::string& peer, MediaOutcome& out);
  void abort_streams(const std::string& token, MediaOutcome& out);
  void report_reads(const std::string& token, Entry& entry, const Now& now, MediaOutcome& out);

  BaseImages* bases_;
  MediaLimits limits_;
  Mounts mounts_;
  std::map<std::string, std::string> callbacks_;  // callback token -> mount token
  std::map<ConnId, Stream> streams_;
  std::map<ConnId, std::string> waiting_;  // parked connection -> mount token
  bool agent_there_ = true;
  bool knows_all_ = false;  // AllMounts came
};

}  // namespace metalmesh::media
