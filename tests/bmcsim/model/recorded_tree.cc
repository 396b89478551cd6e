#include "tests/bmcsim/model/recorded_tree.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

namespace json = boost::json;

constexpr Duration quick = std::chrono::seconds(2);

/// As a BMC would send it: an object as its text, a text as it is.
std::string body_of(const json::object& line) {
  const json::value* reply = line.if_contains("reply");
  if (reply == nullptr) return {};
  return reply->is_string() ? std::string(reply->as_string()) : json::serialize(*reply);
}

std::int64_t number_at(const json::object& line, std::string_view key, std::int64_t otherwise) {
  const json::value* value = line.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<std::int64_t>() : otherwise;
}

bool is_usual(const RecordedAnswer& answer) { return answer.status / 100 == 2 && answer.took < quick; }

}  // namespace

void RecordedTree::put(const std::string& path, std::string body) {
  const auto [at, fresh] = bodies_.try_emplace(path, std::move(body));
  if (fresh) names_.find(parse_body(at->second));
}

Status RecordedTree::add_lines(std::string_view lines) {
  std::map<std::string, std::vector<RecordedAnswer>> said;
  for (std::size_t number = 1; !lines.empty(); ++number) {
    const std::string text(lines.substr(0, lines.find('\n')));
    lines.remove_prefix(std::min(lines.size(), text.size() + 1));
    if (text.empty()) continue;
    const json::value line = parse_body(text);
    if (!line.is_object())
      return fail(ErrorKind::invalid, "line " + std::to_string(number) + " is no JSON object");
    if (std::string fault = string_at(line, "fault"); !fault.empty()) fault_ = std::move(fault);
    const std::string method = string_at(line, "method");
    const std::string path = string_at(line, "path");
    if (method.empty() || !path.starts_with('/')) continue;  // a note
    const auto& entry = line.as_object();
    RecordedAnswer answer;
    answer.status = static_cast<int>(number_at(entry, "status", 0));
    answer.body = body_of(entry);
    answer.took = std::chrono::milliseconds(number_at(entry, "tookMs", 0));
    answer.times = static_cast<unsigned>(std::max<std::int64_t>(1, number_at(entry, "times", 1)));
    const json::value* reply = entry.if_contains("reply");
    const bool whole = reply != nullptr && reply->is_object();
    if (method == "GET" && answer.status == 200 && whole) put(without_slashes(path), answer.body);
    said[method + " " + path].push_back(std::move(answer));
  }
  for (auto& [what, answers] : said) {
    if (std::ranges::all_of(answers, is_usual)) continue;
    auto& all = said_[what];
    all.insert(all.end(), std::make_move_iterator(answers.begin()), std::make_move_iterator(answers.end()));
  }
  return {};
}

const std::string* RecordedTree::at(const std::string& path) const {
  const auto found = bodies_.find(path);
  return found == bodies_.end() ? nullptr : &found->second;
}

std::vector<std::string> RecordedTree::paths() const {
  std::vector<std::string> out;
  for (const auto& [path, body] : bodies_) out.push_back(path);
  for (const auto& [what, answers] : said_) out.push_back(what.substr(what.find('/')));
  return out;
}

const std::vector<RecordedAnswer>& RecordedTree::said(const std::string& what) const {
  static const std::vector<RecordedAnswer> nothing;
  const auto found = said_.find(what);
  return found == said_.end() ? nothing : found->second;
}

}  // namespace metalmesh::bmcsim
