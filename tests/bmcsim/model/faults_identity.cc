// Who the machine says it is.
#include <algorithm>

#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

/// The first three groups byte by byte from behind, as SMBIOS stores them.
std::string turned(const std::string& uuid) {
  constexpr std::size_t order[] = {6, 7, 4, 5, 2, 3, 0, 1, 8, 11, 12, 9, 10, 13, 16, 17, 14, 15};
  if (uuid.size() != 36) return uuid;
  std::string out = uuid;
  for (std::size_t i = 0; i < std::size(order); ++i) out[i] = uuid[order[i]];
  return out;
}

template <class Change>
void edit_system(Scene& scene, RedfishReply& reply, Change change) {
  if (scene.asks("GET", system_path)) edit(reply, change);
}

constexpr Fault table[] = {
    {.name = "uuid_byte_order",
     .does = "tells the UUID with the bytes of its first groups turned",
     .source = "go-hal#57",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           edit_system(scene, reply, [&](json::object& body) { body["UUID"] = turned(scene.options.uuid); });
         }},
    {.name = "label_is_sku",
     .does = "the number on the label is SKU; SerialNumber is the board's",
     .source = "Dell iDRAC9",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           edit_system(scene, reply, [&](json::object& body) {
             body["SKU"] = scene.options.serial;
             body["SerialNumber"] = "CNFCP00" + scene.options.serial;
             body["Manufacturer"] = "Dell Inc.";
             body["Model"] = "PowerEdge R650";
           });
           if (!scene.asks("GET", service_root)) return;
           edit(reply, [](json::object& body) {
             body["Vendor"] = "Dell";
             body["Product"] = "Integrated Dell Remote Access Controller";
             body["Oem"] = {{"Dell", json::object{}}};
           });
         }},
    {.name = "uuid_only",
     .does = "the system has no serial number; its chassis has one",
     .source = "NVIDIA GB200, GH200",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           edit_system(scene, reply, [](json::object& body) { body.erase("SerialNumber"); });
         }},
    {.name = "identity_empty",
     .does = "UUID and serial number are empty for 60 s, while the BMC gathers them",
     .source = "BMCs that boot",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!scene.within(seconds(60))) return;
           edit_system(scene, reply, [](json::object& body) { body["UUID"] = body["SerialNumber"] = ""; });
         }},
    {.name = "identity_other",
     .does = "tells another machine's UUID and serial number",
     .source = "mixed up cables or addresses",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           edit_system(scene, reply, [](json::object& body) {
             body["UUID"] = "0badc0de-0000-4000-8000-00000badc0de";
             body["SerialNumber"] = "ELSEWHERE1";
           });
         }},
};

}  // namespace

std::span<const Fault> identity_faults() { return table; }

}  // namespace metalmesh::bmcsim
