// Looks on while this thread digests: a recorder learns which digests rest on bytes that it masks, a replay
// of masked bytes gives the digests that the masked ones had.
#pragma once

#include <string>
#include <string_view>

namespace metalmesh {

class DigestTap {
 public:
  virtual ~DigestTap() = default;
  /// sha256(a + b) was computed; what is left in `digest` is what the caller gets.
  virtual void digested(std::string_view a, std::string_view b, std::string& digest) = 0;
};

/// In the scope of one of these, `sha256` of this thread shows its work to `tap`. Scopes may nest; the inner
/// one counts. A null tap is none.
class DigestTapScope {
 public:
  explicit DigestTapScope(DigestTap* tap);
  ~DigestTapScope();
  DigestTapScope(const DigestTapScope&) = delete;
  DigestTapScope& operator=(const DigestTapScope&) = delete;

 private:
  DigestTap* before_;
};

}  // namespace metalmesh
