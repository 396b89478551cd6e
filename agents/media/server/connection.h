// One reader's connection: bytes in, requests out; responses in, bytes out. Knows HTTP framing and nothing
// of fences: the loop asks the core. Only the loop's thread touches it.
//
// `step` does what can be done without blocking and says what to wait for. Image content is read from
// the base file for each chunk and never kept, so a response that is stopped leaves nothing behind.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/media/http_request_head.h"
#include "agents/media/media_core.h"
#include "agents/media/server/image_file.h"
#include "agents/media/server/net_socket.h"
#include "common/base/time.h"

namespace metalmesh::media {

/// How long a reader may take. BMCs are slow, but not this slow.
struct ReaderPatience {
  Duration handshake = std::chrono::seconds(15);
  Duration request = std::chrono::seconds(20);  // from the first byte of a head to the end of the body
  Duration idle = std::chrono::seconds(90);     // between requests
  /// A response of which the peer acknowledges nothing. Of a launched medium it is what its order says: hosts
  /// format their disks in the middle of a response.
  Duration stalled = std::chrono::seconds(90);
};

/// A whole 64-KiB range with its head.
inline constexpr std::size_t scratch_bytes = 66 * std::size_t{1024};

class Connection {
 public:
  enum class Wait { readable, writable, turn, verdict, disk, gone };
  /// What a step brought about, for the loop to pass on.
  struct Progress {
    Wait wait = Wait::readable;
    std::optional<MediaRequest> request;  // complete: ask the core; no further step until `respond`
    std::uint64_t content_sent = 0;       // bytes of image content since the last step
    std::string tls_refused;              // why the handshake failed
    std::uint64_t wanted = 0;  // with Wait::disk: from where on in the base; no further step until `take`
  };

  /// `door` goes into its requests.
  Connection(ConnId id, NetSocket socket, std::string peer, Door door, ReaderPatience patience, MonoTime now);

  /// Of image content it sends about `most_content` bytes and then waits for a turn; with 0, it waits at
  /// once. `scratch` is shared by all connections, `scratch_bytes` long; `may_continue` is asked before each
  /// piece of content.
  Progress step(MonoTime now, std::size_t most_content, std::vector<char>& scratch,
                const std::function<bool()>& may_continue);
  /// `file` is the open base of the response's segments, if it has any.
  void respond(Respond respond, std::shared_ptr<ImageFile> file, MonoTime now);
  /// The disk answered: `bytes` of the base from `offset` on, maybe others than those that were wanted.
  void take(std::uint64_t offset, std::shared_ptr<const std::string> bytes, MonoTime now);
  /// Of a response some is still here or in the kernel.
  [[nodiscard]] bool has_unsent() const {
    return phase_ == Phase::sending || phase_ == Phase::held || socket_.has_unsent();
  }
  /// Now and then: whether the peer has taken something. Bytes that wait in the kernel say nothing of it, and
  /// a slow reader empties that only once in minutes.
  void look_for_progress(MonoTime now);
  /// What is unsent shall not arrive.
  void abort() { socket_.drop_unsent(); }

  /// Image content is on its way: further steps are a matter of turns.
  [[nodiscard]] bool sends_content() const { return phase_ == Phase::sending && !content_.empty(); }
  /// It is to be closed, and what was sent has arrived.
  [[nodiscard]] bool is_done() const { return phase_ == Phase::closing && !socket_.has_unsent(); }
  [[nodiscard]] bool from_hosts() const { return door_ == Door::packages; }
  [[nodiscard]] bool awaits_verdict() const { return phase_ == Phase::waiting; }
  [[nodiscard]] bool awaits_disk() const { return awaits_disk_; }
  [[nodiscard]] const std::shared_ptr<ImageFile>& file() const { return file_; }
  /// Of the base: what it wants next.
  [[nodiscard]] std::uint64_t wanted() const { return wanted_; }
  [[nodiscard]] ConnId id() const { return id_; }
  [[nodiscard]] int fd() const { return socket_.fd(); }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] bool expired(MonoTime now) const { return phase_ != Phase::waiting && now >= deadline_; }
  /// Nothing is under way for it, since it came or was answered last.
  [[nodiscard]] std::optional<MonoTime> idle_since() const {
    const bool idle = phase_ == Phase::handshake || phase_ == Phase::reading;
    return idle ? std::optional(answered_) : std::nullopt;
  }
  /// It was sent content of an image: a BMC, and no stranger.
  [[nodiscard]] bool was_served() const { return was_served_; }
  [[nodiscard]] bool in_handshake() const { return phase_ == Phase::handshake; }
  [[nodiscard]] bool handshake_began() const { return socket_.handshake_began(); }

 private:
  enum class Phase { handshake, reading, waiting, sending, held, closing };

  bool shake_hands(Progress& progress, MonoTime now);
  bool read_request(Progress& progress, MonoTime now, std::vector<char>& scratch);
  bool take_request(Progress& progress, MonoTime now);
  bool send(Progress& progress, MonoTime now, std::size_t most_content, std::vector<char>& scratch,
            const std::function<bool()>& may_continue);
  IoResult send_piece(Progress& progress, MonoTime now, std::size_t most_content, std::vector<char>& scratch);
  std::size_t gather(std::vector<char>& scratch, MonoTime now);
  std::size_t read_base(std::uint64_t offset, char* into, std::size_t length, MonoTime now);
  IoResult send_gathered(const char* from, std::size_t length);
  void took(std::size_t bytes, Progress& progress);
  bool finish_response(MonoTime now);
  void hold(Progress& progress, std::vector<char>& scratch);
  void close_in_peace(Progress& progress, std::vector<char>& scratch);
  void answer_now(int status, const std::string& text, MonoTime now);
  bool blocked(const IoResult& result, Progress& progress) const;

  ConnId id_;
  NetSocket socket_;
  std::string peer_;
  Door door_;
  ReaderPatience patience_;
  Phase phase_ = Phase::handshake;
  MonoTime deadline_;
  MonoTime answered_;  // last, or when it came

  std::string in_;
  bool head_only_ = false;
  bool keep_alive_ = true;
  bool was_served_ = false;

  std::string out_;  // head and text
  std::size_t out_at_ = 0;
  std::shared_ptr<ImageFile> file_;
  std::deque<Segment> content_;
  std::uint64_t segment_at_ = 0;
  bool cut_short_ = false;  // what was announced does not come: the peer ends it, or the core
  std::string begun_;       // what a TLS record that has not left yet holds: the next bytes of the response

  Duration stalled_{};  // of this response
  std::uint64_t acknowledged_ = 0;

  bool awaits_disk_ = false;
  std::uint64_t wanted_ = 0;
  std::shared_ptr<const std::string>
      fetched_;  // from the disk, not kept for longer than until the socket is full
  std::uint64_t fetched_at_ = 0;
};

}  // namespace metalmesh::media
