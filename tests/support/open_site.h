// A site whose own file keeps nobody out: where that is not what a test is about.
#pragma once

#include "agents/core/agent_settings.h"

namespace metalmesh::test {

inline void open_to_all(agent::AgentSettings& settings) {
  settings.bmc_networks.Clear();
  for (const char* half : {"0.0.0.0/1", "128.0.0.0/1"}) {
    config::SiteNetwork& network = *settings.bmc_networks.Add();
    network.set_cidr(half);
    network.set_first_contact(true);
    network.add_media_from("0.0.0.0/1");
    network.add_media_from("128.0.0.0/1");
  }
}

}  // namespace metalmesh::test
