// Blobs: content-addressed bytes that do not fit a frame, pulled in chunks: profiles by agents, transcripts by the
// controller.
//
// Whoever has one answers one BlobWant with one BlobChunk and keeps no state. Whoever lacks it asks for one chunk
// per blob at a time, asks again when nothing came, and gives a blob out only when its SHA-256 is right.
// Everything is bounded: 4 MiB per blob, a few blobs side by side, the rest queue. Pure. What an agent has half
// fetched dies with the process and is fetched again; the controller keeps pieces (controller/core/transcripts.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::delivery {

inline constexpr std::size_t blob_limit = std::size_t{4} * 1024 * 1024;
inline constexpr std::size_t blob_chunk_limit = std::size_t{40} * 1024;

/// The half of whoever has it. `blob` is null when there is no blob of that name.
wire::BlobChunk answer_blob_want(const wire::BlobWant& want, const std::string* blob);

struct BlobLimits {
  std::size_t side_by_side = 4;  // blobs that hold memory at one time
  std::size_t wanted = 256;      // names that are waited for
  Duration ask_again = std::chrono::seconds(3);
  Duration ask_slowly = std::chrono::seconds(30);  // the controller does not have it (yet), or it was damaged
};

/// The half of an agent that lacks it.
class BlobFetcher {
 public:
  explicit BlobFetcher(BlobLimits limits = {});

  /// Starts (or goes on) to fetch `sha256` (hex). False when too many are wanted already: want it later.
  bool want(const std::string& sha256);
  void forget(const std::string& sha256);
  [[nodiscard]] bool wants(const std::string& sha256) const;

  /// What to ask for now. Call after `want`, after `on_chunk`, on a timer and when the bus came up.
  std::vector<wire::BlobWant> pump(const Now& now);
  /// When `pump` wants to be called again, if nothing else happens.
  [[nodiscard]] std::optional<MonoTime> next_due() const;
  /// Ask again at once for everything (the bus came up).
  void rewind();

  enum class Verdict { ignored, progress, complete, unknown, corrupt, too_long };
  struct Taken {
    Verdict verdict = Verdict::ignored;
    std::string bytes;  // with complete: the whole blob, its digest checked; it is no longer wanted
  };
  /// `unknown`, `corrupt` and `too_long` keep the blob wanted, to be asked for slowly: the controller may
  /// be corrected. The owner decides when to give up (`forget`).
  Taken on_chunk(const wire::BlobChunk& chunk, const Now& now);

 private:
  struct Fetch {
    std::string bytes;
    std::uint64_t size = 0;       // 0 until the first chunk came
    std::optional<MonoTime> due;  // none: ask now
    bool active = false;
  };
  Taken restart(Fetch& fetch, Verdict why, const Now& now) const;

  BlobLimits limits_;
  std::map<std::string, Fetch> fetches_;  // by digest
};

}  // namespace metalmesh::delivery
