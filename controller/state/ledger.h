// The controller's memory and its rows, changed together: whoever changes state goes through here, and
// `flush` turns what changed since the last flush into rows, each object once.
//
// Versions, change times and numbers in the change feed are set at flush. Live facts (percent, last heard) are
// changed through the live_ functions: they are not rows and do not raise versions. A few of them (a site falls
// silent, a rollout's counts) are changes in the feed all the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "common/ports/store.h"
#include "controller/state/deployment_board.h"
#include "controller/state/identity_index.h"
#include "controller/state/machine_table.h"
#include "controller/state/mesh_state.h"
#include "controller/state/state_load.h"
#include "controller/state/transcript_board.h"

namespace metalmesh::controller {

class Ledger {
 public:
  explicit Ledger(LoadedState loaded);

  [[nodiscard]] const MeshState& mesh() const { return mesh_; }
  [[nodiscard]] const InnerState& inner() const { return inner_; }
  [[nodiscard]] const DeploymentBoard& board() const { return board_; }
  [[nodiscard]] const TranscriptBoard& transcripts() const { return transcripts_; }
  [[nodiscard]] const IdentityIndex& identities() const { return identities_; }
  [[nodiscard]] const MachineTable& machines() const { return machines_; }
  /// The server is protected, and that is not lifted for a time.
  [[nodiscard]] bool is_guarded(const std::string& server) const { return guarded_.contains(server); }

  // Objects: put creates or replaces, change edits one that exists, erase forgets it.
  template <class T>
    requires(!std::is_same_v<T, rest::Profile>)
  void put(T object) {
    const std::string name = object.metadata().name();
    (mesh_.*Kind<T>::objects)[name] = std::move(object);
    touch(Kind<T>::kind, name);
  }
  void put(rest::Server server);
  void put(rest::Rollout rollout);
  void put(rest::Deployment deployment);
  /// A new version; `metadata.version` and the blob's digest are set here. Old ones go when they are too many
  /// (version_bounds.h).
  void put_version(rest::Profile profile, std::string content);
  void change_credential(const std::string& name, const std::function<void(rest::Credential&)>& edit);
  void change_server(const std::string& name, const std::function<void(rest::Server&)>& edit);
  void change_image(const std::string& name, const std::function<void(rest::Image&)>& edit);
  void change_rollout(const std::string& name, const std::function<void(rest::Rollout&)>& edit);
  void change_deployment(const std::string& id, const std::function<void(rest::Deployment&)>& edit);
  template <class T>
  void erase(const std::string& name) {
    forget<T>(name);
    touch(Kind<T>::kind, name);
  }
  void erase_server(const std::string& name);
  void erase_profile(const std::string& name);
  /// With its deployments.
  void erase_rollout(const std::string& name);
  /// With its order.
  void erase_deployment(const std::string& id);

  // Inner rows.
  /// Of a server; only its row: what is in memory of it are the facts in the server's status.
  void put_inventory(const rest::ServerInventory& inventory);
  void put_link(const std::string& site, record::SiteLink link);
  /// Of a plan that is too long for its rollout; it counts when the rollout has its digest.
  void put_plan_page(const std::string& rollout, std::size_t number, const rest::PlanPage& page);
  void drop_plan_pages(const std::string& rollout, std::size_t from);
  void put_order(const std::string& deployment, record::Order order);
  void erase_order(const std::string& deployment);
  void put_machine(const std::string& id, record::Machine machine);
  void erase_machine(const std::string& id);
  void put_fence(const std::string& deployment, record::OwedFence fence);
  void erase_fence(const std::string& deployment);
  void put_token(const std::string& sha256, record::Token token);
  void erase_token(const std::string& sha256);
  void put_pace(const std::string& whose, record::StartPace pace);
  void put_glass(rest::BreakGlass glass, std::uint64_t minute);
  void erase_glass(const std::string& server);
  /// Never lowers.
  void raise_generation(const std::string& machine, std::uint64_t generation);
  [[nodiscard]] std::uint64_t generation(const std::string& machine) const;
  void put_wish(const std::string& site, const std::string& server, record::InspectWish wish);
  void erase_wish(const std::string& site, const std::string& server);
  /// Drops the oldest answers when there are too many, or too large ones.
  void put_answer(const std::string& key, record::IdempotentAnswer answer);
  /// Events from here on are of this life.
  void begin_life(std::string life, WallTime now);
  /// A person said that we go on, and not this other controller with our identity.
  void settle_instance(const std::string& instance);
  /// Its name is never given again, and whoever has its key is not heard.
  void revoke_site(const std::string& site, WallTime now);
  /// A site was told of this event, which is not here.
  void note_missing(const std::string& event);
  void set_epoch(std::uint64_t epoch);
  void put_clock(record::Clock clock);
  void put_damage(const std::string& row, record::DamagedRow damage);
  void erase_damage(const std::string& row);
  void set_backup(rest::Backup backup) { mesh_.backup = std::move(backup); }
  void set_discovery(rest::Discovery discovery) {
    std::string site = discovery.site();
    mesh_.discoveries[std::move(site)] = std::move(discovery);
  }
  /// The last one of a site, of which no row is kept; nullptr: none was asked for.
  rest::Discovery* live_discovery(const std::string& site) {
    const auto found = mesh_.discoveries.find(site);
    return found == mesh_.discoveries.end() ? nullptr : &found->second;
  }
  void set_hold(std::optional<rest::Hold> hold);

  /// Appends to the event log: numbers it and fills `at`.
  void note(rest::LogEvent event, WallTime now);

  /// What changed so far is not known for certain: everybody who follows the change feed lists again.
  void break_off_changes();

  // Live facts.
  rest::SiteStatus& live_site(const std::string& name) { return *mesh_.sites.at(name).mutable_status(); }
  rest::Deployment& live_deployment(const std::string& id) { return mesh_.deployments.at(id); }
  /// What was changed through live_site is worth telling.
  void site_moved(const std::string& name) { dirty_.try_emplace({ChangeKind::site, name}, false); }
  void set_revocations(RevocationsRead list) { mesh_.revocations = std::move(list); }
  void set_revocations_alarm(std::optional<rest::Alarm> alarm) { mesh_.revocations_alarm = std::move(alarm); }
  void set_disk_low(bool low) { mesh_.disk_low = low; }
  void set_clock(Duration steps, std::string doubt) {
    mesh_.clock_steps = steps;
    mesh_.clock_doubt = std::move(doubt);
  }
  /// Since when this life of the controller knows the fence: a restart counts anew, clocks that step do not
  /// count.
  MonoTime fence_known_since(const std::string& deployment, MonoTime now) {
    return fences_known_.try_emplace(deployment, now).first->second;
  }

  /// Ends all references to what is packed (packed_table.h). When all that changed was flushed.
  void let_go() { mesh_.servers.let_go(); }
  /// Appends the rows of all that changed and returns the new lines of the event log.
  std::vector<rest::LogEvent> flush(Batch& batch, WallTime now);

 private:
  /// What is known of servers beside their objects.
  void index(const rest::Server& server);
  /// With the values it was indexed with.
  void unindex(const rest::Server& server);
  void touch(ChangeKind kind, const std::string& name) {
    dirty_[{kind, name}] = true;
    if (kind == ChangeKind::user) ++mesh_.callers;
  }
  void number_change(const ChangeFeed::Object& object, Batch& batch, WallTime now);
  void drop_tombstones(const std::vector<ChangeFeed::Object>& objects, Batch& batch);
  /// The row of an object, or its deletion when memory no longer holds it.
  template <class T>
  void write(const std::string& name, Batch& batch, WallTime now);
  void keep_version(const rest::Profile& profile, Batch& batch);
  /// Those that are too many, and what agents fetched of them.
  void drop_old_versions(Batch& batch);
  /// Its version lives on in that of the next object of this kind: one that was deleted and made anew never
  /// has a version that it had before.
  template <class T>
  void forget(const std::string& name) {
    auto& objects = mesh_.*Kind<T>::objects;
    const auto found = objects.find(name);
    if (found == objects.end()) return;
    std::uint64_t& highest = inner_.highest_deleted[std::string(Kind<T>::table)];
    highest = std::max(highest, found->second.metadata().version());
    controller_dirty_ = true;
    gone_[{Kind<T>::kind, name}] = reach_of(mesh_, found->second);
    objects.erase(found);
  }
  [[nodiscard]] std::uint64_t deleted_of(std::string_view table) const;
  void refresh_counts(const std::string& rollout);
  void age_answers();
  void remember_install(const rest::Deployment& deployment);

  MeshState mesh_;
  InnerState inner_;
  DeploymentBoard board_;
  TranscriptBoard transcripts_;
  IdentityIndex identities_;
  MachineTable machines_;
  std::set<std::string> guarded_;
  std::map<ChangeFeed::Object, Reach> gone_;  // since the last flush: whom that concerns
  std::map<ChangeFeed::Object, bool> dirty_;  // false: in what is live alone, it has no new row
  Batch inner_rows_;
  std::vector<rest::LogEvent> lines_;
  std::map<std::string, MonoTime> fences_known_;
  bool controller_dirty_ = false;
  std::uint64_t next_answer_ = 1;
  std::map<std::uint64_t, std::string> answers_by_age_;  // number -> key
  std::size_t answer_bytes_ = 0;
};

}  // namespace metalmesh::controller
