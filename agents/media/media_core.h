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
// A package tree (GET /p/<token>/...) is served while its mount is LAUNCHED, because only an installer has
// use for it, and ends with the medium. Its content is the image's own, whoever asks; what is read of it
// counts as a sign of life of the mount.
//
// Callbacks (POST /c/<token>) count while LAUNCHED or DEAD, because an installed system calls after its
// mount died; the token lives until `forget`. A caller waits until the agent has taken the call; if it does
// not, or the mount changes meanwhile, the caller is asked to call again. What was taken is not told again
// before the next Mount command.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/media/block_reader.h"
#include "agents/media/content_reply.h"
#include "agents/media/http_range.h"
#include "agents/media/media_exchange.h"
#include "agents/media/mount_url.h"
#include "agents/media/package_tree.h"
#include "agents/media/read_tracker.h"
#include "agents/media/virtual_image.h"
#include "common/base/time.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

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
  struct Packages {
    std::string token;
    std::string image;  // what names its content
    std::string file;
    std::shared_ptr<const PackageTree> tree;
  };
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
    bool callback_asked = false;
    bool callback_taken = false;
    std::vector<Parked> callers;
    bool launch_asked = false;
    bool refusal_logged = false;
    std::vector<Parked> parked;
    ReadTracker reads;
    std::optional<Packages> packages;
  };
  struct Stream {
    std::string token;
    std::string peer;
    std::vector<SentPart> parts;
    bool of_packages = false;
    std::size_t at = 0;      // in `parts`
    std::uint64_t sent = 0;  // of that part
  };
  using Mounts = std::map<std::string, Entry>;

  void mount(const wire::Mount& order, const Now& now, MediaOutcome& out);
  void compose(const wire::Mount& order, Entry& entry, MediaOutcome& out);
  void attach_packages(const wire::Mount& order, Entry& entry, MediaOutcome& out);
  Result<std::shared_ptr<const PackageTree>> read_tree(const std::string& path, const std::string& image);
  static void refuse_mount(const wire::Mount& order, Entry& entry, const Error& error, MediaOutcome& out);
  void forget(const std::string& token, const Now& now, MediaOutcome& out);
  void verdict(const wire::LaunchVerdict& verdict, const Now& now, MediaOutcome& out);
  void all_mounts(const wire::AllMounts& all, const Now& now, MediaOutcome& out);
  void answer(MediaRequest request, const Now& now, MediaOutcome& out);
  void answer_mount(MediaRequest request, const std::string& token, const Now& now, MediaOutcome& out);
  void answer_callback(MediaRequest request, const std::string& token, const Now& now, MediaOutcome& out);
  void callback_taken(const std::string& token, MediaOutcome& out);
  void refuse_callers(Entry& entry, const std::string& why, MediaOutcome& out);
  void answer_packages(const MediaRequest& request, const MediaTarget& target, MediaOutcome& out);
  void serve(const MediaRequest& request, const RangeChoice& choice, const ServedContent& content,
             Stream stream, MediaOutcome& out);
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
  std::map<std::string, std::string> callbacks_;                   // callback token -> mount token
  std::map<std::string, std::string> packages_;                    // token of a package tree -> mount token
  std::map<std::string, std::weak_ptr<const PackageTree>> trees_;  // by what names their content
  std::map<ConnId, Stream> streams_;
  std::map<ConnId, std::string> waiting_;  // parked connection -> mount token
  bool agent_there_ = true;
  bool knows_all_ = false;  // AllMounts came
};

}  // namespace metalmesh::media
