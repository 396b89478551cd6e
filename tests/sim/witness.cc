#include "tests/sim/witness.h"

#include <fmt/format.h>

#include <algorithm>

#include "agents/core/row_keys.h"
#include "controller/state/deployment_states.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "controller/state/transcript_rows.h"
#include "schemas/record/agent.pb.h"
#include "schemas/record/controller.pb.h"
#include "schemas/record/job.pb.h"
#include "schemas/record/stream.pb.h"
#include "schemas/wire/envelope.pb.h"
#include "tests/sim/words.h"

namespace metalmesh::sim {
namespace {

orders::Parts parts_of(const wire::Order& order) {
  orders::Parts parts;
  parts.agreed.ParseFromString(order.agreed());
  parts.issue = order.issue();
  return parts;
}

template <class Message>
const Message* parsed(Message& into, const std::string& payload) {
  return into.ParseFromString(payload) ? &into : nullptr;
}

}  // namespace

void Witness::on_published(const std::string& node, const std::string& site, bool by_controller,
                           const Publish& message, const SimStore& rows) {
  if (!court_.facts.stolen_site.empty() && site == court_.facts.stolen_site) return;
  wire::Envelope envelope;
  if (!envelope.ParseFromString(message.payload))
    return court_.trace.violation(court_.events.now(), "bounds", "not an envelope on " + message.topic);
  take_frame(Frame{node, site, by_controller, message, rows}, envelope.kind(), envelope.payload());
}

void Witness::on_published_by_second(const std::string& node, const std::string& site, const Publish& message,
                                     const SimStore& rows) {
  wire::Envelope envelope;
  if (!envelope.ParseFromString(message.payload)) return;
  Frame frame{node, site, true, message, rows};
  wire::Data data;
  wire::Welcome welcome;
  if (envelope.kind() == "welcome") {
    frame.welcome = parsed(welcome, envelope.payload());
    court_.facts.remembrance.told(welcome.ledger(), court_.events.now());
    for (auto& [name, agent] : court_.facts.agents) {
      if (welcome.proven() && agent.incarnation == welcome.incarnation()) agent.vouched = true;
    }
  } else if (envelope.kind() == "data") {
    frame.data = parsed(data, envelope.payload());
    for (const std::string& entry : data.entries()) {
      wire::Command command;
      command.ParseFromString(entry);
      if (!command.has_order()) continue;
      orders::Parts order = parts_of(command.order());
      court_.facts.handed_out[order.issue.deployment_id()].try_emplace(order.issue.generation(),
                                                                       std::move(order));
    }
  }
  all(&Invariant::on_second_frame, frame);
}

void Witness::take_frame(Frame frame, const std::string& kind, const std::string& payload) {
  wire::Data data;
  wire::Ack ack;
  wire::Hello hello;
  wire::Welcome welcome;
  if (kind == "data") {
    frame.data = parsed(data, payload);
    if (frame.by_controller) take_commands(data);
  } else if (kind == "ack") {
    frame.ack = parsed(ack, payload);
    if (frame.by_controller) {
      court_.facts.remembrance.told(ack.ledger(), court_.events.now());
      std::uint64_t& keep = court_.facts.keep_from[ack.journal_id()];
      keep = std::max<std::uint64_t>(keep, ack.keep_from());
    }
  } else if (kind == "hello") {
    frame.hello = parsed(hello, payload);
    court_.facts.remembrance.said(hello.ledger());
    court_.facts.agents[std::string(frame.node)].incarnation = hello.incarnation();
  } else if (kind == "welcome") {
    frame.welcome = parsed(welcome, payload);
    court_.facts.remembrance.told(welcome.ledger(), court_.events.now());
    for (auto& [node, agent] : court_.facts.agents) {
      if (welcome.proven() && agent.incarnation == welcome.incarnation()) agent.vouched = true;
    }
  } else if (kind == "resync") {
    court_.marks.hit("a gap was asked for again");
  }
  all(&Invariant::on_frame, frame);
}

void Witness::on_order_altered(const wire::Order& order) {
  court_.facts.altered.insert(order.SerializeAsString());
}

void Witness::take_commands(const wire::Data& data) {
  std::uint64_t seq = data.first_seq();
  for (const std::string& entry : data.entries()) {
    wire::Command command;
    command.ParseFromString(entry);
    court_.facts.commands[{data.journal_id(), seq++}] =
        command;  // a restored controller may reuse the number
    if (!command.has_order() || court_.facts.altered.contains(command.order().SerializeAsString())) continue;
    const orders::Parts order = parts_of(command.order());
    if (!court_.facts.handed_out[order.issue.deployment_id()]
             .try_emplace(order.issue.generation(), order)
             .second)
      continue;
    court_.marks.hit("an order was handed out");
    all(&Invariant::on_order, command, order);
  }
}

void Witness::on_machine(const Machine& machine) {
  const std::string& stolen = court_.facts.stolen_site;
  if (!stolen.empty() && machine.name.starts_with(stolen + "-")) return;
  const bmcsim::Host& host = machine.model->host();
  for (std::size_t& told = acts_told_[machine.name]; told < host.acts().size(); ++told)
    court_.trace.line(court_.events.now(), machine.name, host.acts()[told].what, host.acts()[told].detail);
  std::size_t& seen = installs_seen_[machine.name];
  for (; seen < host.installs().size(); ++seen) {
    const bmcsim::Install& install = host.installs()[seen];
    court_.trace.line(court_.events.now(), machine.name, "writes its disk", install.deployment);
    court_.marks.hit("a disk was written");
    const std::string node = host_of_url(host.media_url());
    all(&Invariant::on_wipe, Wipe{machine, seen, install, node.substr(node.find('.') + 1),
                                  court_.facts.launched_order(install.deployment)});
  }
  all(&Invariant::on_machine, machine);
}

void Witness::on_guarded_read(const std::string& deployment) { all(&Invariant::on_guarded_read, deployment); }

void Witness::on_call(const std::string& node, const HttpRequest& request, const SimStore& rows) {
  all(&Invariant::on_call, BmcCall{node, request, rows});
}

void Witness::on_log_line(const std::string& node, std::string_view line) {
  all(&Invariant::on_log_line, node, line);
}

void Witness::on_bad_message(const std::string& node, bool ignored) {
  all(&Invariant::on_bad_message, node, ignored);
}

void Witness::on_quarantine_cleared(const std::string& site) { all(&Invariant::on_quarantine_cleared, site); }

void Witness::on_media_reply(const Machine& machine, const SimMedia& media, int status) {
  all(&Invariant::on_media_reply, MediaReply{machine, media, status});
}

void Witness::at_quiet() { all(&Invariant::at_quiet); }

void Witness::at_end() { all(&Invariant::at_end); }

bool Witness::all_events_arrived() const {
  const Facts& facts = court_.facts;
  return std::ranges::all_of(facts.copies, [&](const JournalCopy& copy) {
    if (copy.lost) return true;
    const auto logged = facts.logged.find(copy.journal_id);
    return logged != facts.logged.end() && logged->second == copy.entries.size();
  });
}

bool Witness::all_deployments_ended() const {
  return std::ranges::none_of(court_.facts.deployments,
                              [](const auto& item) { return controller::is_open(item.second.state()); });
}

bool Witness::all_transcripts_settled() const {
  return std::ranges::none_of(court_.facts.deployments, [](const auto& item) {
    return item.second.transcript().state() == controller::transcripts::coming;
  });
}

}  // namespace metalmesh::sim
