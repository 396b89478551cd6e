#include "tests/bmcsim/model/personality.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

struct Option {
  std::string_view name;
  void (*set)(BmcOptions& options, std::int64_t value);
};
constexpr std::array options_known = {
    Option{"maxSessions",
           [](BmcOptions& o, std::int64_t v) { o.max_sessions = static_cast<std::uint32_t>(v); }},
    Option{"requireIfMatch", [](BmcOptions& o, std::int64_t v) { o.require_if_match = v != 0; }},
    Option{"insertByTask", [](BmcOptions& o, std::int64_t v) { o.async_insert = v != 0; }},
    Option{"insertSeconds", [](BmcOptions& o, std::int64_t v) { o.insert_time = seconds(v); }},
    Option{"slotLagSeconds", [](BmcOptions& o, std::int64_t v) { o.slot_lag = seconds(v); }},
    Option{"mediaGiveUpSeconds", [](BmcOptions& o, std::int64_t v) { o.media_give_up = seconds(v); }},
    Option{"restartSeconds", [](BmcOptions& o, std::int64_t v) { o.restart_time = seconds(v); }},
    Option{"postSeconds", [](BmcOptions& o, std::int64_t v) { o.post_time = seconds(v); }},
};

/// {"name": {"value": ..., "source": "..."}} or {"name": "source"}: the source goes into `sources`.
const json::value* value_of(const json::value& entry) {
  return entry.is_object() ? entry.as_object().if_contains("value") : nullptr;
}
std::string source_of(const json::value& entry) {
  return entry.is_string() ? std::string(entry.as_string()) : string_at(entry, "source");
}

class Reader {
 public:
  Status read(std::string_view key, const json::value& value) {
    if (key == "name") return text(value, out.name);
    if (key == "tree") return text(value, out.tree_name);
    if (key == "row") return text(value, out.row);
    if (key == "installs") return text(value, out.installs);
    if (key == "label") return label(value);
    if (!value.is_object()) return wrong(key, "no object");
    for (const auto& [name, entry] : value.as_object()) {
      if (auto done = one(key, std::string(name), entry); !done) return done;
    }
    return {};
  }
  Personality out;

 private:
  static Status wrong(std::string_view key, std::string_view what) {
    return fail(ErrorKind::invalid, std::string(key) + ": " + std::string(what));
  }
  static Status text(const json::value& value, std::string& into) {
    if (!value.is_string()) return fail(ErrorKind::invalid, "a text is expected");
    into = std::string(value.as_string());
    return {};
  }
  Status label(const json::value& value) {
    const json::value* given = value_of(value);
    if (given == nullptr || *given != "SKU") return wrong("label", "SKU, with its source");
    out.label_is_sku = true;
    return keep("label", value);
  }
  Status keep(const std::string& name, const json::value& entry) {
    if (source_of(entry).empty()) return wrong(name, "it needs a source");
    out.sources[name] = source_of(entry);
    return {};
  }
  Status one(std::string_view key, const std::string& name, const json::value& entry) {
    const json::value* value = value_of(entry);
    if (key == "faults") {
      if (fault_named(name) == nullptr) return wrong(name, "there is no such fault");
      out.faults.push_back(name);
    } else if (key == "options") {
      if (std::ranges::find(options_known, name, &Option::name) == options_known.end() || value == nullptr ||
          !value->is_int64())
        return wrong(name, "there is no such option, or its value is no number");
      out.options[name] = *value;
    } else if (key == "resources") {
      if (value == nullptr || !value->is_object()) return wrong(name, "its value is no object");
      out.resources[name] = value->as_object();
    } else {
      return wrong(key, "there is no such field");
    }
    return keep(name, entry);
  }
};

}  // namespace

Result<Personality> parse_personality(std::string_view text) {
  const json::value value = parse_body(std::string(text));
  if (!value.is_object()) return fail(ErrorKind::invalid, "no JSON object");
  Reader reader;
  for (const auto& [key, entry] : value.as_object()) {
    if (auto read = reader.read(key, entry); !read) return std::unexpected(read.error());
  }
  if (reader.out.name.empty()) return fail(ErrorKind::invalid, "name: it needs one");
  return std::move(reader.out);
}

void apply_options(const Personality& personality, BmcOptions& options) {
  for (const Option& each : options_known) {
    if (const json::value* value = personality.options.if_contains(each.name))
      each.set(options, value->as_int64());
  }
}

}  // namespace metalmesh::bmcsim
