#include "controller/core/rollout_planner.h"

#include <algorithm>
#include <utility>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "common/text/glob.h"
#include "common/text/hex.h"
#include "controller/core/actions/actions.h"
#include "controller/core/field_rules.h"
#include "controller/core/hardware_types.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/object_rules.h"
#include "controller/core/order_builder.h"
#include "controller/core/selection.h"
#include "controller/core/server_phases.h"
#include "controller/state/plan_pages.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {
namespace {

rest::PlanServer planned(const rest::Server& server) {
  rest::PlanServer entry;
  entry.set_name(server.metadata().name());
  entry.set_site(server.spec().site());
  entry.set_bmc(server.spec().bmc().address());
  entry.set_holds(server.status().holds());
  const wire::Identity identity = order_identity(server);
  entry.mutable_identity()->set_uuid(identity.uuid());
  entry.mutable_identity()->set_serial(identity.serial());
  *entry.mutable_identity()->mutable_macs() = identity.macs();
  return entry;
}

rest::PlanExcluded excluded(const rest::Server& server, const std::string& reason, std::string message) {
  rest::PlanExcluded entry;
  entry.set_name(server.metadata().name());
  entry.set_site(server.spec().site());
  entry.set_reason(reason);
  entry.set_message(std::move(message));
  entry.set_holds(server.status().holds());
  return entry;
}

/// Its BMC did, when it was asked last.
bool answered(const rest::Server& server) {
  const auto& conditions = server.status().conditions();
  const auto reachable = std::ranges::find(conditions, "Reachable", &rest::Condition::type);
  return reachable != conditions.end() && reachable->status() == "True";
}

/// A pattern that spares nobody was meant to spare somebody: nothing is planned with it.
Refusal spares_nobody(int index, const std::string& pattern) {
  return rules::refusal(ErrorKind::conflict, "spec.select.exclude[" + std::to_string(index) + "]",
                        "\"" + pattern + "\" matches no server: whoever was meant to be spared is not",
                        "correct it, or leave it out: metalmesh get servers");
}

template <class Object>
std::string spec_of(const std::map<std::string, Object>& objects, const std::string& name) {
  const auto found = objects.find(name);
  return found == objects.end() ? std::string() : "it is " + canonical_bytes(found->second.spec());
}

template <class Object>
std::string at_version(const std::map<std::string, Object>& objects, const std::string& name) {
  const auto found = objects.find(name);
  return found == objects.end() ? std::string() : "@" + std::to_string(found->second.metadata().version());
}

constexpr unsigned begun_most = 8;
constexpr std::size_t written_per_judged = 4;  // to write one down costs less than to judge it

}  // namespace

std::string PlanMaking::mark_of(const ChangeFeed::Object& object) const {
  const std::string& name = object.name;
  switch (object.kind) {
    case ChangeKind::image:
      return spec_of(mesh_.images, name);
    case ChangeKind::profile:
      // With its version: an older one of the same content may be gone by now.
      return spec_of(mesh_.profiles, name) + at_version(mesh_.profiles, name);
    case ChangeKind::hardware_type:
      return spec_of(mesh_.hardware_types, name);
    case ChangeKind::rollout:
      return name == name_ ? spec_of(mesh_.rollouts, name) : std::string();
    case ChangeKind::site: {
      const auto found = mesh_.sites.find(name);
      if (found == mesh_.sites.end()) return {};
      std::string mark = spec_of(mesh_.sites, name) + (found->second.status().quarantined() ? " shut" : "");
      if (const auto families = mesh_.families.find(name); families != mesh_.families.end()) {
        for (const auto& [family, sha256] : families->second) mark.append(" ").append(family).append(sha256);
      }
      return mark;
    }
    default:
      return {};
  }
}

std::optional<Refusal> PlanMaking::begin() {
  const auto found = mesh_.rollouts.find(name_);
  if (found == mesh_.rollouts.end())
    return rules::refusal(ErrorKind::conflict, "", "rollout " + name_ + " was deleted meanwhile");
  if (++begun_ > begun_most) {
    return rules::refusal(ErrorKind::conflict, "",
                          "what rollout " + name_ + " refers to changes faster than it can be planned",
                          "plan it again when nobody edits it, its image or its profile");
  }
  *rollout_.mutable_metadata() = found->second.metadata();
  *rollout_.mutable_spec() = found->second.spec();
  // References and families are checked again: objects may have changed since the rollout was applied.
  rest::Rollout checked = rollout_;
  if (auto bad = check(checked, mesh_)) return bad;
  position_ = mesh_.changes.last();
  marks_.clear();
  const auto mark_all = [&](ChangeKind kind, const auto& objects) {
    for (const auto& [name, object] : objects) marks_[{kind, name}] = mark_of({kind, name});
  };
  mark_all(ChangeKind::site, mesh_.sites);
  mark_all(ChangeKind::image, mesh_.images);
  mark_all(ChangeKind::profile, mesh_.profiles);
  mark_all(ChangeKind::hardware_type, mesh_.hardware_types);
  marks_[{ChangeKind::rollout, name_}] = mark_of({ChangeKind::rollout, name_});
  again_.clear();
  order_.clear();
  in_waves_.clear();
  in_.clear();
  out_.clear();
  const auto& patterns = rollout_.spec().select().exclude();
  idle_ = {patterns.begin(), patterns.end()};
  spare_nobody_ = idle_;
  input_.emplace(PlanInput{mesh_, rows_, identities_, rollout_.spec(), now_});
  planning_ = action_of(rollout_.spec()).plan(*input_);
  cursor_.clear();
  phase_ = Phase::meet;
  return std::nullopt;
}

bool PlanMaking::look_at_changes() {
  std::set<std::string> sites;
  while (const auto change = mesh_.changes.behind(position_)) {
    position_ = change->number;
    const ChangeFeed::Object& object = *change->object;
    if (object.kind == ChangeKind::server) {
      again_.insert(object.name);
    } else if (object.kind == ChangeKind::deployment) {
      const auto found = mesh_.deployments.find(object.name);
      if (found != mesh_.deployments.end()) again_.insert(found->second.server());
    } else if (std::string mark = mark_of(object); mark != marks_[object]) {
      if (object.kind != ChangeKind::site) return false;
      marks_[object] = std::move(mark);
      sites.insert(object.name);
    }
  }
  if (sites.empty()) return true;
  for (const auto& [name, server] : mesh_.servers) {
    if (sites.contains(server.spec().site())) again_.insert(name);
  }
  return true;
}

std::optional<Refusal> PlanMaking::meet(std::size_t servers) {
  const rest::Selection& select = rollout_.spec().select();
  for (auto at = mesh_.servers.upper_bound(cursor_); at != mesh_.servers.end(); ++at) {
    if (servers-- == 0) return std::nullopt;
    const auto& [name, server] = *at;
    cursor_ = name;
    planning_->meet(server);
    std::erase_if(idle_, [&](const std::string& pattern) { return glob_matches(pattern, name); });
    std::erase_if(spare_nobody_, [&](const std::string& pattern) {
      return glob_matches(pattern, name) && selects(select, server);
    });
  }
  for (int i = 0; i < select.exclude_size() && !planted(Defect::idle_exclude_accepted); ++i) {
    if (idle_.contains(select.exclude(i))) return spares_nobody(i, select.exclude(i));
  }
  cursor_.clear();
  phase_ = Phase::judge;
  return std::nullopt;
}

void PlanMaking::judge(const rest::Server& server) {
  const std::string& name = server.metadata().name();
  if (!selects(rollout_.spec().select(), server)) return;
  if (auto exclusion = planning_->exclusion_of(server)) {
    out_[name] = {excluded(server, exclusion->reason, std::move(exclusion->message)),
                  exclusion->may_have_changed};
  } else {
    Taken& taken = in_[name] = {planned(server), agree_to(mesh_, *planning_, server),
                                is_protected(server, now_), known_of(server)};
    planning_->show(server, taken.shown);
  }
}

WaveDeal::Server PlanMaking::known_of(const rest::Server& server) const {
  const auto site = mesh_.sites.find(server.spec().site());
  const auto types = types_of(mesh_, server);
  return {.site = server.spec().site(),
          .type = types.size() == 1 ? types.front() : std::string(),
          .answers = answered(server) && site != mesh_.sites.end() && site->second.status().connected()};
}

void PlanMaking::judge(std::size_t servers) {
  for (auto at = mesh_.servers.upper_bound(cursor_); at != mesh_.servers.end(); ++at) {
    if (servers-- == 0) return;
    cursor_ = at->first;
    judge(at->second);
  }
  while (!again_.empty()) {
    if (servers-- == 0) return;
    const std::string name = *again_.begin();
    again_.erase(again_.begin());
    in_.erase(name);
    out_.erase(name);
    const auto found = mesh_.servers.find(name);
    if (found == mesh_.servers.end()) continue;
    planning_->meet(found->second);
    judge(found->second);
  }
  planned_ = {};
  figures_ = {};
  head_ = {};
  head_.set_rollout(name_);
  head_.set_action(rollout_.spec().action());
  begin_waves();
}

void PlanMaking::begin_waves() {
  std::set<std::string> first;
  if (const auto found = mesh_.rollouts.find(name_); again_made_ && found != mesh_.rollouts.end()) {
    const auto& before = found->second.status().plan().first();
    first = {before.begin(), before.end()};
  }
  waves_.emplace(rollout_.spec(), static_cast<std::uint32_t>(in_.size()), std::move(first));
  in_waves_.assign(waves_->waves().size(), {});
  order_.clear();
  written_ = ordered_ = 0;
  cursor_.clear();
  phase_ = waves_->prefers() ? Phase::prefer : Phase::deal;
}

void PlanMaking::prefer(std::size_t servers) {
  for (auto at = in_.upper_bound(cursor_); at != in_.end(); ++at) {
    if (servers-- == 0) return;
    cursor_ = at->first;
    at->second.preferred = waves_->prefer(at->first, at->second.known);
  }
  cursor_.clear();
  phase_ = Phase::deal;
}

void PlanMaking::deal(std::size_t servers) {
  for (auto at = in_.upper_bound(cursor_); at != in_.end(); ++at) {
    if (servers-- == 0) return;
    cursor_ = at->first;
    const std::uint32_t wave = at->second.preferred ? 1 : waves_->deal(at->second.known);
    at->second.shown.set_wave(wave);
    in_waves_[wave - 1].push_back(at);
  }
  tell_waves();
  for (auto& wave : in_waves_) order_.insert(order_.end(), wave.begin(), wave.end());
  in_waves_.clear();
  cursor_.clear();
  phase_ = Phase::write;
}

void PlanMaking::write(std::size_t servers) {
  rest::Plan& plan = planned_.shown;
  for (; written_ < order_.size(); ++written_) {
    if (servers-- == 0) return;
    const auto at = order_[written_];
    rest::PlanServer& server = *plan.add_servers() = std::move(at->second.shown);
    ++figures_.sites[server.site()];
    figures_.kept += at->second.kept ? 1 : 0;
    head_.add_waves(server.wave());
    head_.add_holds(server.holds());
    planned_.tree.add(at->second.agreed);
  }
  phase_ = Phase::write_excluded;
}

void PlanMaking::write_excluded(std::size_t servers) {
  rest::Plan& plan = planned_.shown;
  for (auto at = out_.upper_bound(cursor_); at != out_.end(); ++at) {
    if (servers-- == 0) return;
    cursor_ = at->first;
    if (at->second.to_inspect) planned_.to_inspect.push_back(at->first);
    *plan.add_excluded() = std::move(at->second.shown);
  }
  exclude_missing();
  for (const rest::PlanExcluded& server : plan.excluded()) head_.add_excluded(server.name());
  cursor_.clear();
  phase_ = Phase::digest;
}

/// Who was meant and is not there, by name.
void PlanMaking::exclude_missing() {
  if (planted(Defect::named_and_cut_unsaid)) return;
  const rest::Selection& select = rollout_.spec().select();
  for (const std::string& name : select.servers()) {
    const auto found = mesh_.servers.find(name);
    if (found == mesh_.servers.end()) {
      rest::PlanExcluded& entry = *planned_.shown.add_excluded();
      entry.set_name(name);
      entry.set_reason("UNKNOWN");
      entry.set_message("there is no server of this name");
    } else if (!selects(select, found->second)) {
      *planned_.shown.add_excluded() =
          excluded(found->second, "NOT_SELECTED", "it is named, but other labels or sites are selected");
    }
  }
}

std::optional<Refusal> PlanMaking::step(std::size_t servers) {
  switch (phase_) {
    case Phase::unbegun:
      return begin();
    case Phase::meet:
      return meet(servers);
    case Phase::judge:
      judge(servers);
      return std::nullopt;
    case Phase::prefer:
      prefer(servers * written_per_judged);
      return std::nullopt;
    case Phase::deal:
      deal(servers * written_per_judged);
      return std::nullopt;
    case Phase::write:
      write(servers * written_per_judged);
      return std::nullopt;
    case Phase::write_excluded:
      write_excluded(servers * written_per_judged);
      return std::nullopt;
    case Phase::digest:
      planned_.tree.close(canonical_bytes(head_));
      planned_.shown.set_digest(to_hex(planned_.tree.digest()));
      phase_ = Phase::show;
      return std::nullopt;
    case Phase::show:
      show();
      phase_ = Phase::page;
      return std::nullopt;
    case Phase::page:
      page(servers * written_per_judged);
      return std::nullopt;
    case Phase::made:
      return std::nullopt;
  }
  std::unreachable();
}

std::expected<bool, Refusal> PlanMaking::go_on(const Now& now, std::size_t servers) {
  now_ = now;
  const bool few = mesh_.servers.size() <= servers;
  do {
    if (phase_ != Phase::unbegun && !look_at_changes()) phase_ = Phase::unbegun;
    if (auto bad = step(servers)) return std::unexpected(std::move(*bad));
  } while (few && phase_ != Phase::made);
  return phase_ == Phase::made;
}

bool PlanMaking::still_holds(const Now& now) {
  now_ = now;
  if (!look_at_changes()) return false;
  for (const std::string& name : again_) {
    const auto taken = in_.find(name);
    if (taken != in_.end() && taken->second.ordered) continue;  // and that is a change
    const auto found = mesh_.servers.find(name);
    const bool takes_part = found != mesh_.servers.end() &&
                            selects(rollout_.spec().select(), found->second) &&
                            !planning_->exclusion_of(found->second);
    if (takes_part != (taken != in_.end())) return false;
    if (takes_part && agree_to(mesh_, *planning_, found->second) != taken->second.agreed) return false;
  }
  again_.clear();
  return true;
}

std::string PlanMaking::next_agreed() {
  Taken& next = order_[ordered_++]->second;
  next.ordered = true;
  return std::move(next.agreed);
}

void PlanMaking::let_go(std::size_t servers) {
  order_.clear();
  for (std::size_t i = 0; i < servers && !in_.empty(); ++i) in_.erase(in_.begin());
  for (std::size_t i = 0; i < servers && !out_.empty(); ++i) out_.erase(out_.begin());
}

}  // namespace metalmesh::controller
