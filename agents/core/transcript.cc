#include "agents/core/transcript.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "agents/redfish/resources.h"
#include "common/ports/wire_time.h"
#include "common/recording/secret_finder.h"
#include "common/text/utf8.h"

namespace metalmesh::agent {
namespace {

namespace json = boost::json;

constexpr std::size_t head_room = std::size_t{16} << 10U;
constexpr std::size_t tail_room = std::size_t{48} << 10U;
constexpr std::size_t body_limit = std::size_t{4} << 10U;
constexpr std::size_t whole_room = std::size_t{2} << 20U;  // it must fit a blob, masked and with its dates
constexpr std::size_t whole_body_limit = std::size_t{256} << 10U;
constexpr std::size_t path_limit = 512;
constexpr std::size_t looked_back = 4;  // entries: a watch reads a few resources in turn
constexpr std::size_t entry_cost = 160;
constexpr std::size_t open_limit =
    4;  // a work has one request under way; what is never answered must not pile up

/// Of what was cut, and is no JSON any more: strings whose name says so.
void find_in_cut_json(std::string_view text, recording::SecretSet& secrets) {
  const auto string_at = [&](std::size_t quote) -> std::optional<std::string_view> {
    if (quote >= text.size() || text[quote] != '"') return std::nullopt;
    std::size_t end = quote + 1;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    if (end >= text.size()) return std::nullopt;
    return text.substr(quote + 1, end - quote - 1);
  };
  for (std::size_t at = text.find('"'); at != std::string_view::npos; at = text.find('"', at)) {
    const auto name = string_at(at);
    if (!name) return;
    at += name->size() + 2;
    const auto value = string_at(text.find_first_not_of(" \t\r\n:", at));
    if (value && recording::names_a_secret(*name)) secrets.learn(*value);
  }
}

void find_secrets(const std::string& text, recording::SecretSet& secrets) {
  recording::find_in_text(text, secrets);
  boost::system::error_code wrong;
  const json::value parsed = json::parse(text, wrong);
  if (wrong)
    find_in_cut_json(text, secrets);
  else
    recording::find_in_json(text, secrets);
}

std::string_view words_of(HttpFailure failure) {
  switch (failure) {
    case HttpFailure::refused:
      return "nothing listens, or there is no route";
    case HttpFailure::timed_out:
      return "no answer in time";
    case HttpFailure::dropped:
      return "the connection was cut";
    case HttpFailure::name_unknown:
      return "the name does not resolve";
    case HttpFailure::tls_refused:
      return "TLS failed";
    case HttpFailure::key_changed:
      return "it shows another key";
    case HttpFailure::too_large:
      return "the answer is too large";
    case HttpFailure::no_credential:
      return "the credential is not at this site";
    case HttpFailure::elsewhere:
      return "its name leads outside of the site's networks";
    case HttpFailure::local:
      return "nothing was sent";
  }
  return "failed";
}

std::string stamp(WallTime at) { return google::protobuf::util::TimeUtil::ToString(to_wire(at)); }

/// As JSON where it is some, else as text.
json::value shown(const std::string& text) {
  boost::system::error_code wrong;
  json::value parsed = json::parse(text, wrong);
  if (!wrong && (parsed.is_object() || parsed.is_array())) return parsed;
  return json::value(Utf8(std::string_view(text)).str());
}

}  // namespace

std::size_t Transcript::Entry::size() const {
  return entry_cost + words.size() + path.size() + body.size() + reply.size() + failure.size();
}

bool Transcript::Entry::repeats(const Entry& other) const {
  return words.empty() && method == "GET" && method == other.method && path == other.path &&
         status == other.status && reply == other.reply && failure == other.failure;
}

/// What is cut is cut behind a comma: no half of a secret may stand there, which nobody would know.
std::string Transcript::shortened(std::string text) const {
  const std::size_t limit = whole_ ? whole_body_limit : body_limit;
  if (text.size() <= limit) return text;
  const std::size_t comma = text.rfind(',', limit);
  const std::size_t left_out = text.size() - (comma == std::string::npos ? 0 : comma + 1);
  text.resize(text.size() - left_out);
  return text + "... (" + std::to_string(left_out) + " bytes more)";
}

void Transcript::keep_whole() { whole_ = true; }

void Transcript::asked(const HttpRequest& request, const Now& now) {
  if (open_.size() >= open_limit) open_.erase(open_.begin());
  Open open{.entry = {}, .sent = now.mono, .logs_in = false};
  open.entry.at = now.wall();
  open.entry.method = request.method;
  open.entry.path = redfish::path_of(request.url).substr(0, path_limit);
  open.logs_in = request.credential.has_value() && !request.basic;
  if (!open.logs_in) open.entry.body = shortened(request.body);
  open_.insert_or_assign(request.id, std::move(open));
}

void Transcript::finish(const std::string& id, const Now& now, const std::function<void(Open&)>& how) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  how(found->second);
  Entry entry = std::move(found->second.entry);
  entry.took = now.mono - found->second.sent;
  entry.last = now.wall();
  open_.erase(found);
  add(std::move(entry));
}

void Transcript::answered(const HttpReplied& reply, const Now& now) {
  finish(reply.id, now, [&](Open& open) {
    open.entry.status = reply.status;
    // Where a login succeeded there is nothing to read but its token.
    if (!open.logs_in || reply.status >= 400) open.entry.reply = shortened(reply.body);
  });
}

void Transcript::failed(const HttpFailed& failure, const Now& now) {
  finish(failure.id, now, [&](Open& open) {
    open.entry.failure = words_of(failure.failure);
    if (!failure.detail.empty()) open.entry.failure += ": " + shortened(failure.detail);
  });
}

void Transcript::note(std::string words, const Now& now) {
  Entry entry;
  entry.at = now.wall();
  entry.words = shortened(std::move(words));
  add(std::move(entry));
}

void Transcript::keep_screen(std::string picture, const Now& now) {
  screen_ = std::move(picture);
  screen_at_ = now.wall();
}

void Transcript::add(Entry entry) {
  for (std::size_t back = 1; back <= looked_back; ++back) {
    Entry* before = back <= tail_.size() ? &tail_[tail_.size() - back]
                    : left_out_ == 0 && back <= tail_.size() + head_.size()
                        ? &head_[head_.size() - (back - tail_.size())]
                        : nullptr;
    if (before == nullptr || !before->words.empty()) break;
    if (!entry.repeats(*before)) continue;
    ++before->times;
    before->last = entry.last;
    return;
  }
  const std::size_t size = entry.size();
  if (tail_.empty() && left_out_ == 0 && head_size_ + size <= (whole_ ? whole_room : head_room)) {
    head_size_ += size;
    head_.push_back(std::move(entry));
    return;
  }
  tail_size_ += size;
  tail_.push_back(std::move(entry));
  while (tail_size_ > tail_room) {
    tail_size_ -= tail_.front().size();
    tail_.pop_front();
    ++left_out_;
  }
}

std::string Transcript::lines(const std::map<std::string, std::string>& about,
                              const std::vector<std::string>& secrets) const {
  recording::SecretSet known(0);  // its placeholders are not used
  for (const std::string& secret : secrets) known.learn(secret);
  const auto look = [&](const Entry& entry) {
    for (const std::string* text : {&entry.words, &entry.path, &entry.body, &entry.reply, &entry.failure})
      find_secrets(*text, known);
  };
  std::ranges::for_each(head_, look);
  std::ranges::for_each(tail_, look);

  const auto masked = [&](std::string text) {
    known.mask(text, '*');
    return text;
  };
  std::string out;
  const auto add_line = [&](const json::object& line) { out += json::serialize(line) + "\n"; };
  const auto add_entry = [&](const Entry& entry) {
    json::object line;
    line["at"] = stamp(entry.at);
    if (!entry.words.empty()) {
      line["note"] = Utf8(masked(entry.words)).str();
      return add_line(line);
    }
    line["method"] = entry.method;
    line["path"] = Utf8(masked(entry.path)).str();
    if (!entry.body.empty()) line["body"] = shown(masked(entry.body));
    line["tookMs"] = std::chrono::duration_cast<std::chrono::milliseconds>(entry.took).count();
    if (entry.status != 0) line["status"] = entry.status;
    if (!entry.reply.empty()) line["reply"] = shown(masked(entry.reply));
    if (!entry.failure.empty()) line["failure"] = Utf8(masked(entry.failure)).str();
    if (entry.times > 1) {
      line["times"] = entry.times;
      line["last"] = stamp(entry.last);
    }
    add_line(line);
  };
  json::object first;
  for (const auto& [name, value] : about) first[name] = Utf8(std::string_view(value)).str();
  if (lost_beginning_) first["note"] = "the agent started anew in between: what was said before is not kept";
  add_line(first);
  std::ranges::for_each(head_, add_entry);
  if (left_out_ > 0) {
    json::object gap;
    gap["note"] = std::to_string(left_out_) + " entries in the middle are left out";
    add_line(gap);
  }
  std::ranges::for_each(tail_, add_entry);
  if (!screen_.empty()) add_line({{"at", stamp(screen_at_)}, {"screen", screen_}});
  return out;
}

}  // namespace metalmesh::agent
