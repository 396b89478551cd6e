#include "agents/redfish/care.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>
#include <utility>

#include "agents/redfish/json_view.h"
#include "common/text/letters.h"

namespace metalmesh::redfish {
namespace {

/// `read` of the body's object; what it gives to a body that is none otherwise.
template <class Read>
auto of_object(const HttpReplied& reply, const Read& read) -> decltype(read(View())) {
  const auto document = Document::parse_object(reply.body);
  return document && reply.status == 200 ? read(document->root()) : read(View());
}

std::string first_text(std::initializer_list<View> views) {
  for (const View& view : views)
    if (std::string text = view.text(); !text.empty()) return text;
  return {};
}

}  // namespace

Services parse_services(const HttpReplied& reply) {
  return of_object(reply, [](View root) {
    return Services{root["AccountService"].link(), root["LicenseService"].link(), root["JobService"].link(),
                    root["Tasks"].link()};
  });
}

std::string parse_collection_of(const HttpReplied& reply) {
  return of_object(reply, [](View root) {
    std::string found;
    for (const char* name : {"Accounts", "Licenses", "Jobs", "Tasks"})
      if (found.empty()) found = root[name].link();
    return found;
  });
}

ManagerCare parse_manager_care(const HttpReplied& reply) {
  return of_object(reply, [&](View root) {
    ManagerCare out;
    out.date_time = root["DateTime"].text();
    out.etag = header(reply, "etag").empty() ? root["@odata.etag"].text() : header(reply, "etag");
    out.network_protocol = root["NetworkProtocol"].link();
    out.interfaces = root["EthernetInterfaces"].link();
    const auto lock = [&](const View& view) {
      if (std::string path = view.link(); !path.empty()) out.locks.push_back(std::move(path));
    };
    const View oem = root["Oem"];
    for (const std::string& vendor : oem.keys()) {
      if (out.licence.empty()) out.licence = oem[vendor]["License"]["LicenseString"].text();
      lock(oem[vendor]["SysLockdown"]);
    }
    const View linked = root["Links"]["Oem"];
    for (const std::string& vendor : linked.keys())
      for (const View& one : linked[vendor]["DellAttributes"].one_or_more(4)) lock(one);
    return out;
  });
}

std::optional<WallTime> moment_of(const std::string& date_time) {
  google::protobuf::Timestamp stamp;
  if (!google::protobuf::util::TimeUtil::FromString(date_time, &stamp)) return std::nullopt;
  return WallTime(std::chrono::seconds(stamp.seconds()));
}

std::string date_time_of(WallTime moment) {
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(std::chrono::floor<std::chrono::seconds>(moment).time_since_epoch().count());
  return google::protobuf::util::TimeUtil::ToString(stamp);
}

BmcInterface parse_bmc_interface(const HttpReplied& reply) {
  return of_object(reply, [](View root) {
    BmcInterface out;
    for (const View& address : root["IPv4Addresses"].one_or_more(8)) {
      if (!out.address.empty()) break;
      out.address = address["Address"].text();
      out.mask = address["SubnetMask"].text();
      out.gateway = address["Gateway"].text();
    }
    for (const View& server : root["NameServers"].one_or_more(8)) {
      const std::string text = server.text();
      if (!text.empty() && text != "0.0.0.0" && text != "::") out.name_servers.push_back(text);
    }
    return out;
  });
}

std::optional<bool> parse_media_protocol(const HttpReplied& reply) {
  return of_object(reply, [](View root) { return root["VirtualMedia"]["ProtocolEnabled"].flag(); });
}

bool parse_lock(const HttpReplied& reply) {
  return of_object(reply, [](View root) {
    return root["SysLockdownEnabled"].flag().value_or(false) ||
           root["Attributes"]["Lockdown.1.SystemLockdown"].text() == "Enabled";
  });
}

Account parse_account(const HttpReplied& reply) {
  return of_object(reply, [](View root) { return Account{root["UserName"].text(), root["RoleId"].text()}; });
}

std::string parse_session_user(const HttpReplied& reply) {
  return of_object(reply, [](View root) { return root["UserName"].text(); });
}

Licence parse_licence(const HttpReplied& reply) {
  return of_object(reply, [](View root) {
    const std::string state = root["Status"]["State"].text();
    return Licence{first_text({root["Name"], root["EntitlementId"], root["Id"]}),
                   root["ExpirationDate"].text(), state == "Disabled" || state == "UnavailableOffline"};
  });
}

bool QueuedJob::open() const {
  constexpr std::array<std::string_view, 11> words = {
      "New",      "Starting",   "Running", "Suspended",  "Pending",         "Scheduled",
      "Stopping", "Downloaded", "Waiting", "Validating", "UserIntervention"};
  return std::ranges::find(words, state) != words.end();
}

QueuedJob parse_queued_job(const HttpReplied& reply, std::string uri) {
  return of_object(reply, [&](View root) {
    return QueuedJob{std::move(uri), root["Id"].text(), root["Name"].text(),
                     first_text({root["JobState"], root["TaskState"]})};
  });
}

SlotWays parse_slot_ways(const HttpReplied& reply) {
  return of_object(reply, [](View root) {
    SlotWays out;
    constexpr char allowable[] = "TransferProtocolType@Redfish.AllowableValues";
    out.protocols = root["Actions"]["#VirtualMedia.InsertMedia"][allowable].texts();
    if (out.protocols.empty()) out.protocols = root[allowable].texts();
    for (std::string& protocol : out.protocols)
      std::ranges::transform(protocol, protocol.begin(), [](char c) { return to_lower(c); });
    out.verifies = root["VerifyCertificate"].flag();
    out.certificates = root["Certificates"].link();
    return out;
  });
}

std::string parse_certificate_text(const HttpReplied& reply) {
  return of_object(reply, [](View root) { return root["CertificateString"].whole_text(); });
}

std::string parse_picture(const HttpReplied& reply, const std::string& name) {
  const auto document = Document::parse_object(reply.body);
  if (!document || reply.status / 100 != 2) return {};
  std::string text = document->root()[name].whole_text();
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n'; });
  const auto is_base64 = [](char c) { return is_alnum(c) || c == '+' || c == '/' || c == '='; };
  return std::ranges::all_of(text, is_base64) ? text : std::string();
}

}  // namespace metalmesh::redfish
