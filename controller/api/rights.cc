#include "controller/api/rights.h"

#include <algorithm>
#include <utility>

#include "common/base/command_words.h"
#include "common/text/letters.h"
#include "controller/core/actions/actions.h"
#include "controller/core/field_rules.h"
#include "controller/core/object_rules.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {
namespace {

using rules::refusal;
using rules::Verdict;

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

Refusal denied(std::string message, std::string next) {
  return refusal(ErrorKind::denied, "", std::move(message), std::move(next));
}

Refusal needs(const Principal& who, Role role, const std::string& what) {
  return denied(what + " needs " + std::string(to_string(role)) + ", and " + who.name + " is " +
                    std::string(to_string(who.role)),
                "ask someone with that role, or use a token that has it");
}

Refusal beyond_sites(const Principal& who, const std::string& what) {
  return denied(what + ", and " + who.name + " is bound to " + listed(who.sites),
                "ask someone who is bound to no site");
}

/// As if it were not there.
Refusal unseen(std::string_view kind, const std::string& name) {
  return refusal(ErrorKind::not_found, std::string(1, to_lower(kind.front())) + std::string(kind.substr(1)),
                 std::string(kind) + " \"" + name.substr(0, 80) + "\" does not exist");
}

template <class T>
Verdict seen(const Principal& who, const MeshState& mesh, const std::string& name) {
  const auto& objects = mesh.*Kind<T>::objects;
  const auto found = objects.find(name);
  if (found == objects.end() || sees(who, mesh, found->second))
    return std::nullopt;  // the core says what is missing
  return unseen(Kind<T>::word, name);
}

Verdict at_own_site(const Principal& who, const std::string& site) {
  if (site.empty() || sees(who, Reach::of({site}))) return std::nullopt;
  return beyond_sites(who, "site " + site.substr(0, 80) + " is another one");
}

Verdict action_allowed(const Principal& who, std::string_view action) {
  if (who.actions.empty() || std::ranges::find(who.actions, action) != who.actions.end()) return std::nullopt;
  return denied(who.name + " orders " + listed(who.actions) + " alone, and this is " + std::string(action),
                "ask someone who may, or make a rollout of another action");
}

Verdict unbound(const Principal& who, const std::string& what) {
  return who.sites.empty() ? std::nullopt : Verdict(beyond_sites(who, what));
}

/// A named server that is another's would be told of among those left out.
Verdict names_own_servers(const Principal& who, const MeshState& mesh, const rest::Selection& select) {
  for (const std::string& name : select.servers()) {
    const auto found = mesh.servers.find(name);
    if (who.sites.empty() || (found != mesh.servers.end() && sees(who, mesh, found->second))) continue;
    return refusal(ErrorKind::not_found, "spec.select.servers",
                   "Server \"" + name.substr(0, 80) + "\" does not exist");
  }
  return std::nullopt;
}

template <class T>
Verdict write_refused(const Principal& who, const MeshState& mesh, const T& object) {
  const std::string& name = object.metadata().name();
  const auto& objects = mesh.*Kind<T>::objects;
  const auto old = objects.find(name);
  const std::string what = std::string(Kind<T>::word) + " " + name.substr(0, 80);
  for (const Reach& reach : {reach_of(mesh, object),
                             old == objects.end() ? reach_of(mesh, object) : reach_of(mesh, old->second)}) {
    if (reach.shared()) {
      if (auto bad = unbound(who, what + " is shared by all sites")) return bad;
    } else if (!sees(who, reach)) {
      return beyond_sites(who, what + " is about other sites, or may be");
    }
  }
  return std::nullopt;
}

/// What leads the BMCs of a site to another host for their media, or its passwords into more networks than were said.
Verdict leads_elsewhere(const Principal& who, const MeshState& mesh, const rest::Site& wished) {
  const auto found = mesh.sites.find(wished.metadata().name());
  const rest::SiteSpec& before =
      found == mesh.sites.end() ? rest::SiteSpec::default_instance() : found->second.spec();
  const rest::SiteSpec& after = wished.spec();
  if (who.role >= Role::approver) return std::nullopt;
  const auto same = [](const wire::BmcNetwork& a, const wire::BmcNetwork& b) {
    return canonical_bytes(a) == canonical_bytes(b);
  };
  const auto names_media = [](const wire::BmcNetwork& network) { return !network.media_address().empty(); };
  const std::string& media = after.media().address();
  if (!media.empty() && media != before.media().address())
    return needs(who, Role::approver, "to say where a site's BMCs find their media (spec.media.address)");
  const bool narrows =
      before.bmc_networks().empty() && std::ranges::none_of(after.bmc_networks(), names_media);
  if (!narrows && !std::ranges::equal(before.bmc_networks(), after.bmc_networks(), same))
    return needs(who, Role::approver, "to change which networks a site's BMCs are in (spec.bmcNetworks)");
  return std::nullopt;
}

/// It says so, or its waves come to that: the first is all, or too many of them.
bool goes_without_canary(const rest::Rollout& rollout) {
  const rest::Plan& plan = rollout.status().plan();
  if (rollout.spec().waves().empty()) return rollout.spec().stop_after().no_canary();
  constexpr std::uint32_t share = 10;  // a tenth
  const std::uint32_t most = std::max(defaults::canary_above, plan.server_count() / share);
  const auto first = std::ranges::find_if(plan.waves(), [](const auto& wave) { return wave.servers() > 0; });
  return first == plan.waves().end() || first->servers() > most;
}

/// What takes the canary out of a rollout that would have one.
Verdict canary_refused(const Principal& who, const rest::Rollout& rollout) {
  const std::uint32_t servers = rollout.status().plan().server_count();
  const bool would_have_one = action_of(rollout.spec()).has_canary && servers > defaults::canary_above;
  if (!goes_without_canary(rollout) || !would_have_one || who.role >= Role::approver) return std::nullopt;
  Refusal no =
      needs(who, Role::approver, "to start " + std::to_string(servers) + " servers without a canary");
  no.next = rollout.spec().waves().empty()
                ? "leave out spec.stopAfter.noCanary, or have an approver start it"
                : "let the first of spec.waves take fewer, or have an approver start it";
  return no;
}

/// To go on past a canary that shows nothing good is to start without one.
Verdict canary_passed_over(const Principal& who, const rest::Rollout& rollout) {
  const rest::RolloutStatus& status = rollout.status();
  const bool has_canary = action_of(rollout.spec()).has_canary && status.waves_size() > 1 &&
                          status.plan().server_count() > defaults::canary_above;
  if (!has_canary || who.role >= Role::approver) return std::nullopt;
  const rest::RolloutWaveStatus& canary = status.waves(0);
  if (canary.succeeded() > 0 || canary.missed() + canary.skipped() == 0) return std::nullopt;
  Refusal no = needs(who, Role::approver, "to go on although nothing of the canary succeeded");
  no.next = "install what is left of it again by another rollout, or have an approver continue";
  return no;
}

/// What a caller may not ask for, by what is asked.
class Judge {
 public:
  Judge(const Principal& who, const MeshState& mesh) : who_(who), mesh_(mesh) {}

  Verdict operator()(const Apply& r) const {
    return std::visit([&](const auto& object) { return applied(object); }, r.object);
  }
  /// Each of them was judged when it came in (apply_stream.h).
  Verdict operator()(const ApplyMany&) const { return std::nullopt; }
  Verdict operator()(const Delete& r) const {
    const auto verdict = with_object_kind(r.kind, [&]<class T>() -> Verdict {
      if (auto bad = seen<T>(who_, mesh_, r.name)) return bad;
      const auto& objects = mesh_.*Kind<T>::objects;
      const auto found = objects.find(r.name);
      return found == objects.end() ? std::nullopt : write_refused(who_, mesh_, found->second);
    });
    return first({by_action(r.kind == "Rollout"), verdict ? *verdict : std::nullopt});
  }
  Verdict operator()(const PlanRollout& r) const { return ordered(r.rollout); }
  Verdict operator()(const StartRollout& r) const {
    if (auto bad = ordered(r.rollout)) return bad;
    const auto found = mesh_.rollouts.find(r.rollout);
    return found == mesh_.rollouts.end() ? std::nullopt : canary_refused(who_, found->second);
  }
  Verdict operator()(const PauseRollout& r) const { return seen<rest::Rollout>(who_, mesh_, r.rollout); }
  Verdict operator()(const ContinueRollout& r) const {
    if (auto bad = ordered(r.rollout)) return bad;
    const auto found = mesh_.rollouts.find(r.rollout);
    return found == mesh_.rollouts.end() ? std::nullopt : canary_passed_over(who_, found->second);
  }
  Verdict operator()(const SkipServers& r) const { return ordered(r.rollout); }
  Verdict operator()(const SetRollout& r) const { return ordered(r.rollout); }
  Verdict operator()(const StopRollout& r) const { return seen<rest::Rollout>(who_, mesh_, r.rollout); }
  Verdict operator()(const ResolveDeployment& r) const { return first({by_action(false), deployment(r.id)}); }
  Verdict operator()(const CancelDeployment& r) const { return deployment(r.id); }
  Verdict operator()(const InspectServer& r) const {
    return first({action_allowed(who_, "inspect"), seen<rest::Server>(who_, mesh_, r.server)});
  }
  Verdict operator()(const ProtectServer& r) const {
    if (auto bad = first({by_action(r.protect), seen<rest::Server>(who_, mesh_, r.server)})) return bad;
    if (r.protect || r.break_glass) return std::nullopt;
    auto bad = gives_up(r.server);
    if (bad)
      bad->next = "ask an approver, or, one server at a time: metalmesh server unprotect " + r.server +
                  " --break-glass REASON";
    return bad;
  }
  Verdict operator()(const MoveServer& r) const {
    return first({acted(r.server), at_own_site(who_, r.site)});
  }
  Verdict operator()(const AcceptServer& r) const { return acted(r.server); }
  Verdict operator()(const RetireServer& r) const { return acted(r.server); }
  Verdict operator()(const AdoptServer& r) const { return acted(r.server); }
  Verdict operator()(const ReleaseServer& r) const { return first({acted(r.server), gives_up(r.server)}); }
  Verdict operator()(const ReidentifyServer& r) const { return acted(r.server); }
  Verdict operator()(const ReplaceServer& r) const { return acted(r.server); }
  Verdict operator()(const CleanServer& r) const { return acted(r.server); }
  Verdict operator()(const ApproveUnprotect& r) const { return acted(r.server); }
  Verdict operator()(const ClearSiteQuarantine& r) const { return at_site(r.site); }
  Verdict operator()(const DiagnoseSite& r) const { return at_site(r.site); }
  Verdict operator()(const DiscoverBmcs& r) const { return at_site(r.site); }
  Verdict operator()(const OpenFirstContact& r) const { return at_site(r.site); }
  Verdict operator()(const RevokeSite& r) const { return at_site(r.site); }
  Verdict operator()(const StopDiscovery& r) const { return seen<rest::Site>(who_, mesh_, r.site); }
  Verdict operator()(const PrefetchImage& r) const {
    if (auto bad = by_action(false)) return bad;
    for (const std::string& site : r.sites) {
      if (auto bad = at_own_site(who_, site)) return bad;
    }
    return std::nullopt;
  }
  Verdict operator()(const WidenPace& r) const {
    if (auto bad = by_action(false)) return bad;
    return r.kind == "site" ? at_own_site(who_, r.name) : unbound(who_, "a person's ceiling is of all sites");
  }
  Verdict operator()(const AddToken&) const { return of_the_mesh(); }
  Verdict operator()(const RevokeToken&) const { return of_the_mesh(); }
  Verdict operator()(const ContinueController&) const { return of_the_mesh(); }
  Verdict operator()(const SettleDamage&) const { return of_the_mesh(); }
  Verdict operator()(const StartBackup&) const { return of_the_mesh(); }

 private:
  static Verdict first(std::initializer_list<Verdict> verdicts) { return rules::first_of(verdicts); }
  /// Bound to actions: nothing but rollouts of those, and what stops.
  [[nodiscard]] Verdict by_action(bool is_free) const {
    if (is_free || who_.actions.empty()) return std::nullopt;
    return denied(who_.name + " orders " + listed(who_.actions) + ", and nothing else",
                  "ask someone who may");
  }
  template <class T>
  [[nodiscard]] Verdict applied(const T& object) const {
    return first({by_action(false), write_refused(who_, mesh_, object)});
  }
  [[nodiscard]] Verdict applied(const rest::Site& site) const {
    return first({by_action(false), write_refused(who_, mesh_, site), leads_elsewhere(who_, mesh_, site)});
  }
  [[nodiscard]] Verdict applied(const rest::Rollout& rollout) const {
    const std::string& action = rollout.spec().action();
    return first({action_allowed(who_, action.empty() ? "install" : action),
                  write_refused(who_, mesh_, rollout),
                  names_own_servers(who_, mesh_, rollout.spec().select())});
  }
  [[nodiscard]] Verdict ordered(const std::string& rollout) const {
    if (auto bad = seen<rest::Rollout>(who_, mesh_, rollout)) return bad;
    const auto found = mesh_.rollouts.find(rollout);
    return found == mesh_.rollouts.end() ? std::nullopt
                                         : action_allowed(who_, action_of(found->second.spec()).name);
  }
  [[nodiscard]] Verdict acted(const std::string& server) const {
    return first({by_action(false), seen<rest::Server>(who_, mesh_, server)});
  }
  /// What stands on a server may be lost from then on.
  [[nodiscard]] Verdict gives_up(const std::string& server) const {
    if (who_.role >= Role::approver || !mesh_.servers.contains(server)) return std::nullopt;
    return needs(who_, Role::approver, "to let what is on " + server + " be wiped");
  }
  [[nodiscard]] Verdict at_site(const std::string& site) const {
    return first({by_action(false), seen<rest::Site>(who_, mesh_, site)});
  }
  /// By its id, or by its server.
  [[nodiscard]] Verdict deployment(const std::string& name) const {
    if (auto bad = seen<rest::Server>(who_, mesh_, name)) return bad;
    return seen<rest::Deployment>(who_, mesh_, name);
  }
  [[nodiscard]] Verdict of_the_mesh() const {
    return first({by_action(false), unbound(who_, "this is about the whole mesh")});
  }

  const Principal& who_;
  const MeshState& mesh_;
};

/// Reads of what is of all sites at once.
bool is_of_the_mesh(Endpoint endpoint) {
  return endpoint == Endpoint::get_metrics || endpoint == Endpoint::get_support;
}

}  // namespace

std::optional<Refusal> route_refused(const Principal& who, const Route& route) {
  if (who.role < route.role) {
    return denied(who.name + " is " + std::string(to_string(who.role)) + "; this needs " +
                      std::string(to_string(route.role)),
                  "ask someone with that role, or use a token that has it");
  }
  return is_of_the_mesh(route.endpoint) ? unbound(who, "this is about the whole mesh") : std::nullopt;
}

std::optional<Refusal> request_refused(const Principal& who, const OperatorRequest& request,
                                       const MeshState& mesh) {
  return std::visit(Judge(who, mesh), request.body);
}

bool sees(const Principal& who, const MeshState& mesh, const rest::LogEvent& event) {
  if (who.sites.empty()) return true;
  if (!event.site().empty()) return sees(who, Reach::of({event.site()}));
  if (const auto found = mesh.servers.find(event.server()); found != mesh.servers.end())
    return sees(who, mesh, found->second);
  if (const auto found = mesh.deployments.find(event.deployment()); found != mesh.deployments.end())
    return sees(who, mesh, found->second);
  const auto rollout = mesh.rollouts.find(event.rollout());
  return rollout != mesh.rollouts.end() && sees(who, mesh, rollout->second);
}

rest::Image shown_to(const Principal& who, rest::Image image) {
  if (who.sites.empty()) return image;
  const auto elsewhere = [&](const std::string& site) { return !sees(who, Reach::of({site})); };
  const auto drop = [](auto& list, const auto& which) {
    list.erase(std::remove_if(list.begin(), list.end(), which), list.end());
  };
  auto& status = *image.mutable_status();
  drop(*status.mutable_ready_at(), elsewhere);
  drop(*status.mutable_prefetches(), [&](const rest::ImagePrefetch& one) { return elsewhere(one.site()); });
  for (rest::ImageSurvey& survey : *status.mutable_surveys()) drop(*survey.mutable_sites(), elsewhere);
  drop(*status.mutable_surveys(), [](const rest::ImageSurvey& survey) { return survey.sites().empty(); });
  return image;
}

rest::StartPaceList shown_to(const Principal& who, rest::StartPaceList paces) {
  if (who.sites.empty()) return paces;
  auto& items = *paces.mutable_items();
  items.erase(std::remove_if(items.begin(), items.end(),
                             [&](const rest::StartPace& one) {
                               return one.kind() == "site" ? !sees(who, Reach::of({one.name()}))
                                                           : one.name() != who.name;
                             }),
              items.end());
  auto& owed = *paces.mutable_owed();
  owed.erase(std::remove_if(owed.begin(), owed.end(),
                            [&](const rest::BreakGlass& one) { return !sees(who, Reach::of({one.site()})); }),
             owed.end());
  return paces;
}

rest::Controller shown_to(const Principal& who, rest::Controller controller) {
  if (who.sites.empty()) return controller;
  controller.clear_damage();
  if (!controller.has_hold()) return controller;
  auto& differences = *controller.mutable_hold()->mutable_differences();
  differences.erase(std::remove_if(differences.begin(), differences.end(),
                                   [&](const rest::HoldDifference& one) {
                                     return one.site().empty() || !sees(who, Reach::of({one.site()}));
                                   }),
                    differences.end());
  return controller;
}

}  // namespace metalmesh::controller
