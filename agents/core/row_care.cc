#include "agents/core/row_care.h"

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "agents/core/fence_table.h"
#include "agents/core/row_keys.h"
#include "common/base/command_words.h"
#include "common/base/machine_key.h"
#include "common/delivery/journal_mend.h"
#include "common/delivery/stream_rows.h"
#include "common/ports/row_walk.h"
#include "schemas/record/agent.pb.h"
#include "schemas/record/job.pb.h"
#include "schemas/record/stream.pb.h"
#include "schemas/wire/event.pb.h"

namespace metalmesh::agent {
namespace {

/// One damaged row while it is looked after.
struct Case {
  std::string key;
  RowDamage damage;
  record::DamagedRow& told;
};

/// What can still be made out in a damaged message. It may be wrong: good only for refusing more.
template <class Message>
Message guess(const RowDamage& damage) {
  Message message;
  if (!message.ParsePartialFromString(damage.bytes)) return message;
  return message;
}

/// "<uuid>/<serial>" or "mac/<mac>", see machine_key.h.
wire::Identity identity_of_key(const std::string& machine) {
  wire::Identity identity;
  const auto slash = machine.find('/');
  if (slash == std::string::npos) return identity;
  if (machine.starts_with("mac/")) {
    identity.add_macs(machine.substr(slash + 1));
  } else {
    identity.set_uuid(machine.substr(0, slash));
    identity.set_serial(machine.substr(slash + 1));
  }
  return identity;
}

class Caretaker {
 public:
  explicit Caretaker(const RowReader& rows) : rows_(rows) {}

  Status look();
  Result<RowCare> care();

 private:
  void fence(Case& c);
  void job(Case& c);
  void site(Case& c);
  void link(Case& c);
  void commands(Case& c);
  void forget(Case& c);
  Status journal();
  /// A machine on which nothing may start, with what is known of it.
  void block(const wire::Identity& identity, const std::string& row);
  void quarantine(const std::string& why);
  void finish_fences();
  template <class Message>
  Message whole(std::string_view key) const;

  const RowReader& rows_;
  std::vector<Row> damaged_;
  std::map<std::string, record::Fence> fences_;  // whole ones
  std::set<std::string> blocked_;                // keys of those that must be written
  std::string quarantine_;
  std::optional<record::SiteState> site_;
  bool journal_damaged_ = false;
  RowCare out_;
};

template <class Message>
Message Caretaker::whole(std::string_view key) const {
  Message message;
  const auto row = rows_.get(key);
  if (row && *row) message.ParseFromString(**row);
  return message;
}

Status Caretaker::look() {
  return walk_rows(rows_, {}, {}, [&](Row& row) -> Status {
    if (!row.value) {
      damaged_.push_back(std::move(row));
      return {};
    }
    const std::string_view prefix = rows::fence;
    record::Fence fence;
    if (row.key.starts_with(prefix) && fence.ParseFromString(*row.value))
      fences_.emplace(row.key.substr(prefix.size()), std::move(fence));
    return {};
  });
}

void Caretaker::block(const wire::Identity& identity, const std::string& row) {
  const std::string key = machine_key(identity);
  if (key.empty()) return;
  record::Fence& fence = fences_[key];
  if (!fence.has_identity()) *fence.mutable_identity() = identity;
  fence.set_damaged(row);
  blocked_.insert(key);
}

void Caretaker::finish_fences() {
  for (const std::string& key : blocked_) {
    record::Fence& fence = fences_.at(key);
    fence.set_row_version(rows::version);
    out_.batch.push_back({rows::fence + key, fence.SerializeAsString()});
  }
}

void Caretaker::fence(Case& c) {
  const auto guessed = guess<record::Fence>(c.damage);
  const std::string under = c.key.substr(std::string_view(rows::fence).size());
  wire::Identity identity = c.damage.value_whole ? guessed.identity() : identity_of_key(under);
  if (!c.damage.value_whole) {
    // Its other names, as far as they can be read: one too many refuses one order too many.
    for (const std::string& mac : guessed.identity().macs()) {
      if (usable_mac(mac)) identity.add_macs(mac);
    }
  }
  const std::string machine = machine_key(identity);
  if (c.damage.value_whole && !machine.empty() && !fences_.contains(machine)) fences_[machine] = guessed;
  block(identity, c.told.row());
  c.told.set_machine(machine);
  c.told.set_what("what was remembered of the orders of machine " + machine +
                  " is not known any more: nothing is started on it");
  c.told.set_next("look whether an installer runs on it; then, " +
                  commands::on_agent_host(commands::settle_fence(c.told.row())));
}

void Caretaker::job(Case& c) {
  const auto guessed = guess<record::Job>(c.damage);
  const std::string under = c.key.substr(std::string_view(rows::job).size());
  const std::string deployment = c.damage.value_whole ? guessed.issue().deployment_id() : under;
  c.told.set_deployment_id(deployment);
  if (!machine_key(guessed.agreed().identity()).empty()) block(guessed.agreed().identity(), c.told.row());
  std::vector<wire::Identity> machines;
  for (const auto& [key, fence] : fences_) {
    if (fence.deployment_id() == deployment) machines.push_back(fence.identity());
  }
  for (const wire::Identity& identity : machines) block(identity, c.told.row());
  c.told.set_machine(machines.empty() ? std::string() : machine_key(machines.front()));
  c.told.set_what(
      "what became of deployment " + deployment +
      " here is not known; its medium is left as it is, and nothing new is started on its machine");
  c.told.set_next("look at the machine; when no installer runs there, " +
                  commands::on_agent_host(commands::settle_row(c.told.row())));
}

void Caretaker::quarantine(const std::string& why) { quarantine_ += (quarantine_.empty() ? "" : "; ") + why; }

void Caretaker::site(Case& c) {
  site_ = record::SiteState();
  quarantine("row a/site was damaged: to which machine this data folder belongs is not known");
  c.told.set_what(
      "to which machine this data folder belongs, and the site's settings, are not known: nothing new is "
      "started");
  c.told.set_next("if it was not copied from another machine, " +
                  commands::on_agent_host(commands::settle_row(rows::site)));
}

void Caretaker::link(Case& c) {
  quarantine(
      "row a/link was damaged: which controller was followed, and whether this agent was in quarantine, is "
      "not "
      "known");
  c.told.set_what(
      "which controller was followed, and whether this agent was in quarantine, is not known: nothing new "
      "is started");
  c.told.set_next("if this is the site's only agent and it has its newest data folder, " +
                  commands::on_agent_host(commands::settle_row(rows::link)));
}

/// Each command that was taken in has its receipt in the event journal, written in the same commit.
void Caretaker::commands(Case& c) {
  const auto link = whole<record::LinkState>(rows::link);
  std::uint64_t first = 0, cursor = 0;
  const std::string head = std::string(rows::events) + "e";
  const Status read = walk_rows(rows_, head, std::string(rows::events) + "f", [&](const Row& row) -> Status {
    if (!row.value || row.value->size() < delivery::entry_hash_bytes) return {};
    std::uint64_t seq = 0;
    for (const char byte : std::string_view(row.key).substr(head.size()))
      seq = seq << 8U | static_cast<unsigned char>(byte);
    if (first == 0) first = seq;
    wire::Event event;
    if (seq >= link.command_events_from() &&
        event.ParseFromString(row.value->substr(delivery::entry_hash_bytes)) && event.has_receipt())
      cursor = event.receipt().command_seq();
    return {};
  });
  const bool all_there = first != 0 && first <= link.command_events_from();
  if (!read || link.command_journal().empty() || (cursor == 0 && !all_there)) {
    quarantine("row r/commands was damaged: how far the controller's commands were taken in is not known");
    c.told.set_what("how far the controller's commands were taken in is not known: nothing new is started");
    c.told.set_next("move the agent's data folder away and start it with an empty one");
    return;
  }
  record::StreamReceiver row;
  row.set_row_version(delivery::receiver_row_version);
  row.set_journal_id(link.command_journal());
  row.set_cursor(cursor);
  out_.batch.push_back({rows::commands, row.SerializeAsString()});
  c.told.set_what("the receipts tell that commands were taken in up to " + std::to_string(cursor));
}

void Caretaker::forget(Case& c) { c.told.set_what("it is fetched, asked or learned again"); }

Status Caretaker::journal() {
  const auto site = whole<record::SiteState>(rows::site);
  auto mended = delivery::mend_journal(rows::events, rows_, site.journal_id());
  if (!mended) return std::unexpected(std::move(mended.error()));
  out_.batch.insert(out_.batch.end(), mended->batch.begin(), mended->batch.end());
  record::DamagedRow told;
  told.set_row(rows::events);
  told.set_what(
      mended->lost_from == 0
          ? "rows of the event journal were damaged; nothing that the controller does not have is lost"
          : "events " + std::to_string(mended->lost_from) + " to " + std::to_string(mended->lost_to) +
                " of this site's journal are lost");
  out_.found.push_back(std::move(told));
  return {};
}

Result<RowCare> Caretaker::care() {
  struct Kind {
    std::string_view prefix;
    void (Caretaker::*care)(Case&);
  };
  static constexpr std::array kinds = {Kind{rows::fence, &Caretaker::fence}, Kind{rows::job, &Caretaker::job},
                                       Kind{rows::site, &Caretaker::site}, Kind{rows::link, &Caretaker::link},
                                       Kind{rows::commands, &Caretaker::commands}};
  for (Row& row : damaged_) {
    if (row.key.starts_with(rows::events)) {
      journal_damaged_ = true;
      continue;
    }
    record::DamagedRow& told = out_.found.emplace_back();
    told.set_row(printable_key(row.key));
    told.set_found(row.value.error().bytes);
    told.set_value_whole(row.value.error().value_whole);
    Case c{row.key, row.value.error(), told};
    auto care = &Caretaker::forget;
    for (const Kind& kind : kinds) {
      if (row.key.starts_with(kind.prefix)) care = kind.care;
    }
    out_.batch.push_back({row.key, std::nullopt});
    (this->*care)(c);
  }
  if (journal_damaged_) {
    if (auto mended = journal(); !mended) return std::unexpected(std::move(mended.error()));
  }
  finish_fences();
  if (site_) {
    site_->set_row_version(rows::version);
    out_.batch.push_back({rows::site, site_->SerializeAsString()});
  }
  if (!quarantine_.empty()) {
    auto link = whole<record::LinkState>(rows::link);
    link.set_row_version(rows::version);
    link.set_quarantine_reason(quarantine_);
    out_.batch.push_back({rows::link, link.SerializeAsString()});
  }
  for (record::DamagedRow& told : out_.found) {
    told.set_row_version(rows::version);
    out_.batch.push_back({rows::damaged + told.row(), told.SerializeAsString()});
  }
  return std::move(out_);
}

}  // namespace

Result<RowCare> care_for_rows(const RowReader& rows) {
  Caretaker caretaker(rows);
  if (auto looked = caretaker.look(); !looked) return std::unexpected(std::move(looked.error()));
  return caretaker.care();
}

}  // namespace metalmesh::agent
