// What one mount's readers have read: the raw material of the proof of mount, of the progress bar and of
// "stuck or slow". Coverage is kept per 64 KiB block (in larger ones from 64 GiB on, so that it stays within
// 128 KiB of memory). It may run ahead of the truth by less than one block per read, but never beyond the
// bytes that were served.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/media/byte_range.h"
#include "common/base/time.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

class ReadTracker {
 public:
  ReadTracker() = default;
  explicit ReadTracker(std::uint64_t size);

  void served(const ByteRange& range, const std::string& peer);
  void refused_closed(const std::string& peer);
  /// From the package tree beside the medium.
  void package_served(std::uint64_t bytes);

  /// Whoever listens now has not heard it: all that was read is to be reported again, at once.
  void tell_again();

  /// The report to send now, if one is due: the first read at once, later changes at most once a second.
  std::optional<wire::Reads> report(const std::string& token, MonoTime now);
  /// When `report` has something to say; nothing while nothing changed.
  [[nodiscard]] std::optional<MonoTime> due() const;

 private:
  std::uint64_t size_ = 0;
  std::uint64_t block_ = 1;
  std::vector<bool> blocks_;
  std::uint64_t touched_bytes_ = 0;
  std::uint64_t served_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t packages_ = 0;
  std::string peer_;
  bool changed_ = false;
  std::optional<MonoTime> next_;  // nothing: never reported, so at once
};

}  // namespace metalmesh::media
