#include "controller/api/apply_stream.h"

#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include "common/ports/exchange_pieces.h"
#include "common/text/filler/filler.h"
#include "common/text/filler/json_document.h"
#include "common/text/letters.h"
#include "common/text/near_miss.h"
#include "controller/api/object_json.h"
#include "controller/api/read_only.h"
#include "controller/api/rights.h"
#include "controller/core/field_rules.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {
namespace {

/// `fields` is of the line.
constexpr auto not_of_the_object = [] {
  std::array<std::string_view, read_only_fields.size() + 1> all{};
  *std::ranges::copy(read_only_fields, all.begin()).out = "fields";
  return all;
}();
constexpr std::string_view media_type = "application/x-ndjson";

bool is_lines(const std::string* content_type) {
  return content_type != nullptr &&
         same_letters(std::string_view(*content_type).substr(0, content_type->find_first_of("; \t")),
                      media_type);
}

/// "true", "false" or nothing.
std::expected<bool, Problem> flag(const ApiRequest& request, const std::string& name) {
  const std::string* text = request.parameter(name);
  if (text == nullptr || *text == "false") return false;
  if (*text == "true") return true;
  return refuse(400, name + " is true or false", name);
}

Refusal misfit(std::string field, std::string message, std::string next = {}) {
  return rules::refusal(ErrorKind::invalid, std::move(field), std::move(message), std::move(next));
}

/// The version that a line says it was made from, in the core's terms; nothing: it says none.
std::expected<std::optional<std::uint64_t>, Refusal> version_meant(const TextNode& document,
                                                                   const rest::Metadata* current) {
  const TextNode* metadata = document.find("metadata");
  const TextNode* version = metadata == nullptr ? nullptr : metadata->find("version");
  if (version == nullptr || version->absent()) return std::nullopt;
  std::uint64_t number = 0;
  const std::string& text = version->value;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (version->kind != TextNode::Kind::scalar || read.ec != std::errc() ||
      read.ptr != text.data() + text.size())
    return std::unexpected(misfit("metadata.version", "metadata.version is no whole number",
                                  "leave it out, or send it as it was read"));
  if (number == 0) return std::nullopt;
  const TextNode* ledger = metadata->find("ledger");
  const bool other_ledger = ledger != nullptr && current != nullptr && current->version() == number &&
                            ledger->value != current->ledger();
  if (other_ledger)
    return std::unexpected(rules::refusal(ErrorKind::conflict, "metadata.version",
                                          "it was read before the controller was restored from a backup",
                                          "read it again, then repeat the change"));
  return number;
}

/// "spec.bmc.keySha256, ..." as the schema spells them.
template <class T>
std::expected<std::vector<std::string>, Refusal> fields_meant(const TextNode& document) {
  const TextNode* fields = document.find("fields");
  if (fields == nullptr || fields->absent()) return {};
  google::protobuf::FieldMask mask;
  const bool read = fields->kind == TextNode::Kind::scalar &&
                    google::protobuf::util::FieldMaskUtil::FromJsonString(fields->value, &mask);
  std::vector<std::string> out;
  for (const std::string& path : mask.paths()) {
    const bool known = path.starts_with("spec.") || path == "metadata.labels";
    if (!known || !google::protobuf::util::FieldMaskUtil::IsValidPath<T>(path))
      return std::unexpected(
          misfit("fields", "\"" + path.substr(0, 80) + "\" is no field of it that can be set"));
    out.push_back(path);
  }
  if (!read || out.empty())
    return std::unexpected(misfit("fields", "`fields` names fields of the object, with commas between"));
  return out;
}

template <class T>
const rest::Metadata* metadata_in(const MeshState& state, const std::string& name) {
  const auto& objects = state.*Kind<T>::objects;
  const auto found = objects.find(name);
  return found == objects.end() ? nullptr : &found->second.metadata();
}

std::string unknown_kind(const std::string& kind) {
  std::vector<std::string> words;
  for_each_kind(ObjectKinds{}, [&]<class T>() { words.emplace_back(Kind<T>::word); });
  const std::string near = near_miss(kind, words);
  if (!near.empty()) return "did you mean \"" + near + "\"?";
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "one of " : ", ") + word;
  return all;
}

/// Fills in all but the line.
template <class T>
void read_object(const TextNode& document, const ApiRequest& request, const MeshState& state, Wish& wish) {
  T object;
  if (auto filled = fill(document, object, {.whole = "the object", .ignored = not_of_the_object}); !filled) {
    Misfit& why = filled.error();
    wish.refused = misfit(std::move(why.field), std::move(why.message), std::move(why.next));
  }
  if (const TextNode* metadata = document.find("metadata");
      metadata != nullptr && metadata->find("name") != nullptr)
    wish.name = metadata->find("name")->value;
  if (wish.refused) return;
  auto fields = fields_meant<T>(document);
  if (!fields) {
    wish.refused = std::move(fields.error());
    return;
  }
  wish.fields = std::move(*fields);
  if (request.principal.role < role_to_write(Kind<T>::plural)) {
    wish.refused = rules::refusal(
        ErrorKind::denied, "kind",
        "a " + wish.kind + " is applied by an admin alone, and " + request.principal.name + " is none",
        "ask someone with that role");
    return;
  }
  const rest::Metadata* current = metadata_in<T>(state, wish.name);
  const std::uint64_t version = current == nullptr ? 0 : current->version();
  auto meant = version_meant(document, current);
  if (!meant) {
    wish.refused = std::move(meant.error());
    return;
  }
  wish.if_version = *meant;
  wish.row = encode_row(object);
  // Judged as it is now: whoever is bound to sites must not find another object there when it is stored.
  if (!request.principal.sites.empty() && !wish.if_version) wish.if_version = version;
  OperatorRequest one;
  one.actor = request.principal.name;
  one.body = Apply{Object(std::move(object)), wish.if_version};
  wish.refused = request_refused(request.principal, one, state);
}

void read_line(std::string_view text, const ApiRequest& request, const MeshState& state, Wish& wish) {
  if (text.size() > json_bytes_most) {
    wish.refused = misfit("", "the line has " + std::to_string(text.size()) + " bytes; 1048576 are allowed");
    return;
  }
  auto document = parse_json(text, "the line");
  if (!document) {
    JsonFault& why = document.error();
    wish.refused = misfit(std::move(why.field), std::move(why.message), std::move(why.next));
    return;
  }
  const TextNode* kind = document->find("kind");
  if (kind == nullptr || kind->value.empty()) {
    wish.refused = misfit("kind", "`kind` is missing", "say what it is, such as \"kind\": \"Server\"");
    return;
  }
  wish.kind = kind->value;
  const auto known = with_object_kind(wish.kind, [&]<class T>() {
    if (wish.kind != Kind<T>::word) return false;
    read_object<T>(*document, request, state, wish);
    return true;
  });
  if (known.value_or(false)) return;
  wish.refused =
      misfit("kind", "\"" + wish.kind.substr(0, 80) + "\" is no kind of object", unknown_kind(wish.kind));
  wish.kind.clear();
}

std::string_view word_of(Standing standing) {
  switch (standing) {
    case Standing::created:
      return "created";
    case Standing::changed:
      return "changed";
    case Standing::unchanged:
      return "unchanged";
    case Standing::refused:
      return "refused";
    case Standing::fitting:
      return "notTaken";
  }
  return "refused";
}

class JsonText {
 public:
  explicit JsonText(std::string& out) : out_(out) {}
  JsonText& add(std::string_view name, std::string_view text) {
    if (!text.empty()) key(name) += boost::json::serialize(boost::json::string(text));
    return *this;
  }
  JsonText& add(std::string_view name, std::size_t number) {
    key(name) += std::to_string(number);
    return *this;
  }
  JsonText& add(std::string_view name, std::same_as<bool> auto truth) {
    key(name) += truth ? "true" : "false";
    return *this;
  }
  std::string& key(std::string_view name) {
    out_ += first_ ? "\"" : ",\"";
    first_ = false;
    return (out_ += name) += "\":";
  }

 private:
  std::string& out_;
  bool first_ = true;
};

void write_result(std::string& out, const WishResult& result) {
  out += '{';
  JsonText json(out);
  json.add("line", result.line)
      .add("kind", result.kind)
      .add("name", result.name)
      .add("result", word_of(result.standing));
  if (result.refusal) {
    json.add("field", result.refusal->field)
        .add("message", result.refusal->message)
        .add("next", result.refusal->next);
  }
  if (!result.warnings.empty()) {
    json.key("warnings") += '[';
    for (std::size_t i = 0; i < result.warnings.size(); ++i)
      out +=
          (i == 0 ? "" : ",") + std::string(boost::json::serialize(boost::json::string(result.warnings[i])));
    out += ']';
  }
  if (!result.changes.empty()) {
    json.key("changes") += '[';
    for (std::size_t i = 0; i < result.changes.size(); ++i) {
      const FieldChange& change = result.changes[i];
      out += i == 0 ? "{" : ",{";
      JsonText(out).add("field", change.field).add("from", change.from).add("to", change.to);
      out += '}';
    }
    out += ']';
  }
  out += '}';
}

}  // namespace

bool goes_on(const ApiRequest& request) { return request.header(body_goes_on) != nullptr; }

std::expected<void, Problem> ApplyStreams::take(ExchangeId id, const ApiRequest& request,
                                                const MeshState& state) {
  const bool is_first = !open_.contains(id);
  if (is_first && !is_lines(request.header("content-type")))
    return refuse(415, "objects come one JSON value a line", "Content-Type",
                  "send lines with Content-Type: application/x-ndjson");
  if (is_first && goes_on(request) && open_.size() >= limits_.at_once)
    return refuse(503, "too many long bodies are on their way", {}, "try again in a moment");
  Stream& stream = open_[id];
  for (std::string_view rest = request.body; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++stream.lines;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    if (stream.wishes->size() == limits_.objects) {
      open_.erase(id);
      return refuse(413, "more than " + std::to_string(limits_.objects) + " objects in one request", {},
                    "send them in several");
    }
    Wish& wish = stream.wishes->emplace_back();
    wish.line = stream.lines;
    read_line(line, request, state, wish);
  }
  return {};
}

std::expected<ApplyMany, Problem> ApplyStreams::finish(ExchangeId id, const ApiRequest& request) {
  const auto found = open_.find(id);
  ApplyMany all;
  if (found != open_.end()) {
    all.wishes = std::move(found->second.wishes);
    open_.erase(found);
  }
  if (all.wishes == nullptr || all.wishes->empty())
    return refuse(400, "the body holds no object, expected one JSON value a line");
  const auto dry_run = flag(request, "dryRun");
  if (!dry_run) return std::unexpected(dry_run.error());
  const auto atomic = flag(request, "atomic");
  if (!atomic) return std::unexpected(atomic.error());
  all.dry_run = *dry_run;
  all.atomic = *atomic;
  return all;
}

ApiReply apply_reply(const ApiRequest& request, const Answer& answer) {
  const ApplyReport& report = *answer.applied;
  const std::size_t refused = report.count(Standing::refused);
  const bool nothing = !report.dry_run && !report.taken;
  std::string body = "{";
  JsonText json(body);
  if (nothing)
    json.add("title", "Understood, and refused")
        .add("status", std::size_t{422})
        .add("detail", std::to_string(refused) + " of " + std::to_string(report.results.size()) +
                           " objects are refused, and all or nothing was asked for: nothing was taken")
        .add("instance", request.path);
  json.add("dryRun", report.dry_run).add("taken", report.taken);
  for (const Standing each : {Standing::created, Standing::changed, Standing::unchanged, Standing::refused})
    json.add(word_of(each), report.count(each));
  json.key("results") += '[';
  for (std::size_t i = 0; i < report.results.size(); ++i) {
    if (i > 0) body += ',';
    write_result(body, report.results[i]);
  }
  body += "]}";
  return ApiReply{
      nothing ? 422 : 200, std::move(body), nothing ? "application/problem+json" : "application/json", {}};
}

}  // namespace metalmesh::controller
