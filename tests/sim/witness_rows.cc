// What became durable, at agents and at the controller: facts are read off rows, never off a core.
#include <fmt/format.h>

#include <algorithm>

#include "agents/core/row_keys.h"
#include "controller/state/deployment_states.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/agent.pb.h"
#include "schemas/record/controller.pb.h"
#include "schemas/record/job.pb.h"
#include "schemas/record/stream.pb.h"
#include "tests/sim/witness.h"
#include "tests/sim/words.h"

namespace metalmesh::sim {
namespace {

constexpr std::size_t hash_bytes = 32;
constexpr std::size_t seq_bytes = 8;
constexpr std::string_view events_prefix = agent::rows::events;

/// The number in the key of an event's row, if it is one.
std::optional<std::uint64_t> event_number(std::string_view key) {
  if (!key.starts_with(events_prefix) || key.size() != events_prefix.size() + 1 + seq_bytes)
    return std::nullopt;
  return big_endian(key.substr(events_prefix.size() + 1));
}

std::string_view mark_of(const wire::Event& event) {
  switch (event.body_case()) {
    case wire::Event::kArmed:
      return "armed";
    case wire::Event::kLaunched:
      return "launched";
    case wire::Event::kRetry:
      return "an attempt was repeated before the wipe";
    case wire::Event::kReleased:
      return "a medium left its custody";
    case wire::Event::kCredentialHeld:
      return "a credential was held";
    case wire::Event::kCredentialReleased:
      return "a credential was released";
    default:
      return {};
  }
}

const wire::Fault* fault_of(const wire::Event& event) {
  if (event.has_ended() && event.ended().has_fault()) return &event.ended().fault();
  if (event.has_held()) return &event.held().fault();
  if (event.has_retry()) return &event.retry().fault();
  if (event.has_receipt() && event.receipt().has_refusal()) return &event.receipt().refusal();
  return nullptr;
}

}  // namespace

void Witness::on_agent_started(const std::string& node, const std::string& site, const SimStore& rows) {
  for (const auto& [key, value] : rows.rows()) {
    record::Job job;
    if (!key.starts_with(agent::rows::job) || !job.ParseFromString(value)) continue;
    if (job.intent() != record::Job::NONE) court_.marks.hit("a crash between an intent and its answer");
    if (job.armed() && !job.powered()) court_.marks.hit("a crash between ARM and the power-on");
  }
  ++court_.facts.chances;
  AgentLife& agent = court_.facts.agents[node];
  agent.site = site;
  agent.incarnation.clear();
  agent.vouched = false;
}

void Witness::on_store_replaced(const std::string& node, const SimStore& rows) {
  Facts& facts = court_.facts;
  AgentLife& agent = facts.agents[node];
  JournalCopy kept;
  if (agent.copy < facts.copies.size()) {
    JournalCopy& old = facts.copies[agent.copy];
    kept = old;
    if (old.node == node) old.lost = true;
  }
  agent.behind_log = false;
  agent.epoch = 0;
  agent.command_journal.clear();
  agent.quarantined.reset();
  record::StreamSender head;
  const auto row = rows.find(std::string(events_prefix) + "m");
  if (row && head.ParseFromString(*row)) {
    // The same journal once more, as far as the copy went.
    for (const JournalCopy& copy : facts.copies) {
      if (copy.journal_id == head.journal_id() && copy.entries.size() + 1 >= head.next_seq()) kept = copy;
    }
    kept.node = node;
    kept.site = agent.site;
    kept.lost = false;
    kept.entries.resize(head.next_seq() - 1);
    agent.behind_log = facts.logged[head.journal_id()] >= head.next_seq();
    agent.copy = facts.copies.size();
    facts.copies.push_back(std::move(kept));
    for (const auto& [key, value] : rows.rows()) take_link_row(agent, {key, value});
  } else {
    agent.copy = SIZE_MAX;
  }
  all(&Invariant::on_store_changed, node);
}

void Witness::on_agent_durable(const std::string& node, const Batch& batch) {
  AgentLife& agent = court_.facts.agents[node];
  for (const RowWrite& row : batch) {
    if (row.key.starts_with(events_prefix) && row.key.size() == events_prefix.size() + 1 && row.value)
      take_journal_head(node, agent, *row.value);
  }
  // In the order in which they were decided: an event is judged with what the agent knew then.
  for (const RowWrite& row : batch) {
    take_link_row(agent, row);
    take_event_row(node, agent, row);
  }
  all(&Invariant::on_agent_rows, node, batch);
}

void Witness::on_agent_cared(const std::string& node, const Batch& batch) {
  const AgentLife& agent = court_.facts.agents[node];
  for (const RowWrite& row : batch) {
    if (row.value) continue;
    if (row.key == agent::rows::link) all(&Invariant::on_link_lost, node);
    const auto seq = event_number(row.key);
    if (!seq || agent.copy >= court_.facts.copies.size()) continue;
    std::uint64_t& rotted = court_.facts.copies[agent.copy].rotted;
    rotted = std::max(rotted, *seq);
  }
  on_agent_durable(node, batch);
}

void Witness::take_link_row(AgentLife& agent, const RowWrite& row) {
  if (!row.value) return;
  if (row.key == agent::rows::link) {
    record::LinkState link;
    if (link.ParseFromString(*row.value))
      agent.epoch = std::max<std::uint64_t>(agent.epoch, link.controller_epoch());
    if (link.quarantine_reason().empty()) {
      agent.quarantined.reset();
    } else {
      court_.marks.hit("an agent quarantined itself");
      if (!agent.quarantined) agent.quarantined = court_.events.now();
    }
  } else if (row.key == agent::rows::commands) {
    record::StreamReceiver commands;
    if (commands.ParseFromString(*row.value)) agent.command_journal = commands.journal_id();
  }
}

JournalCopy& Witness::copy_for(const std::string& node, AgentLife& agent, const std::string& journal) {
  auto& copies = court_.facts.copies;
  if (agent.copy < copies.size() && copies[agent.copy].journal_id == journal) return copies[agent.copy];
  if (agent.copy < copies.size()) copies[agent.copy].lost = true;
  agent.copy = copies.size();
  JournalCopy& copy = copies.emplace_back();
  copy.node = node;
  copy.site = agent.site;
  copy.journal_id = journal;
  return copy;
}

void Witness::take_journal_head(const std::string& node, AgentLife& agent, const std::string& value) {
  record::StreamSender head;
  if (head.ParseFromString(value)) copy_for(node, agent, head.journal_id());
}

void Witness::take_event_row(const std::string& node, const AgentLife& agent, const RowWrite& row) {
  const auto seq = event_number(row.key);
  if (!seq) return;
  JournalCopy& copy = court_.facts.copies[agent.copy];
  if (!row.value) {
    copy.deleted = std::max(copy.deleted, *seq);
    return;
  }
  const bool mended = *seq <= copy.entries.size() && row.value->substr(hash_bytes) == copy.entries[*seq - 1];
  if (mended) return;
  if (*seq != copy.entries.size() + 1) {
    return court_.trace.violation(
        court_.events.now(), "log_is_the_journal",
        fmt::format("{} journalled event {} after event {}", node, *seq, copy.entries.size()));
  }
  copy.entries.push_back(row.value->substr(hash_bytes));
  wire::Event event;
  if (event.ParseFromString(copy.entries.back())) return tell(node, agent, *seq, event);
  court_.trace.violation(court_.events.now(), "log_is_the_journal",
                         fmt::format("{} journalled event {}, which nobody can read", node, *seq));
}

void Witness::tell(const std::string& node, const AgentLife& agent, std::uint64_t seq,
                   const wire::Event& event) {
  if (event.has_launched()) {
    court_.facts.launched[event.deployment_id()] = event.generation();
    court_.facts.launched_at[event.deployment_id()] = court_.events.now();
    court_.facts.launched_in[event.deployment_id()] = agent.copy;
  }
  if (const auto name = mark_of(event); !name.empty()) court_.marks.hit(name);
  if (const wire::Fault* fault = fault_of(event))
    court_.marks.hit("told " + wire::FaultCode_Name(fault->code()));
  if (event.has_ended()) court_.marks.hit("a job ended");
  court_.marks.hit("an event was journalled");
  all(&Invariant::on_told, Told{node, agent, seq, event});
}

void Witness::on_controller_durable(const Batch& batch) {
  court_.facts.moves.clear();
  for (const RowWrite& row : batch) take_controller_row(row);
  all(&Invariant::on_controller_rows, batch);
  for (const auto& request : std::exchange(granted_, {})) {
    take_note(request);
    all(&Invariant::on_granted, Granted{request});
  }
}

void Witness::take_note(const controller::OperatorRequest& request) {
  const auto* apply = std::get_if<controller::Apply>(&request.body);
  const auto* server = apply == nullptr ? nullptr : std::get_if<rest::Server>(&apply->object);
  if (server == nullptr) return;
  const auto note = server->spec().vars().find("note");
  if (note != server->spec().vars().end()) {
    court_.facts.notes[server->metadata().name()] = note->second;
  } else {
    court_.facts.notes.erase(server->metadata().name());
  }
}

void Witness::take_controller_row(const RowWrite& row) {
  namespace tables = controller::tables;
  Facts& facts = court_.facts;
  if (row.key.starts_with(tables::events) && row.value) {
    rest::LogEvent line;
    if (!controller::decode_row(*row.value, line)) return;
    if (!court_.facts.stolen_site.empty() && line.site() == court_.facts.stolen_site) return;
    take_gap(line);
    if (!line.journal_id().empty() && line.seq() != 0)
      all(&Invariant::on_logged, Logged{line.journal_id(), line.seq(), line.event()});
  } else if (row.key.starts_with(tables::deployments)) {
    const std::string id = row.key.substr(tables::deployments.size());
    if (is_stolen(row)) return;
    rest::Deployment& known = facts.deployments[id];
    const std::string from = known.state();
    if (row.value && controller::decode_row(*row.value, known)) {
      Said& said = facts.said[id];
      said = {known.rollout(), known.server(), known.site(), known.action(),
              said.by_person || !known.resolved_by().empty()};
      if (known.state() != from) facts.moves.push_back({from, known.state(), &known});
    } else {
      std::erase_if(facts.moves, [&](const DeploymentMove& move) { return move.now == &known; });
      facts.deployments.erase(id);
    }
  } else if (row.key.starts_with(tables::rollouts)) {
    const std::string name = row.key.substr(tables::rollouts.size());
    if (row.value && controller::decode_row(*row.value, facts.rollouts[name])) {
      facts.specs[name] = facts.rollouts[name].spec();
    } else {
      facts.rollouts.erase(name);
    }
  } else if (row.key.starts_with(tables::sites) && row.value) {
    rest::Site site;
    if (controller::decode_row(*row.value, site))
      facts.site_parallel[site.metadata().name()] = site.spec().limits().parallel();
  } else if (row.key.starts_with(tables::fences) && row.value) {
    record::OwedFence fence;
    if (controller::decode_row(*row.value, fence) && !fence.command_journal().empty())
      facts.cancels.insert(row.key.substr(tables::fences.size()));
  }
}

bool Witness::is_stolen(const RowWrite& row) const {
  rest::Deployment deployment;
  return !court_.facts.stolen_site.empty() && row.value && controller::decode_row(*row.value, deployment) &&
         deployment.site() == court_.facts.stolen_site;
}

void Witness::on_stolen(const std::string& site) {
  Facts& facts = court_.facts;
  facts.stolen_site = site;
  std::erase_if(facts.deployments, [&](const auto& one) { return one.second.site() == site; });
  std::erase_if(court_.machines, [&](const Machine* one) { return one->name.starts_with(site + "-"); });
  for (JournalCopy& copy : facts.copies) copy.lost = copy.lost || copy.site == site;
  facts.moves.clear();
  all(&Invariant::on_stolen, site);
}

void Witness::take_gap(const rest::LogEvent& line) {
  if (!line.has_gap()) return;
  court_.facts.gaps[line.journal_id()].push_back({line.gap().from(), line.gap().to()});
  std::uint64_t& logged = court_.facts.logged[line.journal_id()];
  if (line.gap().to() != 0 && line.gap().from() == logged + 1) logged = line.gap().to();
  if (line.gap().to() != 0) court_.marks.hit("events were missing behind a restore, and told");
}

void Witness::on_controller_restored(const SimStore& rows) {
  namespace tables = controller::tables;
  Facts& facts = court_.facts;
  facts.deployments.clear();
  facts.rollouts.clear();
  facts.logged.clear();
  facts.gaps.clear();
  facts.remembrance.restored();
  all(&Invariant::on_controller_restored);
  facts.moves.clear();
  for (const auto& [key, value] : rows.rows()) {
    if (key.starts_with(tables::deployments) || key.starts_with(tables::rollouts))
      take_controller_row({key, value});
    rest::LogEvent line;
    if (!key.starts_with(tables::events) || !controller::decode_row(value, line) || line.journal_id().empty())
      continue;
    take_gap(line);
    std::uint64_t& logged = facts.logged[line.journal_id()];
    logged = std::max<std::uint64_t>(logged, line.seq());
  }
  facts.moves.clear();
  all(&Invariant::on_controller_rows, Batch{});
  for (auto& [node, agent] : facts.agents) {
    agent.behind_log =
        agent.behind_log && agent.copy < facts.copies.size() &&
        facts.logged[facts.copies[agent.copy].journal_id] > facts.copies[agent.copy].entries.size();
  }
}

}  // namespace metalmesh::sim
