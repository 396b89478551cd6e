// What one mount's readers have read: the raw material of the proof of mount, of the progress bar and of
// "stuck or slow". Coverage is kept per 64 KiB block (in larger ones from 64 GiB on, so that it stays within
// 128 KiB of memory). It may run ahead of the truth by less than one block per read, but never beyond the
// bytes that were served. Which blocks were read can be put down and taken up again by another life of the
// media server.
#pragma once

#include <optional>
#include <string>
#include <string_view>

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
  /// Told at once: an insert may fail of it in this moment.
  void wanted_whole(const std::string& peer);
  /// The medium was booted: told at once.
  void sealed();
  /// Somebody looks for something to start on a sealed medium.
  void start_refused(const std::string& peer);
  /// All of it was read.
  [[nodiscard]] bool covers(const ByteRange& range) const;
  /// From the package tree beside the medium.
  void package_served(std::uint64_t bytes);

  /// The blocks as bytes, a bit for each: `unsaved` is what of them has changed since it was last asked for.
  /// Nothing when nothing has.
  struct Blocks {
    std::uint64_t at = 0;  // in the whole
    std::string bytes;
  };
  std::optional<Blocks> unsaved();
  /// All of them count as unsaved.
  void save_all();
  [[nodiscard]] bool has_unsaved() const { return dirty_to_ > dirty_from_; }
  /// Blocks that an earlier life has put down, from the first one on. Counts what it did not know as served.
  void recall(std::string_view blocks);

  /// Whoever listens now has not heard it: all that was read is to be reported again, at once.
  void tell_again();

  /// The report to send now, if one is due: the first read at once, later changes at most once a second.
  std::optional<wire::Reads> report(const std::string& token, MonoTime now);
  /// When `report` has something to say; nothing while nothing changed.
  [[nodiscard]] std::optional<MonoTime> due() const;

 private:
  void mark(std::uint64_t block);

  std::uint64_t size_ = 0;
  std::uint64_t block_ = 1;
  std::string blocks_;  // a bit for each block
  std::size_t dirty_from_ = 0;
  std::size_t dirty_to_ = 0;
  std::uint64_t touched_bytes_ = 0;
  std::uint64_t served_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t wanted_whole_ = 0;
  std::uint64_t packages_ = 0;
  std::uint64_t starts_refused_ = 0;
  bool sealed_ = false;
  std::string peer_;
  bool changed_ = false;
  std::optional<MonoTime> next_;  // nothing: never reported, so at once
};

}  // namespace metalmesh::media
