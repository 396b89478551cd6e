// What was said between a site and a BMC when a deployment did not succeed. An event names its digest; the bytes are
// fetched afterwards, when nothing else is held up by it: one small piece at a time from one site, from few sites at
// once, and none while the disk is low. Until it is here, or known to be gone, it is told as coming.
//
// What is fetched lies under its deployment, so that a site can name only its own. Pieces are rows: whoever is killed
// goes on behind the last one. A whole one is believed when its bytes have the digest that was told. What lies here is
// bounded in bytes and in age; the oldest of the site that has most goes first, and that is told.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/ports/store.h"
#include "controller/core/work.h"
#include "controller/state/transcript_rows.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::controller {

struct TranscriptLimits {
  std::uint64_t bytes = std::uint64_t{128} << 20U;  // of all that lie here
  Duration age = std::chrono::hours(24 * 90);
  std::size_t sites = 8;  // that are asked at one time
  Duration ask_again = std::chrono::seconds(5);
  Duration rest = std::chrono::seconds(30);  // of a site that did not answer
};

/// The end of a deployment named one: it is coming, unless it cannot be.
void name_transcript(Work& work, const std::string& deployment, const wire::BlobRef& named,
                     const std::string& journal);
/// A piece of it was damaged in our store: what its site still has is fetched again.
void fetch_transcript_again(Work& work, const std::string& deployment);

class Transcripts {
 public:
  explicit Transcripts(const RowReader& rows, TranscriptLimits limits = {}) : rows_(rows), limits_(limits) {}

  void on_chunk(Work& work, const std::string& site, const wire::BlobChunk& chunk);
  /// Once a second, while the bus is up.
  void ask(Work& work);
  /// Once a second: what is too much, or too old, goes.
  void tidy(Work& work) const;

 private:
  /// What a site is asked for. There is one at a time, and only of that, and of what is here, are there any pieces.
  struct Fetch {
    std::string deployment;
    rest::Transcript transcript;
    std::uint64_t piece = 0;  // the next one
    MonoTime due;
    unsigned asked = 0;    // for this piece, in vain
    unsigned unknown = 0;  // answers that it is not there
    unsigned wrong = 0;    // answers that cannot be
  };
  void begin(const Work& work, const std::string& site, const TranscriptBoard::Aged& coming);
  void ask_for_piece(const Work& work, const std::string& site, Fetch& fetch) const;
  void give_way(Work& work, const std::string& site, const Fetch& fetch);
  void distrust(Work& work, const std::string& site, Fetch& fetch);
  void finish(Work& work, const std::string& site, const Fetch& fetch);
  void rest(const std::string& site, const Work& work) { rests_until_[site] = work.now.mono + limits_.rest; }

  const RowReader& rows_;
  TranscriptLimits limits_;
  std::map<std::string, Fetch> fetches_;  // by site
  std::map<std::string, MonoTime> rests_until_;
  std::map<std::string, std::pair<WallTime, std::string>> tried_;  // by site: the last one that did not come
  std::string turn_;                                               // the site that was begun last
};

}  // namespace metalmesh::controller
