#include "tests/bmcsim/model/sessions.h"

#include <algorithm>

#include "common/base/digest.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

constexpr std::string_view stranger = "somebody else";
constexpr std::string_view service = "/redfish/v1/SessionService";
constexpr std::string_view list = "/redfish/v1/SessionService/Sessions";

std::string base64_decode(std::string_view text) {
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) break;
    buffer = buffer << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(buffer >> bits & 0xff);
    }
  }
  return out;
}

boost::json::object resource(std::string_view path, std::string_view id, std::string_view user,
                             std::string_view origin) {
  return {{"@odata.id", path}, {"@odata.type", "#Session.v1_6_0.Session"}, {"Id", id}, {"Name", "Session"},
          {"UserName", user},  {"ClientOriginIPAddress", origin}};
}

}  // namespace

bool Sessions::authorized(const RedfishRequest& request) const {
  if (const auto token = header(request.headers, "x-auth-token"); !token.empty())
    return std::ranges::any_of(sessions_, [&](const auto& entry) { return entry.second.token == token; });
  const auto basic = header(request.headers, "authorization");
  if (!basic.starts_with("Basic ")) return false;
  return base64_decode(std::string_view(basic).substr(6)) == options_.user + ":" + options_.password;
}

RedfishReply Sessions::log_in(const RedfishRequest& request) {
  const auto value = parse_body(request.body);
  if (string_at(value, "UserName") != options_.user || string_at(value, "Password") != options_.password)
    return error_reply(401, "ResourceAtUriUnauthorized", "user name or password is wrong");
  if (sessions_.size() >= options_.max_sessions)
    return error_reply(503, "SessionLimitExceeded", "the session limit is reached");
  const auto id = std::to_string(next_id_++);
  // The name makes it unguessable enough for a simulation, and reproducible.
  const auto token = "secret-" + to_hex(sha256(options_.uuid + "/" + id));
  sessions_[id] = {token, options_.user, request.peer};
  const auto path = std::string(list) + "/" + id;
  auto reply = json_reply(resource(path, id, options_.user, request.peer), 201);
  reply.headers.emplace_back("X-Auth-Token", token);
  reply.headers.emplace_back("Location", path);
  return reply;
}

RedfishReply Sessions::log_out(const std::string& id) {
  return sessions_.erase(id) ? no_content() : error_reply(404, "ResourceMissingAtURI", "no such session");
}

RedfishReply Sessions::read(const std::string& path) const {
  if (path == service) {
    return json_reply({{"@odata.id", path},
                       {"@odata.type", "#SessionService.v1_1_8.SessionService"},
                       {"Id", "SessionService"},
                       {"Name", "Session Service"},
                       {"ServiceEnabled", true},
                       {"SessionTimeout", 1800},
                       {"Sessions", link(list)}});
  }
  if (path == list) {
    std::vector<std::string> members;
    for (const auto& [id, session] : sessions_) members.push_back(path + "/" + id);
    return json_reply(collection(path, "SessionCollection", "Sessions", members));
  }
  const auto id = path.substr(path.rfind('/') + 1);
  const auto known = sessions_.find(id);
  if (known == sessions_.end()) return error_reply(404, "ResourceMissingAtURI", "no such session");
  return json_reply(resource(path, id, known->second.user, known->second.origin));
}

void Sessions::occupy(std::size_t count) {
  for (; count > 0; --count) {
    const std::string id = "x" + std::to_string(next_id_++);
    sessions_[id] = {to_hex(sha256(options_.uuid + "/" + id)), std::string(stranger), "192.0.2.66"};
  }
}

void Sessions::release() {
  std::erase_if(sessions_, [](const auto& item) { return item.second.user == stranger; });
}

std::size_t Sessions::strangers() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(sessions_, [](const auto& item) { return item.second.user == stranger; }));
}

}  // namespace metalmesh::bmcsim
