#include "controller/state/state_load.h"

#include <utility>

#include "common/base/planted.h"
#include "common/ports/row_walk.h"
#include "common/ports/wire_time.h"
#include "controller/state/deployment_states.h"
#include "controller/state/profile_blob.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

/// Calls take(name, message, row) for each row of `table`.
template <class Message, class Take>
Status each_row(const RowReader& rows, std::string_view table, Take take) {
  return walk_whole_rows(
      rows, std::string(table), tables::end_of(table),
      [&](const std::string& key, const std::string& value) -> Status {
        Message message;
        if (Status read = decode_row(value, message); !read)
          return std::unexpected(std::move(read.error()).with("row " + printable_key(key)));
        take(key.substr(table.size()), std::move(message), value);
        return {};
      });
}

template <class Object>
std::uint64_t feed_of(const Object& object) {
  return object.metadata().feed();
}
std::uint64_t feed_of(const rest::Deployment& deployment) { return deployment.feed(); }

/// The one row at `key`; false when there is none.
template <class Message>
Result<bool> load_one(const RowReader& rows, std::string_view key, Message& message) {
  const auto row = rows.get(key);
  if (!row) return std::unexpected(row.error());
  if (!*row) return false;
  if (Status read = decode_row(**row, message); !read)
    return std::unexpected(std::move(read.error()).with("row " + std::string(key)));
  return true;
}

template <class T>
void put_loaded(std::map<std::string, T>& into, std::string name, T object, const std::string&) {
  into[std::move(name)] = std::move(object);
}
template <class T>
void put_loaded(PackedTable<T>& into, const std::string& name, const T&, const std::string& row) {
  into.keep(name, row);
}

template <class Message>
Status load_table(const RowReader& rows, std::string_view table, std::map<std::string, Message>& into) {
  return each_row<Message>(rows, table, [&](std::string name, Message message, const std::string& row) {
    put_loaded(into, std::move(name), std::move(message), row);
  });
}

/// With their numbers in the change feed, of which the last one is known by now.
Status load_objects(const RowReader& rows, MeshState& mesh) {
  Status status;
  for_each_kind(FeedKinds{}, [&]<class T>() {
    if (!status) return;
    status = each_row<T>(rows, Kind<T>::table, [&](std::string name, T object, const std::string& row) {
      mesh.changes.load({Kind<T>::kind, name}, feed_of(object));
      put_loaded(mesh.*Kind<T>::objects, std::move(name), std::move(object), row);
    });
  });
  return status;
}

Status load_versions(const RowReader& rows, MeshState& mesh) {
  return each_row<rest::Profile>(rows, tables::versions,
                                 [&](const std::string& name, rest::Profile profile, const std::string&) {
                                   ProfileVersion version = version_of(std::move(profile));
                                   mesh.profile_versions[name] = std::move(version.profile);
                                   mesh.profile_blobs[name] = std::move(version.blob_sha256);
                                 });
}

Status load_wishes(const RowReader& rows, InnerState& inner) {
  return each_row<record::InspectWish>(
      rows, tables::wishes, [&](const std::string& name, record::InspectWish wish, const std::string&) {
        const auto slash = name.find('/');
        if (slash != std::string::npos)
          inner.wishes[name.substr(0, slash)][name.substr(slash + 1)] = std::move(wish);
      });
}

Status load_plan_pages(const RowReader& rows, InnerState& inner) {
  return walk_whole_rows(rows, std::string(tables::plans), tables::end_of(tables::plans),
                         [&](const std::string& key, const std::string&) -> Status {
                           if (const auto page = tables::plan_page_at(key))
                             inner.plan_pages[page->first] = page->second + 1;  // the last one counts
                           return {};
                         });
}

Status load_generations(const RowReader& rows, InnerState& inner) {
  return each_row<record::Generation>(
      rows, tables::generations, [&](std::string machine, const record::Generation& row, const std::string&) {
        inner.generations[std::move(machine)] = row.generation();
      });
}

Status load_controller(const RowReader& rows, MeshState& mesh, InnerState& inner) {
  record::Controller controller;
  const auto there = load_one(rows, tables::controller, controller);
  if (!there) return std::unexpected(there.error());
  if (!*there) return {};
  mesh.epoch = controller.epoch();
  mesh.last_event = controller.last_event();
  mesh.changes.load(controller.last_change(), controller.feed_floor());
  inner.restored_from = controller.restored_from();
  if (controller.has_hold()) mesh.hold = controller.hold();
  mesh.settled_instances = {controller.settled_instances().begin(), controller.settled_instances().end()};
  for (const auto& [site, at] : controller.revoked_sites()) mesh.revoked_sites[site] = from_wire(at);
  for (const auto& [table, version] : controller.highest_deleted()) inner.highest_deleted[table] = version;
  return {};
}

Status load_lives(const RowReader& rows, MeshState& mesh) {
  record::LedgerLives lives;
  const auto there = load_one(rows, tables::lives, lives);
  if (!there) return std::unexpected(there.error());
  if (*there) mesh.lives = LedgerLives(lives);
  return {};
}

/// Objects are loaded by then.
Status load_tombstones(const RowReader& rows, ChangeFeed& changes) {
  return each_row<record::Tombstone>(
      rows, tables::tombstones,
      [&](const std::string& name, const record::Tombstone& row, const std::string&) {
        const auto slash = name.find('/');
        const auto kind = change_kind(name.substr(0, slash));
        if (!kind || slash == std::string::npos) return;
        changes.load({*kind, name.substr(slash + 1)},
                     ChangeFeed::Removed{row.number(), from_wire(row.at()),
                                         Reach::of({row.sites().begin(), row.sites().end()}, row.shared())});
      });
}

Status load_last_glass(const RowReader& rows, MeshState& mesh) {
  record::GlassBroken last;
  const auto there = load_one(rows, tables::last_glass, last);
  if (!there) return std::unexpected(there.error());
  mesh.glass_minute = last.minute();
  return {};
}

Status load_clock(const RowReader& rows, InnerState& inner) {
  const auto there = load_one(rows, tables::clock, inner.clock);
  if (!there) return std::unexpected(there.error());
  return {};
}

}  // namespace

std::map<std::string, std::string> families_of(const record::SiteLink& link) {
  std::map<std::string, std::string> families;
  for (const wire::FamilyRef& family : link.families()) families[family.name()] = family.sha256();
  return families;
}

Result<LoadedState> load_state(const RowReader& rows) {
  LoadedState loaded;
  MeshState& mesh = loaded.mesh;
  InnerState& inner = loaded.inner;
  for (const Status& status :
       {load_controller(rows, mesh, inner), load_lives(rows, mesh), load_clock(rows, inner),
        load_objects(rows, mesh), load_versions(rows, mesh), load_table(rows, tables::links, inner.links),
        load_table(rows, tables::fences, mesh.fences), load_table(rows, tables::orders, inner.orders),
        load_table(rows, tables::answers, inner.answers), load_table(rows, tables::tokens, mesh.tokens),
        planted(Defect::starts_not_counted_again) ? Status() : load_table(rows, tables::paces, mesh.paces),
        load_table(rows, tables::glass, mesh.glass), load_last_glass(rows, mesh),
        load_plan_pages(rows, inner), load_wishes(rows, inner), load_generations(rows, inner),
        load_table(rows, tables::machines, loaded.machines), load_table(rows, tables::damaged, mesh.damage),
        load_tombstones(rows, mesh.changes)}) {
    if (!status) return std::unexpected(status.error());
  }
  for (const auto& [site, link] : inner.links) mesh.families[site] = families_of(link);
  mesh.callers = mesh.tokens.empty() ? 0 : 1;
  if (mesh.epoch == 0) mesh.epoch = 1;
  return loaded;
}

}  // namespace metalmesh::controller
