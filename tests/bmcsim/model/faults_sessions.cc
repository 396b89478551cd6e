// Logins, sessions, and who may see what.
#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using Reply = std::optional<RedfishReply>;

bool logs_in(const Scene& scene) { return scene.asks("POST", sessions_path); }
bool of_session_service(const Scene& scene) { return scene.path.starts_with("/redfish/v1/SessionService"); }
bool is_open_to_all(const Scene& scene) {
  return logs_in(scene) || scene.path == service_root || scene.path == "/redfish";
}
bool changed(const Scene& scene, const RedfishReply& reply) { return logs_in(scene) && reply.status == 201; }

void replace_header(RedfishReply& reply, std::string_view name, std::optional<std::string> value) {
  std::erase_if(reply.headers, [&](const auto& header) { return header.first == name; });
  if (value) reply.headers.emplace_back(name, *std::move(value));
}

RedfishReply message(int status, std::string_view id, std::string_view text) {
  auto reply = error_reply(status, "GeneralError", text);
  edit_error(reply, [&](json::object& body) {
    auto& info = body["error"].as_object()["@Message.ExtendedInfo"].as_array()[0].as_object();
    info["MessageId"] = id;
  });
  return reply;
}

Reply busy(const Scene& scene, int status, std::string_view id, std::string_view text) {
  if (!logs_in(scene) || !scene.within(seconds(20))) return std::nullopt;
  return message(status, id, text);
}

constexpr Fault table[] = {
    {.name = "basic_only_401",
     .does = "no sessions: a login is 401 with WWW-Authenticate: Basic; Basic credentials work",
     .source = "proxmox-redfish#42",
     .instead = [](Scene& scene) -> Reply {
       if (!logs_in(scene)) return std::nullopt;
       auto reply = error_reply(401, "NoValidSession", "use Basic authentication");
       reply.headers.emplace_back("WWW-Authenticate", "Basic realm=\"redfish\"");
       return reply;
     }},
    {.name = "basic_only_disabled",
     .does = "no sessions: the session service says ServiceEnabled false and refuses logins with 503",
     .source = "proxmox-redfish#42",
     .instead = [](Scene& scene) -> Reply {
       if (!logs_in(scene)) return std::nullopt;
       return error_reply(503, "ServiceDisabled", "the session service is disabled");
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.path != "/redfish/v1/SessionService") return;
           edit(reply, [](json::object& body) { body["ServiceEnabled"] = false; });
         }},
    {.name = "basic_only_404",
     .does = "no sessions: there is no session service, and the root names none",
     .source = "sushy-tools' emulator",
     .instead = [](Scene& scene) -> Reply {
       if (!of_session_service(scene)) return std::nullopt;
       return no_such_resource();
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.path != service_root) return;
           edit(reply, [](json::object& body) {
             body.erase("SessionService");
             body.erase("Links");
           });
         }},
    {.name = "basic_only_405",
     .does = "no sessions: POST to the list of sessions is not allowed",
     .source = "proxmox-redfish#42",
     .instead = [](Scene& scene) -> Reply {
       if (!logs_in(scene)) return std::nullopt;
       return error_reply(405, "ActionNotSupported", "method not allowed");
     }},
    {.name = "login_busy_400",
     .does = "for 20 s logins are 400 GeneralError",
     .source = "redhat-performance/badfish#129",
     .instead = [](Scene& scene) -> Reply {
       return busy(scene, 400, "Base.1.8.GeneralError",
                   "A general error has occurred. See ExtendedInfo for more information.");
     }},
    {.name = "login_busy_swc0700",
     .does = "for 20 s logins are 400 SWC0700 \"iDRAC is not ready\"",
     .source = "redhat-performance/badfish#129",
     .instead = [](Scene& scene) -> Reply {
       return busy(
           scene, 400, "IDRAC.2.8.SWC0700",
           "iDRAC is not ready. The configuration values cannot be accessed. Please retry after a few "
           "minutes.");
     }},
    {.name = "login_busy_403",
     .does = "for 20 s logins are 403 ResourceExhaustion",
     .source = "redhat-performance/badfish#129",
     .instead = [](Scene& scene) -> Reply {
       return busy(scene, 403, "Base.1.8.ResourceExhaustion",
                   "The resource SessionService was unable to satisfy the request due to unavailability of "
                   "resources.");
     }},
    {.name = "login_busy_503",
     .does = "for 20 s logins are 503 ServiceTemporarilyUnavailable",
     .source = "common",
     .instead = [](Scene& scene) -> Reply {
       return busy(scene, 503, "Base.1.8.ServiceTemporarilyUnavailable",
                   "The service is temporarily unavailable. Retry in 30 seconds.");
     }},
    {.name = "login_wants_domain",
     .does = "a login is 400 unless it says in Oem that its user is LocaliBMC's",
     .source = "mammoth huawei.md: 2288H V5, iBMC 6.41",
     .instead = [](Scene& scene) -> Reply {
       if (!logs_in(scene)) return std::nullopt;
       const auto body = parse_body(scene.request.body);
       const auto* oem = body.is_object() ? body.as_object().if_contains("Oem") : nullptr;
       const auto* maker =
           oem != nullptr && oem->is_object() ? oem->as_object().if_contains("Huawei") : nullptr;
       if (maker != nullptr && string_at(*maker, "Domain") == "LocaliBMC") return std::nullopt;
       return error_reply(400, "PropertyMissing", "The property Oem/Huawei/Domain is a required property.");
     }},
    {.name = "session_empty_body",
     .does = "a login is answered without a body, with a relative Location",
     .source = "python-redfish-library#73",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!changed(scene, reply)) return;
           const std::string path = header(reply.headers, "Location");
           reply.body.clear();
           replace_header(reply, "Location", path.substr(std::string("/redfish/v1/").size()));
         }},
    {.name = "session_no_location",
     .does = "a login is answered without Location and without the session's path",
     .source = "HPE ilo-redfish-emulator",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!changed(scene, reply)) return;
           replace_header(reply, "Location", std::nullopt);
           reply.body = "{}";
         }},
    {.name = "session_204",
     .does = "a login is answered 204, with nothing but the token in a header",
     .source = "DMTF Redfish-Mockup-Server",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!changed(scene, reply)) return;
           reply.status = 204;
           replace_header(reply, "Location", std::nullopt);
           reply.body.clear();
         }},
    {.name = "password_change_403",
     .does = "logs in, then refuses everything until the password was changed",
     .source = "lenovo scripts#308",
     .instead = [](Scene& scene) -> Reply {
       if (is_open_to_all(scene) || of_session_service(scene)) return std::nullopt;
       return error_reply(403, "PasswordChangeRequired",
                          "The password provided for this account must be changed before access is granted.");
     }},
    {.name = "system_403",
     .does = "this account may not read systems",
     .source = "lenovo scripts#308",
     .instead = [](Scene& scene) -> Reply {
       if (!scene.path.starts_with("/redfish/v1/Systems")) return std::nullopt;
       return error_reply(403, "AccessDenied",
                          "While attempting to establish a connection to /redfish/v1/Systems, the service "
                          "denied access: the account has no Login privilege.");
     }},
    {.name = "tokens_refused",
     .does = "no token is valid any more; logins go on",
     .source = "BMCs that lose their sessions",
     .instead = [](Scene& scene) -> Reply {
       if (is_open_to_all(scene) || of_session_service(scene)) return std::nullopt;
       if (header(scene.request.headers, "x-auth-token").empty()) return std::nullopt;
       return error_reply(401, "NoValidSession", "There is no valid session established.");
     }},
    {.name = "password_changed",
     .does = "somebody gave the account another password, and ended its sessions",
     .source = "rotation by somebody else",
     .knob =
         [](BmcOptions& options, bool on) {
           const std::string suffix = "-changed";
           if (on) options.password += suffix;
           if (!on) options.password.resize(options.password.size() - suffix.size());
         },
     .instead = [](Scene& scene) -> Reply {
       if (scene.own.count++ == 0) scene.sessions.end_all();
       return std::nullopt;
     }},
    {.name = "session_table_full",
     .does = "its sessions are gone and the table is full of somebody else's",
     .source = "monitoring that never logs out",
     .instead = [](Scene& scene) -> Reply {
       if (scene.own.count++ > 0) return std::nullopt;
       scene.sessions.end_all();
       scene.sessions.occupy(scene.options.max_sessions);
       scene.own.acted = true;
       return std::nullopt;
     }},
};

}  // namespace

std::span<const Fault> session_faults() { return table; }

}  // namespace metalmesh::bmcsim
