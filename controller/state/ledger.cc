#include "controller/state/ledger.h"

#include <algorithm>
#include <functional>

#include "common/base/check.h"
#include "common/base/digest.h"
#include "common/ports/wire_time.h"
#include "controller/state/deployment_states.h"
#include "controller/state/event_log.h"
#include "controller/state/profile_blob.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "controller/state/transcript_rows.h"
#include "controller/state/version_bounds.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t settled_kept = 64;

template <class Object>
void stamp(Object& object, std::uint64_t at_least, const std::string& life, WallTime now) {
  auto& metadata = *object.mutable_metadata();
  metadata.set_ledger(life);
  metadata.set_version(std::max(metadata.version(), at_least) + 1);
  *metadata.mutable_changed() = to_wire(now);
  if (!metadata.has_created()) *metadata.mutable_created() = metadata.changed();
}

std::string tombstone_key(const ChangeFeed::Object& object) {
  return tables::row(tables::tombstones, std::string(word_of(object.kind)) + "/" + object.name);
}

template <class Object>
void set_feed(Object& object, std::uint64_t number) {
  object.mutable_metadata()->set_feed(number);
}
void set_feed(rest::Deployment& deployment, std::uint64_t number) { deployment.set_feed(number); }

// What memory has of an object and its row has not.

template <class T>
const T& stored(const T& object) {
  return object;
}
rest::Site stored(rest::Site site) {
  rest::SiteStatus said;  // by people; the rest is live, or from the link's row
  *said.mutable_first_contact() = site.status().first_contact();
  if (site.status().has_revoked()) *said.mutable_revoked() = site.status().revoked();
  site.clear_status();
  if (said.ByteSizeLong() > 0) *site.mutable_status() = std::move(said);
  return site;
}
rest::Rollout stored(rest::Rollout rollout) {
  rollout.mutable_status()->clear_counts();  // counted at load
  rollout.mutable_status()->clear_fences_owed();
  return rollout;
}

/// True when one of them moved.
bool refresh_waves(rest::RolloutStatus& status, const RolloutTally& tally) {
  static const WaveTally nobody;
  bool moved = false;
  for (rest::RolloutWaveStatus& wave : *status.mutable_waves()) {
    const auto found = tally.waves.find(wave.number());
    const WaveTally& now = found == tally.waves.end() ? nobody : found->second;
    moved = moved || wave.open() != now.open || wave.succeeded() != now.succeeded ||
            wave.missed() != now.missed || wave.skipped() != now.skipped;
    wave.set_open(now.open);
    wave.set_succeeded(now.succeeded);
    wave.set_missed(now.missed);
    wave.set_skipped(now.skipped);
  }
  return moved;
}

}  // namespace

Ledger::Ledger(LoadedState loaded)
    : mesh_(std::move(loaded.mesh)), inner_(std::move(loaded.inner)), machines_(std::move(loaded.machines)) {
  for (const auto& [id, deployment] : mesh_.deployments) {
    board_.add(deployment);
    transcripts_.add(deployment);
  }
  for (const auto& [name, server] : mesh_.servers) index(server);
  for (const auto& [name, rollout] : mesh_.rollouts) refresh_counts(name);
  dirty_.clear();  // nobody was told of anything else
  for (const auto& [id, deployment] : mesh_.deployments) remember_install(deployment);
  age_answers();
}

void Ledger::refresh_counts(const std::string& rollout) {
  const auto found = mesh_.rollouts.find(rollout);
  if (found == mesh_.rollouts.end()) return;
  rest::RolloutStatus& status = *found->second.mutable_status();
  const auto& tally = board_.rollout(rollout);
  const auto is_same = [&](const auto& one) {
    const auto before = status.counts().find(one.first);
    return before != status.counts().end() && before->second == one.second;
  };
  const bool waves_moved = refresh_waves(status, tally);
  if (!waves_moved && status.fences_owed() == tally.fences_owed &&
      status.counts().size() == tally.counts.size() && std::ranges::all_of(tally.counts, is_same))
    return;
  status.set_fences_owed(tally.fences_owed);
  status.clear_counts();
  for (const auto& [state, count] : tally.counts) (*status.mutable_counts())[state] = count;
  dirty_.try_emplace({ChangeKind::rollout, rollout}, false);
}

void Ledger::index(const rest::Server& server) {
  identities_.add(server);
  machines_.bind(server);
  ++mesh_.phases[server.status().phase()];
  const bool is_protected = server.spec().protected_() || server.status().protected_();
  if (is_protected && !server.status().has_unprotected_until()) guarded_.insert(server.metadata().name());
}

void Ledger::unindex(const rest::Server& server) {
  identities_.remove(server);
  machines_.unbind(server);
  const auto phase = mesh_.phases.find(server.status().phase());
  if (--phase->second == 0) mesh_.phases.erase(phase);
  guarded_.erase(server.metadata().name());
}

void Ledger::put(rest::Server server) {
  const std::string name = server.metadata().name();
  if (const auto old = mesh_.servers.find(name); old != mesh_.servers.end()) unindex(old->second);
  index(server);
  mesh_.servers.put(name, std::move(server));
  touch(ChangeKind::server, name);
}

void Ledger::put(rest::Rollout rollout) {
  const std::string name = rollout.metadata().name();
  mesh_.rollouts[name] = std::move(rollout);
  refresh_counts(name);
  touch(ChangeKind::rollout, name);
}

void Ledger::put(rest::Deployment deployment) {
  const std::string id = deployment.id();
  MM_CHECK(!mesh_.deployments.contains(id));
  board_.add(deployment);
  transcripts_.add(deployment);
  refresh_counts(deployment.rollout());
  mesh_.deployments[id] = std::move(deployment);
  touch(ChangeKind::deployment, id);
}

void Ledger::put_version(rest::Profile profile, std::string content) {
  const std::string name = profile.metadata().name();
  // Versions outlive the object: a name@version that was once pinned never means something else.
  std::uint64_t newest = 0;
  for (auto it = mesh_.profile_versions.lower_bound(name + "@");
       it != mesh_.profile_versions.end() && it->first.starts_with(name + "@"); ++it) {
    newest = std::max(newest, it->second.metadata().version());
  }
  profile.mutable_metadata()->set_version(newest);  // raised at flush
  inner_rows_.push_back({tables::row(tables::blobs, to_hex(sha256(content))), std::move(content)});
  mesh_.profiles[name] = std::move(profile);
  touch(ChangeKind::profile, name);
}

void Ledger::change_credential(const std::string& name, const std::function<void(rest::Credential&)>& edit) {
  edit(mesh_.credentials.at(name));
  touch(ChangeKind::credential, name);
}

void Ledger::change_server(const std::string& name, const std::function<void(rest::Server&)>& edit) {
  rest::Server& server = mesh_.servers.edit(name);
  unindex(server);
  edit(server);
  index(server);
  touch(ChangeKind::server, name);
}

void Ledger::change_image(const std::string& name, const std::function<void(rest::Image&)>& edit) {
  edit(mesh_.images.at(name));
  touch(ChangeKind::image, name);
}

void Ledger::change_rollout(const std::string& name, const std::function<void(rest::Rollout&)>& edit) {
  edit(mesh_.rollouts.at(name));
  refresh_counts(name);
  touch(ChangeKind::rollout, name);
}

void Ledger::change_deployment(const std::string& id, const std::function<void(rest::Deployment&)>& edit) {
  rest::Deployment& deployment = mesh_.deployments.at(id);
  const bool had_succeeded = deployment.state() == states::succeeded;
  board_.remove(deployment);
  transcripts_.remove(deployment);
  edit(deployment);
  board_.add(deployment);
  transcripts_.add(deployment);
  // By its site's word, or later by a person's.
  if (!had_succeeded && deployment.state() == states::succeeded) remember_install(deployment);
  refresh_counts(deployment.rollout());
  touch(ChangeKind::deployment, id);
}

void Ledger::remember_install(const rest::Deployment& deployment) {
  const auto rollout = mesh_.rollouts.find(deployment.rollout());
  if (rollout == mesh_.rollouts.end()) return;
  const rest::Plan& plan = rollout->second.status().plan();
  mesh_.installs.add(deployment, plan.profile(), plan.image_sha256());
}

std::uint64_t Ledger::deleted_of(std::string_view table) const {
  const auto found = inner_.highest_deleted.find(table);
  return found == inner_.highest_deleted.end() ? 0 : found->second;
}

void Ledger::erase_server(const std::string& name) {
  const auto found = mesh_.servers.find(name);
  if (found == mesh_.servers.end()) return;
  unindex(found->second);
  erase_wish(found->second.spec().site(), name);
  if (found->second.status().has_facts())
    inner_rows_.push_back({tables::row(tables::inventories, name), std::nullopt});
  forget<rest::Server>(name);
  touch(ChangeKind::server, name);
}

void Ledger::erase_profile(const std::string& name) {
  mesh_.profiles.erase(name);
  gone_[{ChangeKind::profile, name}] = Reach::of({}, true);
  touch(ChangeKind::profile, name);
}

void Ledger::erase_deployment(const std::string& id) {
  const auto found = mesh_.deployments.find(id);
  const rest::Deployment& deployment = found->second;
  board_.remove(deployment);
  transcripts_.remove(deployment);
  if (deployment.has_transcript()) erase_pieces(id, deployment.transcript(), inner_rows_);
  erase_order(id);
  gone_[{ChangeKind::deployment, id}] = reach_of(mesh_, deployment);
  touch(ChangeKind::deployment, id);
  refresh_counts(deployment.rollout());
  mesh_.deployments.erase(found);
}

void Ledger::erase_rollout(const std::string& name) {
  for (auto it = mesh_.deployments.begin(); it != mesh_.deployments.end();) {
    const auto& [id, deployment] = *it++;
    if (deployment.rollout() == name) erase_deployment(std::string(id));
  }
  drop_plan_pages(name, 0);
  forget<rest::Rollout>(name);
  touch(ChangeKind::rollout, name);
}

void Ledger::settle_instance(const std::string& instance) {
  if (mesh_.settled_instances.size() >= settled_kept) mesh_.settled_instances.clear();
  mesh_.settled_instances.insert(instance);
  controller_dirty_ = true;
}

void Ledger::revoke_site(const std::string& site, WallTime now) {
  mesh_.revoked_sites.try_emplace(site, now);
  controller_dirty_ = true;
}

void Ledger::begin_life(std::string life, WallTime now) {
  mesh_.started = now;
  mesh_.lives.begin(std::move(life), mesh_.last_event + 1, mesh_.changes.last() + 1);
  inner_rows_.push_back({tables::row(tables::lives, ""), encode_row(mesh_.lives.row())});
  // What they have in memory alone is another now, or may be.
  for (const auto& [name, site] : mesh_.sites) site_moved(name);
  for (const auto& [name, rollout] : mesh_.rollouts) dirty_.try_emplace({ChangeKind::rollout, name}, false);
}

void Ledger::break_off_changes() {
  drop_tombstones(mesh_.changes.break_off(), inner_rows_);
  controller_dirty_ = true;
}

void Ledger::drop_tombstones(const std::vector<ChangeFeed::Object>& objects, Batch& batch) {
  for (const ChangeFeed::Object& object : objects) batch.push_back({tombstone_key(object), std::nullopt});
}

void Ledger::note_missing(const std::string& event) {
  mesh_.lives.note_missing(event);
  inner_rows_.push_back({tables::row(tables::lives, ""), encode_row(mesh_.lives.row())});
}

void Ledger::set_epoch(std::uint64_t epoch) {
  mesh_.epoch = epoch;
  controller_dirty_ = true;
}

void Ledger::put_clock(record::Clock clock) {
  inner_rows_.push_back({tables::row(tables::clock, ""), encode_row(clock)});
  inner_.clock = std::move(clock);
}

void Ledger::put_damage(const std::string& row, record::DamagedRow damage) {
  inner_rows_.push_back({tables::row(tables::damaged, row), encode_row(damage)});
  mesh_.damage[row] = std::move(damage);
}

void Ledger::erase_damage(const std::string& row) {
  if (mesh_.damage.erase(row) == 0) return;
  inner_rows_.push_back({tables::row(tables::damaged, row), std::nullopt});
}

void Ledger::set_hold(std::optional<rest::Hold> hold) {
  mesh_.hold = std::move(hold);
  controller_dirty_ = true;
}

void Ledger::note(rest::LogEvent event, WallTime now) {
  event.set_number(++mesh_.last_event);
  *event.mutable_at() = to_wire(now);
  lines_.push_back(std::move(event));
  controller_dirty_ = true;
}

void Ledger::number_change(const ChangeFeed::Object& object, Batch& batch, WallTime now) {
  controller_dirty_ = true;  // the last number given is never given again, whatever has it or had it
  const bool is_there = with_objects(mesh_, object.kind, [&](auto& objects) {
    if (!objects.contains(object.name)) return false;
    if (mesh_.changes.deleted(object)) drop_tombstones({object}, batch);
    set_feed(editable(objects, object.name), mesh_.changes.changed(object));
    return true;
  });
  if (is_there) return;
  const auto removed = mesh_.changes.removed(object, now, std::exchange(gone_[object], {}));
  if (!removed) return;
  record::Tombstone row;
  row.set_number(removed->number);
  *row.mutable_at() = to_wire(removed->at);
  row.mutable_sites()->Assign(removed->reach.sites.begin(), removed->reach.sites.end());
  row.set_shared(removed->reach.shared());
  batch.push_back({tombstone_key(object), encode_row(row)});
}

template <class T>
void Ledger::write(const std::string& name, Batch& batch, WallTime now) {
  auto& objects = mesh_.*Kind<T>::objects;
  std::string key = tables::row(Kind<T>::table, name);
  if (!objects.contains(name)) {
    batch.push_back({std::move(key), std::nullopt});
    return;
  }
  T& object = editable(objects, name);
  if constexpr (std::is_same_v<T, rest::Deployment>) {
    *object.mutable_changed() = to_wire(now);
  } else {
    const bool is_new = object.metadata().version() == 0;
    stamp(object, is_new ? deleted_of(Kind<T>::table) : 0, mesh_.lives.current(), now);
  }
  std::string row = encode_row(stored(object));
  keep_row(objects, name, row);
  batch.push_back({std::move(key), std::move(row)});
  if constexpr (std::is_same_v<T, rest::Profile>) keep_version(object, batch);
}

void Ledger::keep_version(const rest::Profile& profile, Batch& batch) {
  const std::string version = tables::version_name(profile.metadata().name(), profile.metadata().version());
  batch.push_back({tables::row(tables::versions, version), encode_row(profile)});
  ProfileVersion kept = version_of(profile);
  mesh_.profile_versions[version] = std::move(kept.profile);
  mesh_.profile_blobs[version] = std::move(kept.blob_sha256);
}

void Ledger::drop_old_versions(Batch& batch) {
  std::set<std::string> blobs;
  for (const std::string& version : versions_too_many(mesh_)) {
    const rest::Metadata& metadata = mesh_.profile_versions.at(version).metadata();
    if (!mesh_.profiles.contains(metadata.name())) {  // it may be the last that tells its number
      std::uint64_t& highest = inner_.highest_deleted[std::string(tables::profiles)];
      highest = std::max(highest, metadata.version());
      controller_dirty_ = true;
    }
    batch.push_back({tables::row(tables::versions, version), std::nullopt});
    blobs.insert(std::move(mesh_.profile_blobs.at(version)));
    mesh_.profile_blobs.erase(version);
    mesh_.profile_versions.erase(version);
  }
  if (blobs.empty()) return;
  for (const auto& [version, blob] : mesh_.profile_blobs) blobs.erase(blob);  // the same template once more
  for (const std::string& blob : blobs) batch.push_back({tables::row(tables::blobs, blob), std::nullopt});
}

std::vector<rest::LogEvent> Ledger::flush(Batch& batch, WallTime now) {
  const auto dirty = std::exchange(dirty_, {});
  bool profiles_changed = false;
  for (const auto& [object, has_row] : dirty) {
    number_change(object, batch, now);
    if (!has_row) continue;
    profiles_changed |= object.kind == ChangeKind::profile;
    with_kind_that(
        FeedKinds{}, [&]<class T>() { return Kind<T>::kind == object.kind; },
        [&]<class T>() {
          write<T>(object.name, batch, now);
          return true;
        });
  }
  gone_.clear();
  if (!dirty.empty()) drop_tombstones(mesh_.changes.forget_old(now), batch);
  std::ranges::move(std::exchange(inner_rows_, {}), std::back_inserter(batch));
  if (profiles_changed) drop_old_versions(batch);
  std::vector<rest::LogEvent> lines = std::exchange(lines_, {});
  for (const rest::LogEvent& line : lines) batch.push_back({event_key(line.number()), encode_row(line)});
  if (std::exchange(controller_dirty_, false)) {
    record::Controller row;
    row.set_epoch(mesh_.epoch);
    row.set_last_event(mesh_.last_event);
    row.set_last_change(mesh_.changes.last());
    row.set_feed_floor(mesh_.changes.floor());
    if (mesh_.hold) *row.mutable_hold() = *mesh_.hold;
    row.mutable_settled_instances()->Assign(mesh_.settled_instances.begin(), mesh_.settled_instances.end());
    for (const auto& [table, version] : inner_.highest_deleted)
      (*row.mutable_highest_deleted())[table] = version;
    for (const auto& [site, at] : mesh_.revoked_sites) (*row.mutable_revoked_sites())[site] = to_wire(at);
    batch.push_back({tables::row(tables::controller, ""), encode_row(row)});
  }
  return lines;
}

}  // namespace metalmesh::controller
