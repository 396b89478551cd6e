// Reads images beside the loop, on threads that may wait: a sector that takes seconds to fail, or a disk that
// stands still, holds up who needs it and nobody else. The unit is an extent; who wants one that is being
// read waits with the others. A place that failed is not asked again for a while, so no reader that comes
// again pays those seconds anew.
//
// `ask` and `take` belong to the loop's thread. Threads are started as they are needed. The destructor does
// not wait for a disk that does not answer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/media/media_exchange.h"
#include "agents/media/server/image_file.h"
#include "common/base/time.h"

namespace metalmesh::media {

/// Of an image, from `offset` on: what a reader asked for and maybe more.
struct DiskReply {
  std::shared_ptr<ImageFile> file;
  std::uint64_t offset = 0;
  std::shared_ptr<const std::string> bytes;  // may be empty
  std::string why;                           // what the disk said right behind them; empty: nothing
  bool again = false;                        // it had failed here a moment ago and was not asked
  std::vector<ConnId> readers;

  [[nodiscard]] std::uint64_t end() const { return offset + bytes->size(); }
};

class DiskPool {
 public:
  static constexpr std::uint64_t extent_bytes = 256 * 1024;
  static constexpr Duration failed_for = std::chrono::seconds(10);

  /// `wake` is called from other threads when `take` has something.
  explicit DiskPool(std::function<void()> wake, unsigned threads = 8);
  ~DiskPool();
  DiskPool(const DiskPool&) = delete;
  DiskPool& operator=(const DiskPool&) = delete;

  /// Reads from `offset` to the end of its extent.
  void ask(ConnId reader, const std::shared_ptr<ImageFile>& file, std::uint64_t offset, MonoTime now);
  std::vector<DiskReply> take(MonoTime now);

 private:
  struct Shared;
  using Place = std::pair<const ImageFile*, std::uint64_t>;
  struct UnderWay {
    std::uint64_t offset = 0;
    std::vector<ConnId> readers;
  };
  struct Failed {
    std::weak_ptr<ImageFile> file;  // no other file came to its address
    MonoTime until;
    std::string why;
  };

  const Failed* failed_at(const std::shared_ptr<ImageFile>& file, std::uint64_t offset, MonoTime now);
  void note_failure(const DiskReply& reply, MonoTime now);

  std::shared_ptr<Shared> shared_;
  std::uint64_t asked_ = 0;
  std::map<std::uint64_t, UnderWay> under_way_;  // by number
  std::map<Place, std::uint64_t> extents_;       // -> the number of the read that is under way there
  std::map<Place, Failed> failed_;               // by the page that failed
  std::vector<DiskReply> at_once_;
};

}  // namespace metalmesh::media
