// Virtual media: what is taken, when it shows, and how it gets out again.
#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using Reply = std::optional<RedfishReply>;

constexpr std::string_view insert_ending = "/Actions/VirtualMedia.InsertMedia";
constexpr std::string_view eject_ending = "/Actions/VirtualMedia.EjectMedia";

constexpr std::string_view vmm_ending = "/VirtualMedia.VmmControl";

/// In whichever way its kind has for that.
bool inserts(const Scene& scene) {
  if (scene.request.method == "POST" && scene.path.ends_with(insert_ending)) return true;
  const bool written = scene.request.method == "PATCH" && scene.path.ends_with("/Cd");
  const bool vmm = scene.request.method == "POST" && scene.path.ends_with(vmm_ending);
  return (written || vmm) && !string_at(parse_body(scene.request.body), "Image").empty();
}
bool ejects(const Scene& scene) {
  return scene.request.method == "POST" && scene.path.ends_with(eject_ending);
}
std::string cd(const Scene& scene) { return scene.slots + "/Cd"; }
bool reads_cd(const Scene& scene) { return scene.request.method == "GET" && scene.path == cd(scene); }
std::string image_of(const Scene& scene) { return string_at(parse_body(scene.request.body), "Image"); }

void turn_into(Scene& scene, std::string_view ending) {
  scene.request.method = "POST";
  scene.request.path = cd(scene) + std::string(ending);
}

/// A CD slot that is written instead of told: PATCH of Image.
Reply written_slot(Scene& scene) {
  if (scene.path.starts_with(cd(scene) + "/Actions")) return no_such_resource();
  if (!scene.asks("PATCH", cd(scene))) return std::nullopt;
  turn_into(scene, image_of(scene).empty() ? eject_ending : insert_ending);
  return std::nullopt;
}

/// A slot of somebody at the BMC's web page, full until it is written empty.
Reply remote_disc(Scene& scene) {
  const std::string path = scene.slots + "/RDOC1";
  if (!scene.path.starts_with(path)) return std::nullopt;
  if (scene.asks("PATCH", path)) {
    scene.own.text = image_of(scene).empty() ? "emptied" : "";
    return no_content();
  }
  if (!scene.asks("GET", path)) return no_such_resource();
  const bool full = scene.own.text.empty();
  return json_reply({{"@odata.id", path},
                     {"Id", "RDOC1"},
                     {"Name", "Remote disc on card"},
                     {"MediaTypes", json::array{"CD", "DVD"}},
                     {"ConnectedVia", full ? "Oem" : "NotConnected"},
                     {"Inserted", full},
                     {"Image", full ? json::value("rescue.iso") : json::value(nullptr)}});
}

RedfishReply takes_only(std::string_view protocols) {
  return error_reply(400, "PropertyValueNotInList",
                     "The value HTTPS for TransferProtocolType is not in the list of acceptable values: " +
                         std::string(protocols));
}

Reply lacks(Scene& scene, std::string_view parameter) {
  if (!inserts(scene) || !string_at(parse_body(scene.request.body), parameter).empty()) return std::nullopt;
  return error_reply(400, "ActionParameterMissing",
                     "The action InsertMedia requires the parameter " + std::string(parameter) +
                         " to be present in the request body.");
}

void list_protocols(Scene& scene, RedfishReply& reply, const json::array& protocols) {
  if (!reads_cd(scene)) return;
  edit(reply, [&](json::object& body) {
    body["Actions"]
        .as_object()["#VirtualMedia.InsertMedia"]
        .as_object()["TransferProtocolType@Redfish.AllowableValues"] = protocols;
  });
}

constexpr Fault table[] = {
    {.name = "insert_slow_75s",
     .does = "InsertMedia is 204, the medium is in after 75 s",
     .source = "community.general#8279",
     .knob = [](BmcOptions& options, bool on) { options.insert_time = on ? seconds(75) : seconds(0); }},
    {.name = "slot_lag_15s",
     .does = "a slot shows its old content for 15 s after a change",
     .source = "HPE iLO 5",
     .knob = [](BmcOptions& options, bool on) { options.slot_lag = on ? seconds(15) : seconds(0); }},
    {.name = "stale_old_image",
     .does = "for 6 s after an insert the slot shows an image of long ago",
     .source = "ironic release note vmedia-stale-insert",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           const bool stale = scene.host.media_inserted() && scene.now - scene.medium_changed < seconds(6);
           if (!reads_cd(scene) || !stale) return;
           edit(reply, [](json::object& body) { body["Image"] = "https://192.0.2.9/old/rescue.iso"; });
         }},
    {.name = "insert_reads_whole",
     .does = "fetches the whole image with a plain GET before it calls it inserted",
     .source = "proxmox-redfish#30",
     .knob =
         [](BmcOptions& options, bool on) {
           options.insert_reads = on ? InsertReads::everything : InsertReads::volume_descriptor;
         }},
    {.name = "insert_probes_plain_get",
     .does = "tries the image with a plain GET, and gives up on anything but 2xx",
     .source = "sushy-tools",
     .knob =
         [](BmcOptions& options, bool on) {
           options.insert_reads = on ? InsertReads::beginning : InsertReads::volume_descriptor;
         }},
    {.name = "insert_500_always",
     .does = "InsertMedia is 500 SYS446, and nothing is inserted",
     .source = "iDRAC-Redfish-Scripting#60",
     .instead = [](Scene& scene) -> Reply {
       if (!inserts(scene)) return std::nullopt;
       return error_reply(500, "SYS446",
                          "Unable to complete the operation because the virtual media service "
                          "does not respond (SYS446).");
     }},
    {.name = "insert_task_completed_critical",
     .does = "InsertMedia is 202; its task ends Completed with TaskStatus Critical, and nothing is inserted",
     .source = "sushy release note raise-error-on-async",
     .instead = [](Scene& scene) -> Reply {
       if (!inserts(scene)) return std::nullopt;
       return scene.tasks.begin(
           {.due = scene.now + seconds(3),
            .failure = "Unable to mount the remote share: the image could not be verified.",
            .failed_as = "Completed"},
           scene.now);
     }},
    {.name = "http_only",
     .does = "takes images over HTTP and NFS only, and says so in AllowableValues",
     .source = "python-redfish-lenovo#124",
     .instead = [](Scene& scene) -> Reply {
       if (!inserts(scene) || !image_of(scene).starts_with("https:")) return std::nullopt;
       return takes_only("HTTP, NFS");
     },
     .alter = [](Scene& scene, RedfishReply& reply) { list_protocols(scene, reply, {"HTTP", "NFS"}); }},
    {.name = "nfs_cifs_only",
     .does = "takes images over NFS and CIFS only",
     .source = "AMI on Gigabyte",
     .instead = [](Scene& scene) -> Reply {
       if (!inserts(scene)) return std::nullopt;
       return takes_only("NFS, CIFS");
     },
     .alter = [](Scene& scene, RedfishReply& reply) { list_protocols(scene, reply, {"NFS", "CIFS"}); }},
    {.name = "verify_certificate",
     .does = "does not know the media server's CA: ends TLS, InsertMedia is 500",
     .source = "community.general#2269",
     .knob = [](BmcOptions& options, bool on) { options.distrusts_media = on; },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!inserts(scene) || reply.status >= 300) return;
           reply = error_reply(500, "GeneralError", "Unable to connect to the image server.");
           scene.own.text = "refused";
         }},
    {.name = "licence_missing",
     .does = "virtual media from a URL needs a licence that is not there",
     .source = "HPE iLO Standard",
     .instead = [](Scene& scene) -> Reply {
       if (!inserts(scene)) return std::nullopt;
       return error_reply(403, "LicenseRequired", "A license is required for this operation: iLO Advanced.");
     }},
    {.name = "insert_wants_protocol",
     .does = "InsertMedia is 400 without TransferProtocolType",
     .source = "sushy transfer_proto_required_error.json; Fujitsu iRMC, AMI",
     .instead = [](Scene& scene) -> Reply { return lacks(scene, "TransferProtocolType"); }},
    {.name = "insert_wants_method",
     .does = "InsertMedia is 400 without TransferMethod",
     .source = "sushy transfer_method_required_error.json; Cisco, OpenBMC",
     .instead = [](Scene& scene) -> Reply { return lacks(scene, "TransferMethod"); }},
    {.name = "eject_only_empty_body",
     .does = "EjectMedia is 400 unless its body is empty",
     .source = "sushy eject_media",
     .instead = [](Scene& scene) -> Reply {
       if (!ejects(scene) || scene.request.body.empty()) return std::nullopt;
       return error_reply(400, "MalformedJSON", "The request body must be empty.");
     }},
    {.name = "eject_refused",
     .does = "EjectMedia is 500, always",
     .source = "stuck virtual media services",
     .instead = [](Scene& scene) -> Reply {
       if (!ejects(scene)) return std::nullopt;
       return error_reply(500, "InternalError", "The request failed due to an internal service error.");
     }},
    {.name = "actions_without_target",
     .does = "the slots' actions have no target",
     .source = "kubevirtbmc#172",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!reads_cd(scene)) return;
           edit(reply, [](json::object& body) {
             for (auto& action : body["Actions"].as_object()) action.value() = json::object{};
           });
         }},
    {.name = "slot_by_patch",
     .does = "slots have no actions; Image is written",
     .source = "Lenovo XCC 2.83",
     .instead = &written_slot,
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (reads_cd(scene))
             edit(reply, [](json::object& body) {
               body.erase("Actions");
               body["Id"] = "EXT1";
             });
         }},
    {.name = "filled_remote_disc",
     .does = "lists a slot without actions first, which somebody filled; only PATCH empties it",
     .source = "Lenovo XCC 2.83",
     .instead = &remote_disc,
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!scene.asks("GET", scene.slots)) return;
           edit(reply, [&](json::object& body) {
             auto& members = body["Members"].as_array();
             members.insert(members.begin(), link(scene.slots + "/RDOC1"));
           });
         }},
    {.name = "slot_by_oem_action",
     .does = "the slot's only action is an OEM's: VmmControl",
     .source = "Huawei, xFusion iBMC",
     .instead = [](Scene& scene) -> Reply {
       if (scene.path.starts_with(cd(scene) + "/Actions")) return no_such_resource();
       if (!scene.asks("POST", cd(scene) + "/Oem/Huawei/Actions/VirtualMedia.VmmControl"))
         return std::nullopt;
       const bool disconnects = string_at(parse_body(scene.request.body), "VmmControlType") == "Disconnect";
       turn_into(scene, disconnects ? eject_ending : insert_ending);
       return std::nullopt;
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!reads_cd(scene)) return;
           edit(reply, [&](json::object& body) {
             body.erase("Actions");
             body["Oem"] = {{"Huawei",
                             {{"Actions",
                               {{"#VirtualMedia.VmmControl",
                                 {{"target", cd(scene) + "/Oem/Huawei/Actions/VirtualMedia.VmmControl"},
                                  {"VmmControlType@Redfish.AllowableValues",
                                   json::array{"Connect", "Disconnect"}}}}}}}}};
           });
         }},
    {.name = "slots_after_enable",
     .does = "there are no slots before the manager's EnableRMedia was called",
     .source = "NVIDIA DGX H100 (AMI)",
     .instead = [](Scene& scene) -> Reply {
       if (!scene.asks("POST", "/redfish/v1/Managers/1/Actions/Oem/AMIVirtualMedia.EnableRMedia"))
         return std::nullopt;
       scene.own.count = 1;
       return no_content();
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.asks("GET", "/redfish/v1/Managers/1")) {
             edit(reply, [](json::object& body) {
               body["Actions"] = {
                   {"Oem",
                    {{"#AMIVirtualMedia.EnableRMedia",
                      {{"target", "/redfish/v1/Managers/1/Actions/Oem/AMIVirtualMedia.EnableRMedia"}}}}}};
             });
           }
           if (!scene.asks("GET", scene.slots) || scene.own.count > 0) return;
           edit(reply, [](json::object& body) { body["Members"] = json::array{}; });
         }},
};

}  // namespace

std::span<const Fault> media_faults() { return table; }

}  // namespace metalmesh::bmcsim
