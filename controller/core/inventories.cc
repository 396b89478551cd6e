#include "controller/core/inventories.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "common/ports/wire_time.h"
#include "controller/core/inventory_changes.h"
#include "controller/core/server_phases.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

constexpr Duration usually_every = std::chrono::days(7);
constexpr std::size_t looked_at_once = 200;  // per tick: a fleet of 13,500 is through in about a minute
constexpr Duration lap_every = std::chrono::minutes(1);  // at most: each look unpacks a server
constexpr std::size_t quiet_at_once = 4;                 // per site, beside what people ask for
constexpr std::size_t changes_told = 12;

std::string told(const std::string& server, const std::vector<std::string>& changes) {
  std::string text = "server " + server + " is no longer as it was: ";
  for (std::size_t i = 0; i < std::min(changes.size(), changes_told); ++i)
    text += (i == 0 ? "" : "; ") + changes[i];
  if (changes.size() > changes_told)
    text += "; and " + std::to_string(changes.size() - changes_told) + " more";
  return text;
}

/// As it is compared: what changes with every reading is left out.
std::string settled(rest::ServerInventory row) {
  row.clear_number();
  row.clear_changed();
  row.mutable_inventory()->clear_clock_ahead();
  row.mutable_inventory()->clear_unread();
  return canonical_bytes(row);
}

const record::InspectWish* wish_of(const Work& work, const std::string& site, const std::string& server) {
  const auto wishes = work.ledger.inner().wishes.find(site);
  if (wishes == work.ledger.inner().wishes.end()) return nullptr;
  const auto wish = wishes->second.find(server);
  return wish == wishes->second.end() ? nullptr : &wish->second;
}

/// Between 0 and `of`, the same for the same server always: a fleet's inspections are spread.
Duration offset_of(const std::string& server, Duration of) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  for (const char c : server) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return Duration(static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(of.count())));
}

/// When its BMC was asked last, with or without success.
std::optional<WallTime> looked_at(const rest::Server& server) {
  if (!server.status().has_inspected_at()) return std::nullopt;
  WallTime last = from_wire(server.status().inspected_at());
  const auto& conditions = server.status().conditions();
  const auto reachable = std::ranges::find(conditions, "Reachable", &rest::Condition::type);
  if (reachable != conditions.end()) last = std::max(last, from_wire(reachable->at()));
  return last;
}

bool is_due(const rest::Server& server, const rest::Site& site, const Now& now) {
  const Duration every =
      site.spec().has_inspect_every() ? Duration(from_wire(site.spec().inspect_every())) : usually_every;
  const auto last = looked_at(server);
  if (every <= Duration::zero() || !last || server.status().phase() == phases::retired) return false;
  const Duration since = now.wall_low.time_since_epoch() - offset_of(server.metadata().name(), every);
  const WallTime moment(now.wall_low.time_since_epoch() - since % every);
  return *last < moment;
}

}  // namespace

std::optional<rest::ServerInventory> inventory_of(const RowReader& rows, const rest::Server& server) {
  if (!server.status().has_facts()) return std::nullopt;
  const auto row = rows.get(tables::row(tables::inventories, server.metadata().name()));
  rest::ServerInventory out;
  if (!row || !*row || !decode_row(**row, out)) return std::nullopt;
  if (out.number() != server.status().facts().number()) return std::nullopt;
  return out;
}

void take_inventory(Work& work, const std::string& name, const wire::Inspected& seen) {
  const rest::Server& server = work.mesh().servers.at(name);
  const auto before = inventory_of(work.rows, server);
  rest::ServerInventory empty;
  empty.set_server(name);
  const bool complete = seen.inventory().unread().empty() && seen.power() == "On";
  InventoryChange change = compare_inventory(before ? *before : empty, seen.inventory(), complete);
  rest::ServerInventory& row = change.row;
  // Whether all was read counts for roles (hardware_roles.h).
  const bool other = !before || settled(row) != settled(*before) ||
                     row.inventory().unread().empty() != before->inventory().unread().empty();
  row.set_number(server.status().facts().number() + (other ? 1 : 0));
  *row.mutable_changed() = other ? to_wire(work.now.wall()) : before->changed();
  if (other) work.ledger.put_inventory(row);
  rest::ServerFacts facts = facts_of(row.inventory());
  facts.set_number(row.number());
  work.ledger.change_server(
      name, [&](rest::Server& changed) { *changed.mutable_status()->mutable_facts() = std::move(facts); });
  if (!before || change.changes.empty()) return;
  rest::LogEvent line;
  line.set_type("drift");
  line.set_site(server.spec().site());
  line.set_server(name);
  line.set_message(told(name, change.changes));
  work.ledger.note(std::move(line), work.now.wall());
}

void QuietInspections::go_on(Work& work) {
  const MeshState& mesh = work.mesh();
  if (mesh.hold || !mesh.clock_doubt.empty()) return;
  if (cursor_.empty()) {
    if (next_lap_ && work.now.mono < *next_lap_) return;
    next_lap_ = work.now.mono + lap_every;
  }
  std::map<std::string, std::size_t> room;  // by site
  const auto room_at = [&](const std::string& site) -> std::size_t& {
    const auto [found, is_new] = room.try_emplace(site, 0);
    const SiteLink* link = work.link(site);
    if (!is_new || link == nullptr || !link->can_command() || link->silent(work.now)) return found->second;
    const auto wishes = work.ledger.inner().wishes.find(site);
    std::size_t quiet = 0;
    if (wishes != work.ledger.inner().wishes.end())
      quiet = static_cast<std::size_t>(
          std::ranges::count_if(wishes->second, [](const auto& wish) { return wish.second.quiet(); }));
    return found->second = quiet_at_once - std::min(quiet, quiet_at_once);
  };
  auto at = mesh.servers.upper_bound(cursor_);
  for (std::size_t looked = 0; looked < looked_at_once && at != mesh.servers.end(); ++looked, ++at) {
    const auto& [name, server] = *at;
    cursor_ = name;
    const auto site = mesh.sites.find(server.spec().site());
    if (site == mesh.sites.end() || !is_due(server, site->second, work.now)) continue;
    if (open_deployment(mesh, server) != nullptr || wish_of(work, site->first, name) != nullptr) continue;
    std::size_t& places = room_at(site->first);
    if (places == 0) continue;
    --places;
    record::InspectWish wish;
    wish.set_planned(true);
    wish.set_quiet(true);
    work.ledger.put_wish(site->first, name, std::move(wish));
  }
  if (at == mesh.servers.end()) cursor_.clear();
}

}  // namespace metalmesh::controller
