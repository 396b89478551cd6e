// Of every kind of object one that is accepted.
#pragma once

#include <string>

#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {

/// A valid body for every kind, with what it refers to in place.
struct KindCase {
  const char* plural;
  const char* kind;
  const char* body;
};
inline constexpr KindCase kinds[] = {
    {"sites", "Site", R"({"spec":{"timeZone":"Europe/Paris"}})"},
    {"credentials", "Credential", R"({"spec":{"site":"par1","note":"iLO"}})"},
    {"settingsprofiles", "SettingsProfile", R"({"spec":{"bios":{"ProcVirtualization":"Enabled"}}})"},
    {"postureexceptions", "PostureException",
     R"({"spec":{"findings":["ipmiOverLan"],"select":{"sites":["par*"]},"reason":"old tools","until":"2030-01-01T00:00:00Z"}})"},
    {"hardwaretypes", "HardwareType",
     R"({"spec":{"manufacturer":"Dell Inc.","model":"PowerEdge R650","expect":{"memory":{"size":"512GB"}},"disks":{"root":{"media":"SSD"}}}})"},
    {"servers", "Server",
     R"({"spec":{"site":"par1","bmc":{"address":"10.20.0.9","credential":"bmc"},"state":"new"}})"},
    {"images", "Image", ApiBench::image},
    {"profiles", "Profile", ApiBench::profile},
    {"rollouts", "Rollout",
     R"({"spec":{"action":"install","select":{"servers":["s1"]},"image":"rocky","profile":"base"}})"},
};

inline std::string path_of(const KindCase& kind, const std::string& name = "thing") {
  return std::string("/api/v1/") + kind.plural + "/" + name;
}

}  // namespace metalmesh::controller
