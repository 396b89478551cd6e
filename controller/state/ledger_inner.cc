// The ledger's inner rows: what the mesh needs beside the objects. Each is written when it is put.
#include <algorithm>
#include <utility>

#include "controller/state/ledger.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

/// A client that repeats a request does so within minutes; this many requests cover far more than that. Names
/// and keys are short, but people choose them.
constexpr std::size_t answers_kept = 10'000;
constexpr std::size_t answer_bytes_kept = 4U << 20;

std::size_t size_of(const std::string& key, const record::IdempotentAnswer& answer) {
  return key.size() + answer.ByteSizeLong();
}

}  // namespace

void Ledger::age_answers() {
  for (const auto& [key, answer] : inner_.answers) {
    answers_by_age_[answer.number()] = key;
    answer_bytes_ += size_of(key, answer);
    next_answer_ = std::max(next_answer_, answer.number() + 1);
  }
}

void Ledger::put_plan_page(const std::string& rollout, std::size_t number, const rest::PlanPage& page) {
  inner_rows_.push_back({tables::plan_page(rollout, number), encode_row(page)});
  std::size_t& pages = inner_.plan_pages[rollout];
  pages = std::max(pages, number + 1);
}

void Ledger::drop_plan_pages(const std::string& rollout, std::size_t from) {
  const auto found = inner_.plan_pages.find(rollout);
  if (found == inner_.plan_pages.end()) return;
  for (std::size_t number = from; number < found->second; ++number)
    inner_rows_.push_back({tables::plan_page(rollout, number), std::nullopt});
  found->second = std::min(found->second, from);
  if (found->second == 0) inner_.plan_pages.erase(found);
}

void Ledger::put_inventory(const rest::ServerInventory& inventory) {
  inner_rows_.push_back({tables::row(tables::inventories, inventory.server()), encode_row(inventory)});
}

void Ledger::put_link(const std::string& site, record::SiteLink link) {
  inner_rows_.push_back({tables::row(tables::links, site), encode_row(link)});
  mesh_.families[site] = families_of(link);
  inner_.links[site] = std::move(link);
}

void Ledger::put_order(const std::string& deployment, record::Order order) {
  inner_rows_.push_back({tables::row(tables::orders, deployment), encode_row(order)});
  inner_.orders[deployment] = std::move(order);
}

void Ledger::erase_order(const std::string& deployment) {
  if (inner_.orders.erase(deployment) == 0) return;
  inner_rows_.push_back({tables::row(tables::orders, deployment), std::nullopt});
}

void Ledger::put_machine(const std::string& id, record::Machine machine) {
  inner_rows_.push_back({tables::row(tables::machines, id), encode_row(machine)});
  machines_.put(id, std::move(machine));
}

void Ledger::erase_machine(const std::string& id) {
  if (machines_.find(id) == nullptr) return;
  inner_rows_.push_back({tables::row(tables::machines, id), std::nullopt});
  machines_.erase(id);
}

void Ledger::put_fence(const std::string& deployment, record::OwedFence fence) {
  inner_rows_.push_back({tables::row(tables::fences, deployment), encode_row(fence)});
  mesh_.fences[deployment] = std::move(fence);
}

void Ledger::erase_fence(const std::string& deployment) {
  fences_known_.erase(deployment);
  if (mesh_.fences.erase(deployment) == 0) return;
  inner_rows_.push_back({tables::row(tables::fences, deployment), std::nullopt});
}

void Ledger::put_token(const std::string& sha256, record::Token token) {
  inner_rows_.push_back({tables::row(tables::tokens, sha256), encode_row(token)});
  mesh_.tokens[sha256] = std::move(token);
  ++mesh_.callers;
}

void Ledger::erase_token(const std::string& sha256) {
  if (mesh_.tokens.erase(sha256) == 0) return;
  ++mesh_.callers;
  inner_rows_.push_back({tables::row(tables::tokens, sha256), std::nullopt});
}

void Ledger::put_pace(const std::string& whose, record::StartPace pace) {
  inner_rows_.push_back({tables::row(tables::paces, whose), encode_row(pace)});
  mesh_.paces[whose] = std::move(pace);
}

void Ledger::put_glass(rest::BreakGlass glass, std::uint64_t minute) {
  record::GlassBroken last;
  last.set_minute(minute);
  inner_rows_.push_back({tables::row(tables::glass, glass.server()), encode_row(glass)});
  inner_rows_.push_back({tables::row(tables::last_glass, ""), encode_row(last)});
  mesh_.glass_minute = minute;
  std::string server = glass.server();
  mesh_.glass[std::move(server)] = std::move(glass);
}

void Ledger::erase_glass(const std::string& server) {
  if (mesh_.glass.erase(server) == 0) return;
  inner_rows_.push_back({tables::row(tables::glass, server), std::nullopt});
}

void Ledger::raise_generation(const std::string& machine, std::uint64_t generation) {
  auto& highest = inner_.generations[machine];
  if (generation <= highest) return;
  highest = generation;
  record::Generation row;
  row.set_generation(generation);
  inner_rows_.push_back({tables::row(tables::generations, machine), encode_row(row)});
}

std::uint64_t Ledger::generation(const std::string& machine) const {
  const auto found = inner_.generations.find(machine);
  return found == inner_.generations.end() ? 0 : found->second;
}

void Ledger::put_wish(const std::string& site, const std::string& server, record::InspectWish wish) {
  inner_rows_.push_back({tables::row(tables::wishes, site + "/" + server), encode_row(wish)});
  inner_.wishes[site][server] = std::move(wish);
}

void Ledger::erase_wish(const std::string& site, const std::string& server) {
  const auto found = inner_.wishes.find(site);
  if (found == inner_.wishes.end() || found->second.erase(server) == 0) return;
  inner_rows_.push_back({tables::row(tables::wishes, site + "/" + server), std::nullopt});
}

void Ledger::put_answer(const std::string& key, record::IdempotentAnswer answer) {
  answer.set_number(next_answer_++);
  inner_rows_.push_back({tables::row(tables::answers, key), encode_row(answer)});
  if (const auto old = inner_.answers.find(key); old != inner_.answers.end()) {
    answers_by_age_.erase(old->second.number());
    answer_bytes_ -= size_of(key, old->second);
  }
  answers_by_age_[answer.number()] = key;
  answer_bytes_ += size_of(key, answer);
  inner_.answers[key] = std::move(answer);
  while (answers_by_age_.size() > answers_kept || answer_bytes_ > answer_bytes_kept) {
    const auto oldest = inner_.answers.find(answers_by_age_.begin()->second);
    inner_rows_.push_back({tables::row(tables::answers, oldest->first), std::nullopt});
    answer_bytes_ -= size_of(oldest->first, oldest->second);
    answers_by_age_.erase(answers_by_age_.begin());
    inner_.answers.erase(oldest);
  }
}

}  // namespace metalmesh::controller
