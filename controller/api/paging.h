// Lists come in pages: at most `limit` items after the one named by `after`; the answer's `next` is the
// value for the next `after`, and missing on the last page. Names are the cursor, so a page neither
// repeats nor skips an object that exists throughout. A page of what is selected from many may have few items, or none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "controller/api/api_request.h"
#include "controller/api/problem.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

inline constexpr std::size_t page_default = 500;
inline constexpr std::size_t page_most = 1000;
inline constexpr std::size_t looked_at_most = 1000;  // objects for one page, so that others have their turn
inline constexpr std::size_t page_bytes =
    4U << 20;  // of a page whose items others write; the last item may go beyond

/// The `limit` parameter: 1 to page_most.
std::expected<std::size_t, Problem> page_limit(const ApiRequest& request,
                                               std::size_t otherwise = page_default);

/// A whole number without sign, or 400 naming `field`.
std::expected<std::uint64_t, Problem> parse_number(const std::string& text, const std::string& field);

/// Where who has seen the event of this id goes on. Refuses with 400 what is no id.
std::expected<LedgerLives::Position, Problem> seen_position(const std::string& text, const std::string& field,
                                                            const MeshState& state);

/// {"items":[...],"next":"..."} from items that are JSON already.
class PageWriter {
 public:
  void add(const std::string& item);
  [[nodiscard]] std::size_t size() const { return size_; }
  /// It has as many bytes as a page may have, whatever its items are: the next page goes on.
  [[nodiscard]] bool full() const { return body_.size() >= page_bytes; }
  [[nodiscard]] ApiReply finish(const std::string& next);

 private:
  std::string body_ = "{\"items\":[";
  std::size_t size_ = 0;
};

}  // namespace metalmesh::controller
