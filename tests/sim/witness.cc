#include "tests/sim/witness.h"

#include <fmt/format.h>

#include <algorithm>

#include "agents/core/row_keys.h"
#include "common/delivery/topics.h"
#include "common/ports/wire_time.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/stream.pb.h"
#include "schemas/rest/api.pb.h"
#include "schemas/wire/envelope.pb.h"

namespace metalmesh::sim {
namespace {

constexpr std::size_t hash_bytes = 32;
constexpr std::size_t seq_bytes = 8;
constexpr Duration clock_slack =
    std::chrono::seconds(1);  // the controller's clock, which all go by, is that good

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

bool is_cancelled(const wire::Event& event) {
  return event.cancel().answer() == wire::CancelAnswer::CANCELLED ||
         event.ended().outcome() == wire::Ended::CANCELLED;
}

}  // namespace

void Sightings::add(const Sightings& other) {
  orders += other.orders;
  armed += other.armed;
  launched += other.launched;
  disks_written += other.disks_written;
  succeeded += other.succeeded;
  failed += other.failed;
  indeterminate += other.indeterminate;
  cancelled += other.cancelled;
  cancelled_too_late += other.cancelled_too_late;
  crashes += other.crashes;
  self_resets_with_medium += other.self_resets_with_medium;
  repeated_generations += other.repeated_generations;
  restarted_by_themselves += other.restarted_by_themselves;
  events += other.events;
}

void Witness::violation(std::string what) { trace_.violation(events_.now(), std::move(what)); }

void Witness::on_published(const std::string& site, bool by_controller, const Publish& message,
                           const SimStore& rows) {
  wire::Envelope envelope;
  if (!envelope.ParseFromString(message.payload)) return violation("not an envelope on " + message.topic);
  if (envelope.kind() == "data") {
    wire::Data data;
    if (!data.ParseFromString(envelope.payload())) return violation("not a Data frame on " + message.topic);
    if (by_controller) return on_orders(data);
    const auto journal = journals_.find(data.journal_id());
    const std::uint64_t last = data.first_seq() + static_cast<std::uint64_t>(data.entries_size()) - 1;
    if (journal == journals_.end() || last > journal->second.entries.size()) {
      violation(fmt::format("site {} sent event {} before it was durable", site, last));
    }
  } else if (envelope.kind() == "ack") {
    wire::Ack ack;
    if (!ack.ParseFromString(envelope.payload())) return violation("not an Ack on " + message.topic);
    if (by_controller) {
      const auto journal = journals_.find(ack.journal_id());
      if (ack.up_to() > (journal == journals_.end() ? 0 : journal->second.logged)) {
        violation(fmt::format("the controller acknowledged event {} of site {} before it was durable",
                              ack.up_to(), site));
      }
      return;
    }
    record::StreamReceiver cursor;
    const auto row = rows.durable(agent::rows::commands);
    if (!row || !cursor.ParseFromString(*row) || ack.up_to() > cursor.cursor()) {
      violation(fmt::format("site {} acknowledged command {} before it was durable", site, ack.up_to()));
    }
  }
}

void Witness::on_orders(const wire::Data& data) {
  for (const std::string& entry : data.entries()) {
    wire::Command command;
    if (!command.ParseFromString(entry)) return violation("an entry of a command stream is no command");
    if (!command.has_start_install()) continue;
    const wire::StartInstall& order = command.start_install();
    if (!orders_.try_emplace(order.deployment_id(), order).second) continue;
    ++seen_.orders;
    if (order.generation() > 1) ++seen_.repeated_generations;
  }
}

void Witness::on_agent_durable(const std::string& site, const Batch& batch) {
  constexpr std::string_view prefix = agent::rows::events;
  for (const RowWrite& row : batch) {
    if (!row.key.starts_with(prefix) || !row.value) continue;
    if (row.key.substr(prefix.size()) != "m") continue;
    record::StreamSender meta;
    if (!meta.ParseFromString(*row.value)) return violation("the journal of " + site + " has a damaged head");
    journal_of_site_[site] = meta.journal_id();
    journals_[meta.journal_id()].site = site;
  }
  for (const RowWrite& row : batch) {
    if (!row.key.starts_with(prefix) || !row.value || row.key.size() != prefix.size() + 1 + seq_bytes)
      continue;
    Journal& journal = journals_[journal_of_site_[site]];
    const std::uint64_t seq = big_endian(std::string_view(row.key).substr(prefix.size() + 1));
    if (seq != journal.entries.size() + 1) {
      violation(fmt::format("site {} journalled event {} after event {}", site, seq, journal.entries.size()));
      continue;
    }
    wire::Event event;
    journal.entries.push_back(row.value->substr(hash_bytes));
    if (!event.ParseFromString(journal.entries.back())) {
      violation(fmt::format("event {} of site {} is no event", seq, site));
      continue;
    }
    ++seen_.events;
    on_agent_event(event);
  }
}

void Witness::on_agent_event(const wire::Event& event) {
  const std::string& deployment = event.deployment_id();
  const auto order = orders_.find(deployment);
  const WallTime wall = events_.wall();
  if (event.has_armed()) {
    ++seen_.armed;
    if (order == orders_.end()) return violation("armed without an order: " + deployment);
    if (wall + clock_slack < from_wire(order->second.not_before()))
      violation("armed before not_before: " + deployment);
    if (wall > from_wire(order->second.start_by()) + clock_slack)
      violation("armed after start_by: " + deployment);
  } else if (event.has_launched()) {
    ++seen_.launched;
    if (!launched_.insert(deployment).second) violation("launched twice: " + deployment);
    if (order == orders_.end()) return violation("launched without an order: " + deployment);
    if (wall > from_wire(order->second.launch_by()) + clock_slack)
      violation("launched after launch_by: " + deployment);
  } else if (event.has_ended()) {
    switch (event.ended().outcome()) {
      case wire::Ended::SUCCEEDED:
        ++seen_.succeeded;
        break;
      case wire::Ended::CANCELLED:
        ++seen_.cancelled;
        break;
      case wire::Ended::INDETERMINATE:
        ++seen_.indeterminate;
        break;
      default:
        ++seen_.failed;
        break;
    }
  } else if (event.cancel().answer() == wire::CancelAnswer::TOO_LATE) {
    ++seen_.cancelled_too_late;
  }
  if (event.has_ended() || is_cancelled(event)) no_more_.insert(deployment);
  if (is_cancelled(event) && launched_.contains(deployment))
    violation("cancelled after it was launched: " + deployment);
}

void Witness::on_controller_durable(const Batch& batch) {
  for (const RowWrite& row : batch) {
    if (!row.key.starts_with(controller::tables::events) || !row.value) continue;
    rest::LogEvent line;
    if (!controller::decode_row(*row.value, line)) {
      violation("a line of the event log is damaged");
    } else if (!line.journal_id().empty()) {
      on_logged(line.journal_id(), line.seq(), line.event());
    }
  }
}

void Witness::on_logged(const std::string& id, std::uint64_t seq, const wire::Event& event) {
  const auto found = journals_.find(id);
  if (found == journals_.end()) return violation("the log has an event of an unknown journal " + id);
  Journal& journal = found->second;
  if (seq != journal.logged + 1) {
    return violation(
        fmt::format("the log has event {} of site {} after event {}", seq, journal.site, journal.logged));
  }
  journal.logged = seq;
  wire::Event original;
  if (seq > journal.entries.size() || !original.ParseFromString(journal.entries[seq - 1]) ||
      original.SerializeAsString() != event.SerializeAsString()) {
    violation(fmt::format("event {} in the log is not what site {} journalled", seq, journal.site));
  }
  if (is_cancelled(event)) recorded_cancelled_.insert(event.deployment_id());
}

void Witness::on_guarded_read(const std::string& deployment) {
  if (!launched_.contains(deployment)) {
    violation("the installer was served before LAUNCHED was durable: " + deployment);
  }
}

void Witness::on_machine(Machine& machine) {
  const bmcsim::Host& host = machine.model->host();
  for (; machine.launches_seen < host.installs().size(); ++machine.launches_seen) {
    const std::string& deployment = host.installs()[machine.launches_seen].deployment;
    ++seen_.disks_written;
    trace_.line(events_.now(), machine.name, "writes its disk", deployment);
    const auto order = orders_.find(deployment);
    if (order == orders_.end()) {
      violation(machine.name + " was wiped without an order: " + deployment);
      continue;
    }
    const std::string uuid = lower(machine.model->options().uuid);
    if (lower(order->second.identity().uuid()) != uuid) {
      violation(machine.name + " was wiped by the order for another machine: " + deployment);
    }
    on_wipe(machine, order->second.generation(), machine.launches_seen);
    if (recorded_cancelled_.contains(deployment))
      violation("wiped after the controller recorded CANCELLED: " + deployment);
    if (no_more_.contains(deployment)) violation("wiped after the agent ended it: " + deployment);
  }
  std::size_t& seen = violations_seen_[machine.name];
  for (; seen < host.violations().size(); ++seen) {
    const std::string& what = host.violations()[seen];
    // The host means every second boot of an installer; on_wipe knows the one that is no violation.
    if (!what.starts_with("second install")) violation(machine.name + ": " + what);
  }
}

void Witness::on_wipe(const Machine& machine, std::uint64_t generation, std::size_t index) {
  const auto& installs = machine.model->host().installs();
  std::uint64_t& wiped = generation_wiped_[lower(machine.model->options().uuid)];
  if (generation > wiped) {
    wiped = generation;
    return;
  }
  // A host that resets by itself half-way boots the same installer again. No fence can tell that from the
  // installer's own reads, and what it writes over is only its own unfinished work.
  const bool goes_on = index > 0 && installs[index - 1].deployment == installs[index].deployment &&
                       installs[index - 1].died && !installs[index - 1].completed &&
                       installs[index].self_started;
  if (goes_on) {
    ++seen_.restarted_by_themselves;
    return;
  }
  violation(
      fmt::format("{} was wiped by generation {} after generation {}", machine.name, generation, wiped));
}

bool Witness::all_events_arrived() const {
  return std::ranges::all_of(
      journals_, [](const auto& item) { return item.second.logged == item.second.entries.size(); });
}

void Witness::report_missing_events() {
  for (const auto& [id, journal] : journals_) {
    if (journal.logged == journal.entries.size()) continue;
    violation(fmt::format("{} of {} events of site {} reached the controller", journal.logged,
                          journal.entries.size(), journal.site));
  }
}

}  // namespace metalmesh::sim
