// Decides what the media server answers: mounts, the media fence, callbacks, read tracking. Pure, so the
// simulation runs the very same decisions as the server; no socket, file or clock in here.
//
// The fence (per mount):
//   CLOSED    ranges that touch a guarded byte are refused with 503; everything else is served. So is a plain GET,
//             up to the first guarded byte, where its reader waits: some BMCs try a medium so, and look at its
//             beginning only. Who is still there after `waits_at_guard` wants all of it before it calls it
//             inserted: that is told (Reads.wanted_whole), and it is cut off, as it is when the fence opens.
//   OPEN      the first guarded read waits, and LaunchAsked goes out once until a verdict comes. Granted:
//             LAUNCHED, all that wait are answered. Refused, or no verdict within `verdict_within`: 503.
//   LAUNCHED  everything is served. Nothing but DEAD follows. Once its kernel was read to its end, the medium's boot is
//             over, and it is sealed: what only firmware needs to start from it (boot catalogue, boot images, loaders) is
//             zeros from then on, so that a firmware which prefers it finds nothing to start and goes on to the disk,
//             while whatever runs reads on. Such looks are told (Reads.starts_refused).
//   DEAD      410, also for responses under way (Abort). Nothing follows but `forget`.
// A medium that cannot be composed is told with its reason (MountRefused), and every read of it is refused;
// if that is because its image cannot be read now, it is tried again until it can. A package tree that cannot
// be read is told and tried again likewise, and the medium is served without it.
// An order that would go back is ignored and logged; an unknown state counts as CLOSED. Silence of the
// agent therefore never opens a fence, and never breaks a reader whose installer runs.
//
// Without an agent (after `agent_gone`, until AllMounts) mounts are served on as they are, reads are kept for
// the next report, and callbacks are asked to come again. Before the first AllMounts an unknown token is not
// wrong but early: 503. What is read of a launched medium is put down (KeepReads) for the next life of the
// media server, and taken up by `recall`.
//
// A package tree (GET /p/<token>/...) is served while its mount is LAUNCHED, because only an installer has
// use for it, and ends with the medium. Its content is the image's own, whoever asks; what is read of it
// counts as a sign of life of the mount.
//
// A URL is no secret for whoever sees it at the BMC: a mount is read from its BMC's networks alone, and a callback counts from
// its new system's. Whoever comes from elsewhere is refused (403) and told (StrangerRefused).
//
// Callbacks (POST /c/<token>) count while LAUNCHED or DEAD, because an installed system calls after its
// mount died; the token lives until `forget`. Where the mount has a caller's key, they must show it. A caller waits until the agent has taken the call; if it does
// not, or the mount changes meanwhile, the caller is asked to call again.
//
// An installer that shows its machine (POST /v/<token>, while LAUNCHED) waits for the agent's word in the same way. The answer is
// always 200 once somebody has decided: "no" must not look like nobody.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/media/callback_line.h"
#include "agents/media/composed_medium.h"
#include "agents/media/content_reply.h"
#include "agents/media/from_where.h"
#include "agents/media/media_exchange.h"
#include "agents/media/medium_seal.h"
#include "agents/media/mount_url.h"
#include "agents/media/package_shelf.h"
#include "agents/media/read_tracker.h"
#include "common/base/time.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

struct MediaLimits {
  std::size_t mounts = 8192;
  std::size_t parked_per_mount = 32;
  std::uint64_t image_bytes = 1ULL << 44;
  std::size_t callback_bytes = 4096;
  Duration verdict_within = std::chrono::seconds(10);
  Duration waits_at_guard = std::chrono::seconds(5);
  int retry_after_seconds = 5;
  Duration unreadable_every = std::chrono::minutes(1);  // told of one image
};

class MediaCore {
 public:
  /// `bases` is read while a medium with changed files is composed, and must outlive the core. Without it
  /// such media are refused.
  explicit MediaCore(BaseImages* bases = nullptr, MediaLimits limits = {})
      : bases_(bases), limits_(limits), shelf_(bases) {}

  MediaOutcome on_command(const wire::MediaCommand& command, const Now& now);
  /// No Respond for this connection in the outcome: it waits for a verdict.
  MediaOutcome on_request(MediaRequest request, const Now& now);
  /// `bytes` more of the response's image content were handed to the connection.
  MediaOutcome on_sent(ConnId conn, std::uint64_t bytes, const Now& now);
  /// The response is complete, or the connection is gone.
  void on_closed(ConnId conn);
  /// The disk did not give `path`'s bytes from `offset` on to `conn`, which is being reset.
  MediaOutcome on_unreadable(ConnId conn, const std::string& path, std::uint64_t offset,
                             const std::string& why, const Now& now);
  MediaOutcome on_tick(const Now& now);
  /// When on_tick has work.
  [[nodiscard]] std::optional<MonoTime> next_due() const;

  /// What an earlier life has put down of a mount's reads. Ignored when the medium is another by now.
  void recall(const std::string& token, const std::string& etag, std::string_view blocks);
  [[nodiscard]] bool knows(const std::string& token) const { return mounts_.contains(token); }
  /// The image files that media which are not dead are made of.
  [[nodiscard]] std::set<std::string> files_served() const;
  /// Asked before each chunk of image content. False after Abort.
  [[nodiscard]] bool may_continue(ConnId conn) const { return streams_.contains(conn); }

 private:
  struct Parked {
    MediaRequest request;
    MonoTime until;
  };
  /// An installer that waits for its go.
  struct Asker {
    MediaRequest request;
    std::string digest;  // SHA-256 (hex) of what it shows
    MonoTime until;
  };
  /// An order of which something could not be made for now.
  struct Owed {
    wire::Mount order;
    MonoTime at;
    unsigned tries = 0;
    std::string told;  // the reason that was told last
  };
  struct Entry {
    std::string deployment;
    wire::MountState state = wire::CLOSED;
    bool usable = false;  // false: the medium could not be composed; refuses everything
    std::string recipe;   // digest of what the medium was composed from
    std::string file;
    std::string image;  // its SHA-256
    VirtualImage medium;
    std::vector<ByteRange> guarded;
    MediumSeal seal;
    Duration patience{};
    std::string callback_token;
    FromWhere readers;  // whose medium it is
    FromWhere calls;    // from where its new system calls
    CallbackLine callers;
    std::string caller_key;  // SHA-256 (hex) of what its new system must show; empty: nothing
    std::string check_token;
    std::vector<Asker> askers;
    std::vector<wire::InstallerAnswer> said;  // to them: the same words get the same answer, whoever is away
    bool plain = false;                       // served without TLS too
    bool launch_asked = false;
    bool refusal_logged = false;
    std::vector<Parked> parked;
    ReadTracker reads;
    MonoTime next_keep{};  // not sooner is put down what was read
    std::string packages_token;
    std::optional<OfferedPackages> packages;  // nothing: there are none, or they cannot be read now
    std::optional<Owed> owed;
  };
  struct Stream {
    std::string token;
    std::string peer;
    std::vector<SentPart> parts;
    bool of_packages = false;
    bool cut_short = false;
    std::size_t at = 0;      // in `parts`
    std::uint64_t sent = 0;  // of that part
  };
  using Mounts = std::map<std::string, Entry>;

  // media_core.cc: what the agent orders
  void mount(const wire::Mount& order, const Now& now, MediaOutcome& out);
  static wire::MountState state_for(const wire::Mount& order, const Entry& entry, bool fresh,
                                    MediaOutcome& out);
  void adopt_check(const wire::Mount& order, Entry& entry, MediaOutcome& out);
  void installer_answer(const wire::InstallerAnswer& answer, MediaOutcome& out);
  void adopt_callback(const wire::Mount& order, Entry& entry, MediaOutcome& out);
  static void launch(Entry& entry);
  void forget(const std::string& token, const Now& now, MediaOutcome& out);
  void verdict(const wire::LaunchVerdict& verdict, const Now& now, MediaOutcome& out);
  void all_mounts(const wire::AllMounts& all, const Now& now, MediaOutcome& out);
  void callback_taken(const std::string& token, MediaOutcome& out);
  void abort_streams(const std::string& token, bool beginnings_only, MediaOutcome& out);

  // media_making.cc: what media are made of
  void make(const wire::Mount& order, Entry& entry, const Now& now, MediaOutcome& out);
  Status compose(const wire::Mount& order, Entry& entry, MediaOutcome& out);
  Status attach_packages(const wire::Mount& order, Entry& entry);
  void make_what_is_owed(Entry& entry, const Now& now, MediaOutcome& out);

  // media_answers.cc: what readers and callers ask
  void answer(MediaRequest request, const Now& now, MediaOutcome& out);
  [[nodiscard]] bool hidden(const MediaRequest& request, const MediaTarget& target) const;
  void answer_mount(MediaRequest request, const std::string& token, const Now& now, MediaOutcome& out);
  void answer_callback(MediaRequest request, const std::string& token, const Now& now, MediaOutcome& out);
  void answer_check(MediaRequest request, const std::string& token, const Now& now, MediaOutcome& out);
  static Respond decided(const MediaRequest& request, bool go, const std::string& reason);
  void refuse_askers(Entry& entry, const std::string& why, MediaOutcome& out);
  void answer_packages(const MediaRequest& request, const MediaTarget& target, MediaOutcome& out);
  void serve(const MediaRequest& request, const RangeChoice& choice, const ServedContent& content,
             Duration patience, Stream stream, MediaOutcome& out);
  void serve_beginning(const MediaRequest& request, const ServedContent& content, const Entry& entry,
                       Stream stream, MediaOutcome& out);
  void park(MediaRequest request, const std::string& token, Entry& entry, const Now& now, MediaOutcome& out);
  static void refuse_stranger(const MediaRequest& request, const std::string& token, bool calls,
                              FromWhere& allowed, MediaOutcome& out);
  void refuse_unknown(const MediaRequest& request, const std::string& what, MediaOutcome& out) const;
  /// 503, to be tried again.
  void refuse_for_now(const MediaRequest& request, const std::string& why, MediaOutcome& out) const;
  void refuse_callers(Entry& entry, const std::string& why, MediaOutcome& out);
  void answer_parked(std::vector<Parked> parked, const Now& now, MediaOutcome& out);
  void ask_launch(const std::string& token, Entry& entry, const std::string& peer, MediaOutcome& out);

  // media_reads.cc: what of it is read
  void report_reads(const std::string& token, Entry& entry, const Now& now, MediaOutcome& out);
  void give_up_at_guard(const Now& now, MediaOutcome& out);
  static void keep_reads(const std::string& token, Entry& entry, const Now& now, MediaOutcome& out);
  static bool owes_reads(const Entry& entry);
  /// Once. What shows it is to be put down at once: another life of the media server must start nothing, either.
  static bool seal_when_booted(Entry& entry);
  void refuse_the_late(Entry& entry, const Now& now, MediaOutcome& out);

  BaseImages* bases_;
  MediaLimits limits_;
  PackageShelf shelf_;
  Mounts mounts_;
  std::map<std::string, std::string> callbacks_;  // callback token -> mount token
  std::map<std::string, std::string> checks_;     // token that an installer asks by -> mount token
  std::map<std::string, std::string> packages_;   // token of a package tree -> mount token
  std::map<ConnId, Stream> streams_;
  std::map<ConnId, MonoTime> at_guard_;    // of these: until when it may wait before the first guarded byte
  std::map<ConnId, std::string> waiting_;  // parked connection -> mount token
  std::map<std::string, MonoTime> unreadable_told_;  // path -> when last
  bool agent_there_ = true;
  bool knows_all_ = false;  // AllMounts came
};

}  // namespace metalmesh::media
