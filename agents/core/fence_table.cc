#include "agents/core/fence_table.h"

#include <algorithm>

#include "agents/core/faults.h"
#include "agents/core/row_table.h"
#include "common/base/command_words.h"
#include "common/base/machine_key.h"
#include "common/base/planted.h"

namespace metalmesh::agent {
namespace {

constexpr int most_macs = 64;

std::set<std::string> macs_of(const wire::Identity& identity) {
  std::set<std::string> macs;
  for (const std::string& mac : identity.macs()) {
    if (usable_mac(mac)) macs.insert(normal_mac(mac));
  }
  return macs;
}

}  // namespace

std::string machine_key(const wire::Identity& identity) {
  return metalmesh::machine_key(identity.uuid(), identity.serial(),
                                {identity.macs().begin(), identity.macs().end()});
}

std::vector<std::string> machine_names(const wire::Identity& identity) {
  std::vector<std::string> names;
  if (usable_uuid(identity.uuid())) names.push_back("uuid:" + normal_uuid(identity.uuid()));
  if (usable_serial(identity.serial())) names.push_back("serial:" + normal_serial(identity.serial()));
  for (const std::string& mac : macs_of(identity)) names.push_back("mac:" + mac);
  return names;
}

bool same_machine(const wire::Identity& a, const wire::Identity& b) {
  const auto names = machine_names(a);
  return std::ranges::any_of(machine_names(b), [&](const std::string& name) {
    return std::ranges::find(names, name) != names.end();
  });
}

FenceTable::FenceTable(const RowReader& rows) {
  for (auto& [key, fence] : load_rows<record::Fence>(rows, rows::fence)) {
    index(key, fence.identity());
    fences_.emplace(key, std::move(fence));
  }
}

void FenceTable::index(const std::string& key, const wire::Identity& identity) {
  for (const std::string& name : machine_names(identity)) keys_by_name_[name].insert(key);
}

FenceTable::Fence FenceTable::of(const wire::Identity& identity) const {
  Fence highest;
  for (const std::string& name : machine_names(identity)) {
    const auto found = keys_by_name_.find(name);
    if (found == keys_by_name_.end()) continue;
    for (const std::string& key : found->second) {
      const record::Fence& fence = fences_.at(key);
      highest.generation = std::max<std::uint64_t>(highest.generation, fence.generation());
      highest.cancelled_to = std::max<std::uint64_t>(highest.cancelled_to, fence.cancelled_to());
      highest.launched = std::max<std::uint64_t>(highest.launched, fence.launched());
      highest.refused = std::max<std::uint64_t>(highest.refused, fence.refused());
      if (!fence.damaged().empty() && !planted(Defect::damaged_fence_opens))
        highest.damaged = fence.damaged();
    }
  }
  return highest;
}

std::optional<wire::Fault> FenceTable::refuse(const wire::Identity& identity,
                                              std::uint64_t generation) const {
  const Fence fence = of(identity);
  if (!fence.damaged.empty()) {
    return make_fault(wire::GENERATION_FENCED, "",
                      "the order is generation " + std::to_string(generation) +
                          " of this machine, of whose earlier orders the site no longer knows all: row " +
                          fence.damaged + " of its agent's store was damaged",
                      "look whether an installer runs there; then, " +
                          commands::on_agent_host(fence.damaged.starts_with(rows::fence)
                                                      ? commands::settle_fence(fence.damaged, generation)
                                                      : commands::settle_row(fence.damaged)) +
                          ", and order it again");
  }
  const std::uint64_t highest =
      std::max({fence.generation, fence.cancelled_to, fence.launched, fence.refused});
  if (generation > highest || planted(Defect::generation_fence_removed)) return std::nullopt;
  return make_fault(wire::GENERATION_FENCED, "",
                    "the order is generation " + std::to_string(generation) +
                        " of this machine, which has seen order " +
                        std::to_string(std::max(fence.generation, fence.refused)) +
                        " and is cancelled up to " + std::to_string(fence.cancelled_to),
                    "order it again: a new order gets a higher generation");
}

bool FenceTable::holds(const wire::Identity& identity, std::uint64_t generation) const {
  if (planted(Defect::generation_fence_removed)) return true;
  const Fence fence = of(identity);
  return fence.damaged.empty() && fence.generation == generation && fence.cancelled_to < generation &&
         fence.launched < generation;
}

record::Fence& FenceTable::raise(const wire::Identity& identity) {
  const Fence highest = of(identity);
  record::Fence& fence = fences_[machine_key(identity)];
  fence.set_generation(highest.generation);
  fence.set_cancelled_to(highest.cancelled_to);
  fence.set_launched(highest.launched);
  fence.set_refused(highest.refused);
  fence.set_damaged(highest.damaged);
  return fence;
}

void FenceTable::store(const wire::Identity& identity, record::Fence& fence, Outcome& out) {
  const std::string key = machine_key(identity);
  wire::Identity all = identity;
  const std::set<std::string> given = macs_of(identity);
  for (const std::string& mac :
       fence.identity().macs()) {  // a machine is recognised by every MAC it ever had
    if (all.macs_size() < most_macs && !given.contains(normal_mac(mac))) all.add_macs(mac);
  }
  *fence.mutable_identity() = all;
  index(key, all);
  put_row(out, rows::fence + key, fence);
}

void FenceTable::see(const wire::Identity& identity, std::uint64_t generation, const std::string& deployment,
                     Outcome& out) {
  record::Fence& fence = raise(identity);
  if (generation >= fence.generation()) {
    fence.set_generation(generation);
    fence.set_deployment_id(deployment);
  }
  store(identity, fence, out);
}

void FenceTable::refused(const wire::Identity& identity, std::uint64_t generation, Outcome& out) {
  if (machine_key(identity).empty() || generation <= of(identity).refused ||
      planted(Defect::refusal_forgotten))
    return;
  record::Fence& fence = raise(identity);
  fence.set_refused(generation);
  store(identity, fence, out);
}

void FenceTable::cancel(const wire::Identity& identity, std::uint64_t generation, Outcome& out) {
  if (planted(Defect::cancel_answers_only)) return;
  record::Fence& fence = raise(identity);
  const bool lowers = planted(Defect::tombstone_not_max);
  fence.set_cancelled_to(lowers ? generation : std::max<std::uint64_t>(fence.cancelled_to(), generation));
  store(identity, fence, out);
}

void FenceTable::launch(const wire::Identity& identity, std::uint64_t generation, Outcome& out) {
  record::Fence& fence = raise(identity);
  fence.set_launched(std::max<std::uint64_t>(fence.launched(), generation));
  store(identity, fence, out);
}

std::vector<wire::StateReport> FenceTable::report(const std::string& request_id,
                                                  std::size_t per_report) const {
  std::vector<wire::StateReport> reports;
  const auto next = [&]() -> wire::StateReport& {
    if (!reports.empty()) reports.back().set_more(true);
    reports.emplace_back().set_request_id(request_id);
    return reports.back();
  };
  next();
  for (const auto& [key, fence] : fences_) {
    wire::StateReport& report =
        static_cast<std::size_t>(reports.back().fences_size()) < per_report ? reports.back() : next();
    wire::StateReport::Fence& line = *report.add_fences();
    line.set_machine(key);
    line.set_generation(std::max(fence.generation(), fence.refused()));
    line.set_cancelled_to(fence.cancelled_to());
    line.set_launched(fence.launched());
    line.set_deployment_id(fence.deployment_id());
  }
  return reports;
}

}  // namespace metalmesh::agent
