#include "tests/bmcsim/model/replies.h"

#include <stdexcept>
#include <utility>

namespace metalmesh::bmcsim {
namespace json = boost::json;
namespace {

void change_body(RedfishReply& reply, const std::function<void(json::object&)>& change) {
  json::value value = parse_body(reply.body);
  if (!value.is_object()) return;
  try {
    change(value.as_object());
    reply.body = json::serialize(value);
  } catch (const std::invalid_argument&) {
    return;
  } catch (const std::out_of_range&) {
    return;
  }
}

}  // namespace

RedfishReply json_reply(json::value value, int status, std::string etag) {
  RedfishReply reply;
  reply.status = status;
  reply.headers = {{"Content-Type", "application/json"}, {"OData-Version", "4.0"}};
  if (!etag.empty()) reply.headers.emplace_back("ETag", std::move(etag));
  reply.body = json::serialize(value);
  return reply;
}

RedfishReply error_reply(int status, std::string_view id, std::string_view message) {
  const std::string full = "Base.1.13." + std::string(id);
  return json_reply(
      {{"error",
        {{"code", full},
         {"message", message},
         {"@Message.ExtendedInfo", json::array{json::object{{"MessageId", full},
                                                            {"Message", message},
                                                            {"Severity", "Critical"},
                                                            {"Resolution", "See the message."}}}}}}},
      status);
}

RedfishReply no_content() {
  RedfishReply reply;
  reply.status = 204;
  return reply;
}

RedfishReply no_such_resource() { return error_reply(404, "ResourceMissingAtURI", "no such resource"); }

json::object link(std::string_view path) { return {{"@odata.id", path}}; }

json::value collection(std::string_view path, std::string_view type, std::string_view name,
                       const std::vector<std::string>& members) {
  json::array list;
  for (const auto& member : members) list.emplace_back(link(member));
  return {{"@odata.id", path},
          {"@odata.type", std::string("#") + std::string(type) + "." + std::string(type)},
          {"Name", name},
          {"Members@odata.count", members.size()},
          {"Members", std::move(list)}};
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

bool reads(const RedfishRequest& request) { return request.method == "GET" || request.method == "HEAD"; }

std::string header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

json::value parse_body(const std::string& text) {
  boost::system::error_code ec;
  auto value = json::parse(text, ec);
  return ec ? json::value() : value;
}

std::string string_at(const json::value& value, std::string_view key) {
  if (!value.is_object()) return {};
  const auto* member = value.as_object().if_contains(key);
  return member && member->is_string() ? std::string(member->as_string()) : std::string();
}

void edit(RedfishReply& reply, const std::function<void(json::object&)>& change) {
  if (reply.status < 300) change_body(reply, change);
}

void edit_error(RedfishReply& reply, const std::function<void(json::object&)>& change) {
  if (reply.status >= 400) change_body(reply, change);
}

}  // namespace metalmesh::bmcsim
