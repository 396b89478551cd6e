// A base image on which a patcher draws: reads see what was written, the base itself is only read. Changed
// blocks are kept at 2 KiB each while drawing; `finish` reduces them to the bytes that really differ.
//
// New content goes behind the base's end, in whole sectors: either bytes, or ranges of the base that thereby
// appear a second time at no cost. Nothing is written twice there, so `write` is for the base's own part.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agents/media/block_reader.h"
#include "agents/media/iso_record.h"
#include "agents/media/overlay.h"

namespace metalmesh::media {

class Canvas final : public BlockReader {
 public:
  /// `base` must outlive the canvas.
  explicit Canvas(BlockReader& base);

  [[nodiscard]] std::uint64_t size() const override { return next_sector_ * iso_sector; }
  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t length) override;

  /// Within the base. Errors: corrupt (outside), or those of the base.
  Status write(std::uint64_t offset, std::string_view bytes);

  /// Reserves whole sectors behind everything and returns the first. What is never placed there is zero.
  std::uint64_t allocate(std::uint64_t bytes);
  /// Fills what `allocate` returned; once per sector.
  void place(std::uint64_t sector, std::vector<Segment> content);
  /// Both in one step.
  std::uint64_t append(std::string bytes);

  [[nodiscard]] std::uint64_t next_sector() const { return next_sector_; }
  [[nodiscard]] std::uint64_t base_size() const { return base_.size(); }
  /// The sorted patches; the canvas is spent.
  Result<Overlay> finish();

 private:
  Result<std::string> base_block(std::uint64_t sector);
  Status add_differences(std::uint64_t sector, const std::string& changed, std::vector<Patch>& out);

  BlockReader& base_;
  std::uint64_t next_sector_;
  std::map<std::uint64_t, std::string> blocks_;  // sector of the base -> its new content
  std::map<std::uint64_t, Segment> tail_;        // offset behind the base -> content
};

}  // namespace metalmesh::media
