// Stories that are told by their name only: of whoever has a site's box, or the broker, or another machine's cable.
#include <algorithm>

#include "controller/state/deployment_states.h"
#include "tests/sim/stories.h"

namespace metalmesh::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view of_askers[] = {"an installer showed another machine, and was refused",
                                          "an answer that got lost was given again",
                                          "somebody asked in a machine's place",
                                          "an installer asked while its agent was away",
                                          "an installer got its go and wrote",
                                          "an installer could ask nobody and went on",
                                          "told INSTALLER_REFUSED"};

constexpr std::string_view of_windows[] = {"a rollout waited for its window",
                                           "a server was started in a window"};

}  // namespace

std::span<const std::string_view> classes_of(std::string_view story) {
  if (story == "stolen-box") return SiteThief::classes();
  if (story == "hostile-broker") return HostileBroker::classes();
  if (story == "installers-ask") return of_askers;
  if (story == "shut-windows") return of_windows;
  return {};
}

/// In the middle of a rollout over all sites. After a while somebody has read what is told, and revokes it.
void Stories::stolen_box() {
  Site& site = *mesh_.sites.front();
  if (step_ == 0) {
    const auto& deployments = mesh_.witness.facts().deployments;
    if (std::ranges::none_of(deployments, [&](const auto& one) {
          return one.second.site() == site.name && controller::is_in_flight(one.second.state());
        }))
      return;
    return go_on(up_to(2min));
  }
  if (step_ == 1) {
    mesh_.steal_box(site);
    thief_ = std::make_unique<SiteThief>(mesh_, random_.fork(), site.name, variant_ == 1);
    thief_->begin();
    return go_on(12min + up_to(5min));
  }
  if (step_ == 2) {
    mesh_.person->wish(controller::RevokeSite{site.name, site.name, "its box was stolen"});
    return go_on(1min);
  }
  thief_->on_revoked();
  mesh_.controller->crash("restarts after that");
  is_over();
}

void Stories::hostile_broker() {
  broker_ = std::make_unique<HostileBroker>(mesh_, random_.fork());
  broker_->begin();
  is_over();
}

/// Cables of two machines are swapped, and agents die when an installer asks.
void Stories::installers_ask() {
  every_ = 200ms;
  if (step_ == 0) {
    for (const auto& site : mesh_.sites) {
      if (site->machines.size() < 3 || !random_.chance(700)) continue;
      bmcsim::BmcOptions& one = site->machines[0]->model->options();
      bmcsim::BmcOptions& other = site->machines[1]->model->options();
      one.behind = &other;
      other.behind = &one;
    }
    return go_on();
  }
  for (const auto& site : mesh_.sites) {
    for (const Machine* machine : site->machines) {
      const bmcsim::Host& host = machine->model->host();
      const bool is_about_to_ask =
          host.state() == bmcsim::HostState::booting_media && host.bytes_read() >= image_size * 3 / 8;
      if (!is_about_to_ask || host.media_url() == id_) continue;
      id_ = host.media_url();
      if (random_.chance(400)) site->box.node->crash("dies before an installer asks");
    }
  }
}

}  // namespace metalmesh::sim
