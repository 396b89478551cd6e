// Bytes that are not quite JSON, and errors that are not quite errors. What breaks the JSON comes last.
#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

namespace json = boost::json;
using Reply = std::optional<RedfishReply>;

void replace_text(std::string& text, std::string_view what, std::string_view by) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
}

constexpr std::string_view clock_shows[] = {"1970-01-01T00:00:07Z", "2106-02-07T06:28:15+14:00",
                                            "2026-02-30T25:61:61Z", ""};

constexpr Fault table[] = {
    {.name = "html_instead",
     .does = "everything is answered 200 with a page for people",
     .source = "BMCs that boot",
     .instead = [](Scene&) -> Reply {
       RedfishReply reply;
       reply.headers = {{"Content-Type", "text/html"}};
       reply.body = "<html><body>The management controller is starting.</body></html>";
       return reply;
     }},
    {.name = "extinfo_is_an_object",
     .does = "@Message.ExtendedInfo is one object instead of a list",
     .source = "sushy release note extended-info",
     .alter =
         [](Scene&, RedfishReply& reply) {
           edit_error(reply, [](json::object& body) {
             auto& info = body["error"].as_object()["@Message.ExtendedInfo"];
             if (!info.is_array()) return;
             json::value first = info.as_array().front();
             body["error"].as_object()["message"] = "See @Message.ExtendedInfo.";
             info = std::move(first);
           });
         }},
    {.name = "latin1_text",
     .does = "one byte of a text is no UTF-8",
     .source = "DMTF libredfish#108",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.asks("GET", system_path))
             replace_text(reply.body, "Simulated Server", "Serveur simul\xe9");
         }},
    {.name = "latin1_error",
     .does = "errors are pages in Latin-1",
     .source = "front-end web servers",
     .alter =
         [](Scene&, RedfishReply& reply) {
           if (reply.status >= 400)
             reply.body =
                 "<html><body>Requ\xeate refus\xe9"
                 "e par le contr\xf4leur</body></html>";
         }},
    {.name = "clock_jumps",
     .does = "its clock is set anew before every answer, and is in all of them",
     .source = "BMCs without battery or NTP: 1970 after each restart",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           const std::string_view time = clock_shows[scene.own.count++ % std::size(clock_shows)];
           reply.headers.emplace_back("Date", time);
           reply.headers.emplace_back("Last-Modified", time);
           edit(reply, [time](json::object& body) {
             for (const char* name :
                  {"DateTime", "LastResetTime", "LastModified", "CreatedTime", "StartTime", "EndTime"})
               body[name] = time;
             if (auto* progress = body.if_contains("BootProgress"); progress && progress->is_object())
               progress->as_object()["LastStateTime"] = time;
           });
         }},
    {.name = "unescaped_etag",
     .does = "quotes in the system's @odata.etag are not escaped",
     .source = "python-redfish-library#107",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.asks("GET", system_path))
             replace_text(reply.body, "{", "{\"@odata.etag\":\"W/\"1715000000\"\",");
         }},
    {.name = "cut_bodies",
     .does = "every body ends in the middle",
     .source = "BMCs out of memory",
     .alter = [](Scene&, RedfishReply& reply) { reply.body.resize(reply.body.size() / 2); }},
    {.name = "utf8_bom",
     .does = "bodies begin with a byte order mark",
     .source = "ocs-ci#13361",
     .alter =
         [](Scene&, RedfishReply& reply) {
           if (!reply.body.empty()) reply.body.insert(0, "\xef\xbb\xbf");
         }},
};

}  // namespace

std::span<const Fault> text_faults() { return table; }

}  // namespace metalmesh::bmcsim
