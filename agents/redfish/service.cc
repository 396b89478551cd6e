// Root, collections, sessions and tasks.
#include <algorithm>
#include <array>

#include "agents/redfish/actions.h"
#include "agents/redfish/error_info.h"
#include "agents/redfish/inventory_view.h"
#include "agents/redfish/json_view.h"
#include "agents/redfish/resources.h"
#include "common/text/letters.h"

namespace metalmesh::redfish {
namespace {

constexpr std::size_t most_members = 64;

/// "SessionService/Sessions/7": relative to the service root, whatever was asked.
std::string relative_session(const std::string& location) {
  const bool relative = location.starts_with("SessionService/") || location.starts_with("Sessions/");
  if (!relative) return {};
  return path_of((location.starts_with("Sessions/") ? "/redfish/v1/SessionService/" : "/redfish/v1/") +
                 location);
}

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
  out.oem = root["Oem"].keys();
  if (out.vendor.empty() && !out.oem.empty()) out.vendor = out.oem.front();
  out.product = root["Product"].text();
  out.version = root["RedfishVersion"].text();
  out.uuid = root["UUID"].text();
  for (const std::string& maker : out.oem) {
    if (out.service_tag.empty()) out.service_tag = root["Oem"][maker]["ServiceTag"].text();
  }
  replace_if_given(out.systems, root["Systems"].link());
  replace_if_given(out.managers, root["Managers"].link());
  replace_if_given(out.sessions, root["Links"]["Sessions"].link());
  out.session_service = root["SessionService"].link();
  out.licence_service = root["LicenseService"].link();
  const View expand = root["ProtocolFeaturesSupported"]["ExpandQuery"];
  out.expands = expand["NoLinks"].flag().value_or(false) && expand["Levels"].flag().value_or(false);
  return out;
}

Session parse_session(const HttpReplied& reply) {
  Session out;
  out.token = header(reply, "x-auth-token");
  out.uri = path_of(header(reply, "location"));
  if (out.uri.empty()) out.uri = relative_session(header(reply, "location"));
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

Result<List> parse_list(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return std::unexpected(document.error());
  const View root = document->root();
  List out;
  for (const View& member : root["Members"].one_or_more(most_members)) {
    std::string path = member.link();
    if (!path.empty() && std::ranges::find(out.members, path) == out.members.end())
      out.members.push_back(std::move(path));
  }
  out.next = root["Members@odata.nextLink"].link();
  if (out.next.empty()) out.next = root["@odata.nextLink"].link();
  return out;
}

SessionList parse_sessions(const HttpReplied& reply) {
  SessionList out;
  const auto document = Document::parse_object(reply.body);
  if (!document) return out;
  if (auto list = parse_list(reply)) out.members = std::move(list->members);
  const View oem = document->root()["Oem"];
  for (const std::string& vendor : oem.keys())
    if (out.mine.empty()) out.mine = oem[vendor]["Links"]["MySession"].link();
  return out;
}

SessionEntry parse_session_entry(const HttpReplied& reply, std::string uri) {
  SessionEntry out{.uri = std::move(uri)};
  const auto document = Document::parse_object(reply.body);
  if (!document) return out;
  const View root = document->root();
  out.created = root["CreatedTime"].text();
  out.user = root["UserName"].text();
  out.origin = root["ClientOriginIPAddress"].text();
  const View oem = root["Oem"];
  for (const std::string& vendor : oem.keys()) {
    if (oem[vendor]["MySession"].flag().value_or(false)) out.mine = true;
    if (out.origin.empty()) out.origin = oem[vendor]["UserIP"].text();
  }
  return out;
}

std::vector<std::string> lost_beside(const std::string& own, const std::vector<SessionEntry>& entries) {
  const auto ours = std::ranges::find(entries, own, &SessionEntry::uri);
  if (ours == entries.end() || ours->user.empty() || ours->origin.empty()) return {};
  std::vector<std::string> out;
  for (const SessionEntry& each : entries) {
    const bool same = each.uri != own && each.user == ours->user && each.origin == ours->origin;
    if (same && !each.mine && each.created <= ours->created) out.push_back(each.uri);
  }
  return out;
}

std::string own_of(const std::vector<SessionEntry>& entries) {
  const auto marked = std::ranges::find_if(entries, &SessionEntry::mine);
  if (marked != entries.end()) return marked->uri;
  const auto newest = std::ranges::max_element(entries, {}, &SessionEntry::created);
  if (newest == entries.end() || newest->created.empty()) return {};
  return std::ranges::count(entries, newest->created, &SessionEntry::created) == 1 ? newest->uri
                                                                                   : std::string();
}

bool offers_basic(const HttpReplied& reply) {
  constexpr std::string_view scheme = "basic";
  return std::ranges::any_of(reply.headers, [&](const auto& header) {
    return header.first == "www-authenticate" &&
           same_letters(std::string_view(header.second).substr(0, scheme.size()), scheme);
  });
}

bool is_disabled(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  return document && document->root()["ServiceEnabled"].flag() == false;
}

std::string parse_chassis_serial(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  return document ? document->root()["SerialNumber"].text() : std::string();
}

std::string shown(std::string_view uri) {
  std::string out(uri.substr(0, 200));
  std::ranges::replace_if(out, [](char c) { return c <= ' ' || c >= '\x7f'; }, '?');
  return out;
}

Result<Manager> parse_manager(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return std::unexpected(document.error());
  const View root = document->root();
  Manager out{root["@odata.id"].link(),
              root["Model"].text(),
              root["FirmwareVersion"].text(),
              root["VirtualMedia"].link(),
              root["EthernetInterfaces"].link(),
              {},
              reset_of(root, root["@odata.id"].link(), "Manager.Reset"),
              clock_of(root),
              {},
              root["NetworkProtocol"].link(),
              {}};
  const View oem = root["Oem"];
  for (const std::string& vendor : oem.keys())
    if (out.licence.empty()) out.licence = short_text(oem[vendor]["License"]["LicenseString"]);
  for (const View& server : root["Links"]["ManagerForServers"].one_or_more(16))
    if (std::string path = server.link(); !path.empty()) out.servers.push_back(std::move(path));
  return out;
}

std::vector<std::string> parse_action_info(const HttpReplied& reply, std::string_view name) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return {};
  for (const View& parameter : document->root()["Parameters"].items())
    if (parameter["Name"].text() == name) return parameter["AllowableValues"].texts();
  return {};
}

namespace {

void collect_links(View at, std::vector<std::string>& out) {
  for (const std::string& key : at.keys()) {
    const bool refers = key == "@odata.id" || key == "@Redfish.ActionInfo" || key == "Members@odata.nextLink";
    if (std::string path = refers ? at[key].link() : std::string(); !path.empty())
      out.push_back(std::move(path));
    collect_links(at[key], out);
  }
  for (const View& each : at.items()) collect_links(each, out);
}

}  // namespace

std::vector<std::string> links_of(const HttpReplied& reply) {
  std::vector<std::string> out;
  if (const auto document = Document::parse_object(reply.body)) collect_links(document->root(), out);
  return out;
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
    const std::string status = root["TaskStatus"].text();
    if (out.words == "Completed" && (status == "Critical" || status == "Warning")) {
      out.words += "/" + status;
      out.state = Task::State::failed;
      return out;
    }
  }
  if (out.words.empty()) {  // a monitor: its status is the answer
    if (reply.status == 202) return out;
    out.state = reply.status < 300 ? Task::State::done : Task::State::failed;
    return out;
  }
  if (out.words == "Pending") out.state = Task::State::pending;
  if (out.words == "Completed") out.state = Task::State::done;
  if (std::find(failed.begin(), failed.end(), out.words) != failed.end()) out.state = Task::State::failed;
  return out;
}

}  // namespace metalmesh::redfish
