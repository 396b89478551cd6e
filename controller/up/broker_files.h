// The files of broker-config as they were when this program was built.
#pragma once

#include <string_view>

namespace metalmesh::up {

/// With @NAMES@ to fill in, as broker-config/render.sh does.
extern const std::string_view mosquitto_conf_template;
extern const std::string_view broker_acl;

}  // namespace metalmesh::up
