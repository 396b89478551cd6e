// Installers that do not end by going off at once: shaped after ESXi's, which restarts into what it installed, and
// after Windows', which restarts into passes of its own before it goes off.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "common/families/family_catalogue.h"

namespace metalmesh::sim {

struct Ending {
  std::string_view family;
  std::string_view
      on_medium;  // what its answer file tells the pretended installer (tests/bmcsim/model/timer_host.cc)
  std::string_view completion;
  std::uint32_t restarts = 0;
};
inline constexpr std::array endings = {
    Ending{families::placeholder_family, "", "poweroff"},
    Ending{"restarts-at-end", "passes=0 ends=reboot", "reboot"},
    Ending{"has-passes", "passes=2", "poweroff", 2},
    Ending{"has-a-pass-and-restarts", "passes=1 ends=reboot", "reboot", 1},
};

inline void add_endings(families::FamilyCatalogue& catalogue) {
  for (const Ending& ending : endings) {
    if (ending.family == families::placeholder_family) continue;
    config::OsFamily family;
    family.set_name(std::string(ending.family));
    family.set_placeholder(true);
    family.set_completion(std::string(ending.completion));
    family.set_restarts(ending.restarts);
    (void)catalogue.add(std::move(family));
  }
}

inline std::string answer_template(const Ending& ending) {
  return "# answer file\ndeployment={{deployment}} callback={{callback_url}} " +
         std::string(ending.on_medium) + "\n";
}

}  // namespace metalmesh::sim
