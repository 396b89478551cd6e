#include "controller/cli/apply_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <utility>

namespace metalmesh::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t listed_most = 50;  // objects that are told one by one

std::string text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

const json::array* list_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_array();
}

AppliedObject object_of(const json::object& from, const std::vector<std::string>& where) {
  AppliedObject out{.where = {},
                    .kind = text_in(from, "kind"),
                    .name = text_in(from, "name"),
                    .result = text_in(from, "result"),
                    .field = text_in(from, "field"),
                    .message = text_in(from, "message"),
                    .next = text_in(from, "next"),
                    .warnings = {},
                    .changes = {}};
  const json::value* line = from.if_contains("line");
  const std::int64_t number = line != nullptr && line->is_int64() ? line->get_int64() : 0;
  if (number > 0 && static_cast<std::size_t>(number) <= where.size())
    out.where = where[static_cast<std::size_t>(number) - 1];
  if (const auto* warnings = list_in(from, "warnings")) {
    for (const json::value& each : *warnings)
      if (each.is_string()) out.warnings.emplace_back(each.get_string());
  }
  if (const auto* changes = list_in(from, "changes")) {
    for (const json::value& each : *changes)
      if (const auto* change = each.if_object())
        out.changes.push_back({text_in(*change, "field"), text_in(*change, "from"), text_in(*change, "to")});
  }
  return out;
}

std::string_view done_words(const AppliedObjects& all, const AppliedObject& object) {
  const bool would = all.dry_run;
  if (object.result == "created") return would ? "would be created" : "is created";
  if (object.result == "changed") return would ? "would be changed" : "is changed";
  if (object.result == "unchanged") return "is unchanged";
  if (object.result == "notTaken") return "is right, and not taken";
  return would ? "would be refused" : "is refused";
}

}  // namespace

std::size_t AppliedObjects::count(std::string_view result) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(objects, [&](const auto& object) { return object.result == result; }));
}

Status read_applied(std::string_view reply, const std::vector<std::string>& where, AppliedObjects& all) {
  boost::system::error_code wrong;
  const json::value value = json::parse(reply, wrong);
  const auto* object = wrong ? nullptr : value.if_object();
  const auto* results = object == nullptr ? nullptr : list_in(*object, "results");
  if (results == nullptr)
    return fail(ErrorKind::internal, "the controller's answer does not tell what became of the objects");
  const json::value* taken = object->if_contains("taken");
  all.taken = all.taken && taken != nullptr && taken->is_bool() && taken->get_bool();
  for (const json::value& each : *results)
    if (const auto* result = each.if_object()) all.objects.push_back(object_of(*result, where));
  return {};
}

std::string summary_of(const AppliedObjects& all) {
  std::string out = fmt::format("{} object{}", all.objects.size(), all.objects.size() == 1 ? "" : "s");
  if (all.dry_run) out += " (dry run)";
  std::string counts;
  for (const auto& [word, said] :
       {std::pair("created", "created"), std::pair("changed", "changed"), std::pair("unchanged", "unchanged"),
        std::pair("notTaken", "right and not taken"), std::pair("refused", "refused")}) {
    if (const std::size_t count = all.count(word); count > 0)
      counts += fmt::format("{}{} {}", counts.empty() ? ": " : ", ", count, said);
  }
  return out + counts;
}

std::string applied_text(const AppliedObjects& all) {
  std::string out;
  if (all.objects.size() <= listed_most) {
    for (const AppliedObject& object : all.objects) {
      if (object.result == "refused") continue;
      out += fmt::format("{} {} {}\n", object.kind, object.name, done_words(all, object));
    }
  }
  if (all.objects.size() > 1) out += summary_of(all) + "\n";
  return out;
}

std::string refused_text(const AppliedObjects& all) {
  std::string out;
  for (const AppliedObject& object : all.objects) {
    const std::string who =
        object.name.empty() ? std::string() : fmt::format(" {} {}:", object.kind, object.name);
    if (object.result == "refused") {
      const bool names_field = object.field.empty() || object.message.starts_with(object.field);
      out += fmt::format("error: {}:{} {}{}\n", object.where, who, names_field ? "" : object.field + ": ",
                         object.message);
      if (!object.next.empty()) out += fmt::format("  next: {}\n", object.next);
    }
    for (const std::string& warning : object.warnings)
      out += fmt::format("warning: {}:{} {}\n", object.where, who, warning);
  }
  return out;
}

std::string diff_text(const AppliedObjects& all) {
  std::string out;
  for (const AppliedObject& object : all.objects) {
    if (object.result != "created" && object.result != "changed") continue;
    out += fmt::format("{} {} {}\n", object.kind, object.name, done_words(all, object));
    for (const AppliedChange& change : object.changes) {
      if (!change.from.empty()) out += fmt::format("  - {}: {}\n", change.field, change.from);
      if (!change.to.empty()) out += fmt::format("  + {}: {}\n", change.field, change.to);
    }
  }
  return out;
}

std::string applied_json(const AppliedObjects& all) {
  json::array results;
  for (const AppliedObject& object : all.objects) {
    json::object each;
    for (const auto& [name, text] :
         {std::pair("where", &object.where), std::pair("kind", &object.kind), std::pair("name", &object.name),
          std::pair("result", &object.result), std::pair("field", &object.field),
          std::pair("message", &object.message), std::pair("next", &object.next)})
      if (!text->empty()) each[name] = *text;
    if (!object.warnings.empty())
      each["warnings"] = json::array(object.warnings.begin(), object.warnings.end());
    json::array changes;
    for (const AppliedChange& change : object.changes) {
      json::object told{{"field", change.field}};
      if (!change.from.empty()) told["from"] = change.from;
      if (!change.to.empty()) told["to"] = change.to;
      changes.push_back(std::move(told));
    }
    if (!changes.empty()) each["changes"] = std::move(changes);
    results.push_back(std::move(each));
  }
  json::object out{{"dryRun", all.dry_run}, {"taken", all.taken}};
  for (const char* word : {"created", "changed", "unchanged", "refused"}) out[word] = all.count(word);
  out["results"] = std::move(results);
  return json::serialize(out) + "\n";
}

}  // namespace metalmesh::cli
