#include "agents/redfish/json_view.h"

#include <algorithm>

#include "common/text/utf8.h"

namespace metalmesh::redfish {
namespace {

constexpr std::size_t longest_document = std::size_t{1} << 20U;
constexpr std::size_t longest_text = 2048;
constexpr std::size_t longest_path = 1024;
constexpr std::size_t deepest = 32;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

View View::operator[](std::string_view key) const {
  if (!is_object()) return {};
  const auto& object = value_->get_object();
  const auto found = object.find(boost::json::string_view(key.data(), key.size()));
  return found == object.end() ? View() : View(&found->value());
}

std::vector<View> View::items(std::size_t limit) const {
  std::vector<View> out;
  if (value_ == nullptr || !value_->is_array()) return out;
  for (const auto& item : value_->get_array()) {
    if (out.size() == limit) break;
    out.emplace_back(&item);
  }
  return out;
}

std::string View::text() const {
  if (value_ == nullptr) return {};
  if (value_->is_string()) {
    const auto& text = value_->get_string();
    return Utf8(std::string_view(text.data(), text.size())).cut(longest_text).str();
  }
  if (value_->is_int64()) return std::to_string(value_->get_int64());
  if (value_->is_uint64()) return std::to_string(value_->get_uint64());
  if (value_->is_bool()) return value_->get_bool() ? "true" : "false";
  return {};
}

std::string View::whole_text() const {
  return value_ != nullptr && value_->is_string() ? std::string(value_->get_string()) : std::string();
}

std::vector<View> View::one_or_more(std::size_t limit) const {
  if (is_object()) return {*this};
  return items(limit);
}

std::vector<std::string> View::texts() const {
  std::vector<std::string> out;
  for (const View& item : items())
    if (std::string text = item.text(); !text.empty()) out.push_back(std::move(text));
  return out;
}

std::optional<bool> View::flag() const {
  if (value_ == nullptr) return std::nullopt;
  if (value_->is_bool()) return value_->get_bool();
  const std::string text = this->text();
  if (text == "true" || text == "True" || text == "1") return true;
  if (text == "false" || text == "False" || text == "0") return false;
  return std::nullopt;
}

std::string View::link() const { return path_of(is_object() ? (*this)["@odata.id"].text() : text()); }

std::vector<std::string> View::keys() const {
  std::vector<std::string> out;
  if (!is_object()) return out;
  for (const auto& member : value_->get_object()) out.emplace_back(member.key().data(), member.key().size());
  return out;
}

std::optional<std::uint64_t> View::whole() const {
  if (value_ == nullptr) return std::nullopt;
  if (value_->is_uint64()) return value_->get_uint64();
  if (value_->is_int64() && value_->get_int64() >= 0) return static_cast<std::uint64_t>(value_->get_int64());
  constexpr double most = 9e18;
  if (value_->is_double() && value_->get_double() >= 0 && value_->get_double() < most)
    return static_cast<std::uint64_t>(value_->get_double());
  return std::nullopt;
}

std::string View::json() const { return value_ == nullptr ? std::string() : boost::json::serialize(*value_); }

Result<Document> Document::parse(std::string_view body) {
  if (body.size() > longest_document) return fail(ErrorKind::corrupt, "JSON longer than 1 MiB");
  // One byte in another encoding, or a byte order mark, is no reason to lose the whole resource.
  const std::string text = valid_utf8(std::string(body.starts_with(byte_order_mark) ? body.substr(3) : body));
  boost::json::parse_options options;
  options.max_depth = deepest;
  boost::json::parser parser({}, options);
  boost::json::error_code error;
  const std::size_t read = parser.write_some(text.data(), text.size(), error);
  const bool trailing = !error && text.find_first_not_of(" \t\r\n", read) != std::string::npos;
  if (error || trailing) return fail(ErrorKind::corrupt, "invalid JSON at byte " + std::to_string(read));
  Document document;
  document.value_ = parser.release();
  return document;
}

Result<Document> Document::parse_object(std::string_view body) {
  auto document = parse(body);
  if (document && !document->root().is_object()) return fail(ErrorKind::corrupt, "not a JSON object");
  return document;
}

std::string path_of(std::string_view uri) {
  if (const auto scheme = uri.find("://"); scheme != std::string_view::npos && scheme < 8) {
    const auto slash = uri.find('/', scheme + 3);
    if (slash == std::string_view::npos) return {};
    uri.remove_prefix(slash);
  }
  const auto printable = [](char c) { return c > ' ' && c < '\x7f'; };
  const bool fits =
      !uri.empty() && uri.front() == '/' && !uri.starts_with("//") && uri.size() <= longest_path;
  return fits && std::all_of(uri.begin(), uri.end(), printable) ? std::string(uri) : std::string();
}

}  // namespace metalmesh::redfish
