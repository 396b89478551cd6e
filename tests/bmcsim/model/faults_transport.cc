// TLS, connections, encodings and time. The model says what is to happen, its transport does it.
#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

using std::chrono::seconds;
using Reply = std::optional<RedfishReply>;

constexpr Fault table[] = {
    {.name = "silent",
     .does = "closes every connection before a byte",
     .source = "a cable, a BMC that restarts",
     .knob = [](BmcOptions& options, bool on) { options.unreachable = on; }},
    {.name = "key_changed",
     .does = "shows another self-signed key",
     .source = "BMCs that make a new one when they restart",
     .knob = [](BmcOptions& options, bool on) { options.tls_key = on ? 2 : 1; }},
    {.name = "tls_1_0_only",
     .does = "offers TLS 1.0 only",
     .source = "iDRAC-Redfish-Scripting#18",
     .knob = [](BmcOptions& options, bool on) { options.tls_1_0_only = on; }},
    {.name = "gzip_always",
     .does = "compresses every body, asked or not",
     .source = "python-redfish-library#22",
     .alter = [](Scene&, RedfishReply& reply) { reply.gzip = !reply.body.empty(); }},
    {.name = "gzip_or_406",
     .does = "406 to Accept-Encoding: identity, compressed otherwise",
     .source = "Redfish-Mockup-Creator#56",
     .instead = [](Scene& scene) -> Reply {
       if (header(scene.request.headers, "accept-encoding") != "identity") return std::nullopt;
       return error_reply(406, "NotAcceptable", "no acceptable encoding");
     },
     .alter = [](Scene&, RedfishReply& reply) { reply.gzip = reply.status != 406 && !reply.body.empty(); }},
    {.name = "keepalive_reset",
     .does = "the third request on a connection is cut without a reply",
     .source = "sushy release note disable-conn-pooling",
     .instead = [](Scene& scene) -> Reply {
       if (scene.request.on_connection < 3) return std::nullopt;
       RedfishReply reply;
       reply.drop = true;
       return reply;
     }},
    {.name = "two_link_headers",
     .does = "two fields of one name in the head of every answer",
     .source = "DSP0266: a Link header for the schema, others for what belongs to it",
     .alter =
         [](Scene&, RedfishReply& reply) {
           reply.headers.emplace_back("Link", "</redfish/v1/JsonSchemas/1>; rel=describedby");
           reply.headers.emplace_back("Link", "</redfish/v1/$metadata>; rel=describedby");
         }},
    {.name = "slow_40s",
     .does = "GET of the system takes 38 s, everything else is quick",
     .source = "infra-controller#1584",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.asks("GET", system_path)) reply.delay = seconds(38);
         }},
    {.name = "slow_3s",
     .does = "every answer takes 3 s",
     .source = "common",
     .alter = [](Scene&, RedfishReply& reply) { reply.delay = seconds(3); }},
};

}  // namespace

std::span<const Fault> transport_faults() { return table; }

}  // namespace metalmesh::bmcsim
