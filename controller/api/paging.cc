#include "controller/api/paging.h"

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <charconv>
#include <utility>

namespace metalmesh::controller {

std::expected<std::uint64_t, Problem> parse_number(const std::string& text, const std::string& field) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return refuse(400, field + " is \"" + text + "\", expected a whole number", field);
  }
  return number;
}

std::expected<LedgerLives::Position, Problem> seen_position(const std::string& text, const std::string& field,
                                                            const MeshState& state) {
  const auto position = state.lives.find(text, state.last_event);
  if (position) return *position;
  return refuse(400, field + " is \"" + text + "\", expected the id of an event", field,
                "send an id as an event or a page gave it, e.g. \"" + state.lives.id_of(state.last_event) +
                    "\", or 0 for the beginning");
}

std::expected<std::size_t, Problem> page_limit(const ApiRequest& request, std::size_t otherwise) {
  const std::string* text = request.parameter("limit");
  if (text == nullptr) return otherwise;
  const auto number = parse_number(*text, "limit");
  if (!number) return std::unexpected(number.error());
  if (*number == 0 || *number > page_most)
    return refuse(400, "limit must be 1 to 1000, got " + *text, "limit");
  return static_cast<std::size_t>(*number);
}

void PageWriter::add(const std::string& item) {
  if (size_++ > 0) body_ += ',';
  body_ += item;
}

ApiReply PageWriter::finish(const std::string& next) {
  body_ += ']';
  if (!next.empty()) body_ += ",\"next\":" + boost::json::serialize(boost::json::string_view(next));
  body_ += '}';
  return {200, std::move(body_), "application/json", {}};
}

}  // namespace metalmesh::controller
