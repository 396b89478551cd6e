#include "controller/state/reach.h"

#include "controller/state/kinds.h"

namespace metalmesh::controller {
namespace {

bool is_pattern(const std::string& site) { return site.find_first_of("*?") != std::string::npos; }

/// Where a server that is selected by name stands, or stood when it was planned.
std::string site_of_named(const Objects& objects, const rest::Plan& plan, const std::string& name) {
  if (const auto found = objects.servers.find(name); found != objects.servers.end())
    return found->second.spec().site();
  const auto then = std::ranges::find(plan.servers(), name, &rest::PlanServer::name);
  return then == plan.servers().end() ? std::string() : then->site();
}

Reach reach_of(const Objects& objects, const rest::Selection& select, const rest::Plan& plan) {
  if (select.sites_size() > 0 && std::ranges::none_of(select.sites(), is_pattern))
    return Reach::of({select.sites().begin(), select.sites().end()});
  std::set<std::string> sites;
  for (const std::string& name : select.servers()) {
    const std::string site = site_of_named(objects, plan, name);
    if (site.empty()) return {};
    sites.insert(site);
  }
  return Reach::of(std::move(sites));
}

}  // namespace

Reach reach_of(const Objects&, const rest::Site& site) { return Reach::of({site.metadata().name()}); }

Reach reach_of(const Objects&, const rest::Credential& credential) {
  const std::string& site = credential.spec().site();
  return site.empty() ? Reach::of({}, true) : Reach::of({site});
}

Reach reach_of(const Objects&, const rest::Server& server) { return Reach::of({server.spec().site()}); }

Reach reach_of(const Objects&, const rest::Deployment& deployment) { return Reach::of({deployment.site()}); }

Reach reach_of(const Objects&, const rest::User&) { return {}; }

Reach reach_of(const Objects& objects, const rest::Rollout& rollout) {
  return reach_of(objects, rollout.spec().select(), rollout.status().plan());
}

Reach reach_of(const Objects& objects, const rest::PostureException& exception) {
  return reach_of(objects, exception.spec().select(), {});
}

}  // namespace metalmesh::controller
