// Root, collections, sessions and tasks.
#include <algorithm>
#include <array>

#include "agents/redfish/error_info.h"
#include "agents/redfish/json_view.h"
#include "agents/redfish/resources.h"

namespace metalmesh::redfish {
namespace {

constexpr std::size_t most_members = 64;

void replace_if_given(std::string& target, std::string value) {
  if (!value.empty()) target = std::move(value);
}

}  // namespace

std::string header(const HttpReplied& reply, std::string_view name) {
  for (const auto& [key, value] : reply.headers)
    if (key == name) return value;
  return {};
}

Result<ServiceRoot> parse_service_root(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return std::unexpected(document.error());
  const View root = document->root();
  ServiceRoot out;
  out.vendor = root["Vendor"].text();
  if (const auto oem = root["Oem"].keys(); out.vendor.empty() && !oem.empty()) out.vendor = oem.front();
  out.product = root["Product"].text();
  out.version = root["RedfishVersion"].text();
  replace_if_given(out.systems, root["Systems"].link());
  replace_if_given(out.managers, root["Managers"].link());
  replace_if_given(out.sessions, root["Links"]["Sessions"].link());
  return out;
}

Session parse_session(const HttpReplied& reply) {
  Session out;
  out.token = header(reply, "x-auth-token");
  out.uri = path_of(header(reply, "location"));
  if (const auto document = Document::parse_object(reply.body)) {
    const View root = document->root();
    if (out.token.empty()) out.token = root["Oem"]["Public"]["X-Auth-Token"].text();
    if (out.uri.empty()) out.uri = root["@odata.id"].link();
  }
  out.password_change_required = classify(0, parse_error(reply.body)) == Refusal::password_change;
  const auto unprintable = [](char c) { return c <= ' ' || c >= '\x7f'; };
  if (out.token.size() > 4096 || std::any_of(out.token.begin(), out.token.end(), unprintable))
    out.token.clear();
  return out;
}

Result<std::vector<std::string>> parse_members(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return std::unexpected(document.error());
  std::vector<std::string> out;
  for (const View& member : document->root()["Members"].items(most_members)) {
    std::string path = member.link();
    if (!path.empty() && std::find(out.begin(), out.end(), path) == out.end()) out.push_back(std::move(path));
  }
  return out;
}

Result<Manager> parse_manager(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return std::unexpected(document.error());
  const View root = document->root();
  return Manager{root["@odata.id"].link(), root["Model"].text(), root["FirmwareVersion"].text(),
                 root["VirtualMedia"].link()};
}

std::vector<std::string> parse_action_info(const HttpReplied& reply, std::string_view name) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return {};
  for (const View& parameter : document->root()["Parameters"].items())
    if (parameter["Name"].text() == name) return parameter["AllowableValues"].texts();
  return {};
}

std::string task_of(const HttpReplied& reply) {
  if (const auto document = Document::parse_object(reply.body)) {
    const View root = document->root();
    if (root["@odata.type"].text().starts_with("#Task.") || !root["TaskState"].text().empty())
      if (std::string path = root["@odata.id"].link(); !path.empty()) return path;
  }
  return path_of(header(reply, "location"));
}

Task parse_task(const HttpReplied& reply) {
  constexpr std::array<std::string_view, 6> failed = {"Exception",  "Killed",      "Cancelled",
                                                      "Cancelling", "Interrupted", "Failed"};
  Task out;
  if (reply.status == 404 || reply.status == 410) {
    out.state = Task::State::done;
    out.words = "purged";
    return out;
  }
  if (const auto document = Document::parse_object(reply.body)) {
    const View root = document->root();
    out.words = root["TaskState"].text();
    out.uri = root["@odata.id"].link();
  }
  if (out.words.empty()) {  // a monitor: its status is the answer
    if (reply.status == 202) return out;
    out.state = reply.status < 300 ? Task::State::done : Task::State::failed;
    return out;
  }
  if (out.words == "Completed") out.state = Task::State::done;
  if (std::find(failed.begin(), failed.end(), out.words) != failed.end()) out.state = Task::State::failed;
  return out;
}

}  // namespace metalmesh::redfish
