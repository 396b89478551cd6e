// One directory of an image, in memory, to be searched and changed. Sectors that stay as they are remember
// where they lie in the base, so that a directory which has to move costs only its changed sectors.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agents/media/patch/canvas.h"
#include "agents/media/patch/iso_names.h"
#include "agents/media/rock_ridge.h"

namespace metalmesh::media {

/// What the records of one tree look like.
struct IsoDialect {
  IsoNaming naming = IsoNaming::plain;
  std::size_t susp_skip = 0;
  std::size_t mode_length = 36;
  bool versions = true;  // ";1" behind the names of files
  std::string recorded;  // recording time for what is new
};

struct IsoEntry {
  std::size_t at = 0;  // of its record in the directory
  ByteRange extent;
  bool directory = false;
  bool more_extents = false;
  std::string identifier;  // raw
  std::string name;
  std::string system_use;
};

class IsoDirectory {
 public:
  static Result<IsoDirectory> load(Canvas& canvas, const ByteRange& extent, const IsoDialect& dialect);
  /// An empty one; `self` and `parent` are the records of "." and "..".
  static IsoDirectory fresh(const std::string& self, const std::string& parent, const IsoDialect& dialect);

  /// By its name, or else by the only name that differs in case, or (if `shortened`) is its 8.3 form.
  /// Nothing: not there. Errors: corrupt, unsupported (several could be meant).
  Result<std::optional<IsoEntry>> find(Canvas& canvas, const std::string& name, bool shortened = false) const;
  /// The file whose content begins there.
  Result<std::optional<IsoEntry>> find_content(const ByteRange& extent) const;
  [[nodiscard]] bool has_identifier(std::string_view identifier) const;
  /// Where its sub-directories lie. Fails with `unsupported` when some are relocated (Rock Ridge CL, RE):
  /// they point back here, so this directory cannot move.
  Result<std::vector<IsoEntry>> subdirectories(Canvas& canvas) const;

  void insert(const std::string& record);
  /// Points the record with this identifier to another extent; "\0" is the directory itself, "\1" its parent.
  void point(std::string_view identifier, std::uint64_t sector, std::uint64_t size);
  /// Gives a replaced file an own Rock Ridge serial number, so that its former hard links are not its twins.
  void renumber(std::string_view identifier, std::uint64_t serial);

  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
  /// The directory no longer fits where it was (or was nowhere).
  [[nodiscard]] bool must_move() const { return !home_ || home_->length != bytes_.size(); }
  /// Its extent in the base; nothing for a fresh one.
  [[nodiscard]] const std::optional<ByteRange>& home() const { return home_; }
  Status write_in_place(Canvas& canvas) const;
  void write_at(Canvas& canvas, std::uint64_t sector) const;

 private:
  using Visit = std::function<Result<bool>(std::size_t at, const IsoRecord& record)>;
  Status each(const Visit& visit) const;  // until `visit` says false
  [[nodiscard]] std::optional<std::size_t> record_of(std::string_view identifier) const;
  void changed(std::size_t at) { origin_[at / iso_sector].reset(); }

  IsoDialect dialect_;
  std::optional<ByteRange> home_;
  std::string bytes_;                                 // whole sectors
  std::vector<std::optional<std::uint64_t>> origin_;  // per sector: its offset in the base, while unchanged
};

}  // namespace metalmesh::media
