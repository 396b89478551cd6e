#include "tests/sim/site_thief.h"

#include <algorithm>

#include "common/base/digest.h"
#include "common/delivery/envelope_codec.h"
#include "common/delivery/topics.h"
#include "controller/state/deployment_states.h"
#include "schemas/wire/envelope.pb.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr char client[] = "thief";
constexpr std::string_view impossible = "a thief told numbers that no loss explains";
constexpr std::string_view losses = "a thief claimed that the controller was put back";
constexpr std::string_view gaps = "a thief told of events that are gone";
constexpr std::string_view for_others = "a thief told what became of another site's order";
constexpr std::string_view his_own = "a thief told ends of his site's orders";
constexpr std::string_view floods = "a thief told more than his share";
constexpr std::string_view babbles = "a thief sent what is no message, or of any content";
constexpr std::string_view after = "a thief spoke after his site was revoked";
constexpr std::string_view thief_classes[] = {impossible, losses, gaps,    for_others,
                                              his_own,    floods, babbles, after};

}  // namespace

std::span<const std::string_view> SiteThief::classes() { return thief_classes; }

void SiteThief::begin() {
  mesh_.bus.attach(
      client, topics::down(SiteName(site_)), [this](const Input& input) { hear(input); },
      [](const MessageArrived&) {});
  mesh_.bus.connect(client);
  speak();
}

void SiteThief::hear(const Input& input) {
  const auto* message = std::get_if<MessageArrived>(&input);
  wire::Envelope envelope;
  if (message == nullptr || !envelope.ParseFromString(message->payload)) return;
  wire::Ack ack;
  if (envelope.kind() == "welcome" && heard_.ParseFromString(envelope.payload())) {
    last_ = heard_.cursor();
    last_hash_ = heard_.cursor_hash();
  } else if (envelope.kind() == "ack" && ack.ParseFromString(envelope.payload()) &&
             ack.journal_id() == heard_.journal_id()) {
    last_ = ack.up_to();
    last_hash_ = ack.head_hash();
  } else if (envelope.kind() == "data") {
    take_commands(envelope.payload());
  }
}

/// He follows what his site is told, as its agent would.
void SiteThief::take_commands(const std::string& payload) {
  wire::Data data;
  if (!data.ParseFromString(payload)) return;
  command_ = data.first_seq() - 1;
  command_hash_ = data.prev_hash();
  for (const std::string& entry : data.entries()) {
    ++command_;
    command_hash_ = sha256(command_hash_, entry);
  }
}

void SiteThief::send(std::string_view kind, const google::protobuf::MessageLite& message) {
  if (revoked_) mark(after);
  mesh_.bus.publish(client,
                    {topics::up(SiteName(site_)), delivery::seal(mesh_.keys().signer(site_), kind, message)});
}

void SiteThief::speak() {
  mesh_.events.after(500ms + random_.below(4000) * 1ms, [this] {
    if (mesh_.healed()) return mesh_.bus.disconnect(client);
    send("hello", hello());
    if (random_.chance(700)) lie();
    speak();
  });
}

/// As the true agent would say it.
wire::Hello SiteThief::hello() {
  wire::Hello hello;
  hello.set_incarnation("thief");
  hello.set_nonce(noise(16));
  hello.set_echo(heard_.challenge());
  hello.set_journal_id(heard_.journal_id());
  hello.set_next_seq(last_ + 1);
  hello.set_head_hash(last_hash_);
  hello.set_acked(last_);
  hello.set_command_journal(heard_.command_journal());
  hello.set_cursor(command_);
  hello.set_cursor_hash(command_hash_);
  hello.set_controller_epoch(heard_.controller_epoch());
  hello.set_controller_instance(heard_.instance());
  hello.set_ledger(heard_.ledger());
  return hello;
}

std::string SiteThief::noise(std::size_t most) {
  std::string text(1 + random_.below(most), 'x');
  for (char& c : text) c = static_cast<char>('a' + random_.below(26));
  return text;
}

void SiteThief::lie() {
  switch (random_.below(claims_losses_ ? 7 : 6)) {
    case 0:
      return tell_impossible_numbers();
    case 1:
      return claims_losses_ ? tell_of_gaps() : tell_impossible_numbers();
    case 2:
    case 3:
      return tell_for_others();
    case 4:
      if (random_.chance(500)) return tell_of_his_own();
      mark(floods);
      return flood(8);
    case 5:
      return babble();
    default:
      return tell_of_losses();
  }
}

void SiteThief::tell(const wire::Event& event) {
  wire::Data data;
  data.set_journal_id(heard_.journal_id());
  data.set_first_seq(last_ + 1);
  data.set_prev_hash(last_hash_);
  data.add_entries(event.SerializeAsString());
  send("data", data);
  last_hash_ = sha256(last_hash_, data.entries(0));
  ++last_;
}

void SiteThief::tell_impossible_numbers() {
  mark(impossible);
  wire::Hello lie = hello();
  constexpr std::uint64_t huge = UINT64_MAX - 1;
  switch (random_.below(4)) {
    case 0:
      lie.set_controller_epoch(random_.chance(500) ? huge : lie.controller_epoch() + 2000);
      break;
    case 1:
      lie.set_cursor(huge);
      break;
    case 2:
      lie.set_acked(huge);
      break;
    default: {
      wire::Trimmed trimmed;
      trimmed.set_journal_id(heard_.journal_id());
      trimmed.set_first_kept(huge);
      trimmed.set_base_hash(std::string(32, 'h'));
      return send("trimmed", trimmed);
    }
  }
  send("hello", lie);
}

void SiteThief::tell_of_losses() {
  mark(losses);
  mesh_.witness.court().facts.thief_claims_losses = true;
  wire::Hello lie = hello();
  switch (random_.below(4)) {
    case 0:
      lie.set_controller_epoch(lie.controller_epoch() + 1 + random_.below(900));
      break;
    case 1:
      lie.set_command_journal(noise(32));
      break;
    case 2:
      lie.set_acked(lie.acked() + 10);
      break;
    default:
      lie.set_other_instance(noise(16));
  }
  send("hello", lie);
}

void SiteThief::tell_of_gaps() {
  mark(gaps);
  mesh_.witness.court().facts.thief_claims_losses = true;  // what it held of that is asked anew
  wire::Trimmed trimmed;
  trimmed.set_journal_id(heard_.journal_id());
  trimmed.set_first_kept(last_ + 2 + random_.below(1000));
  trimmed.set_base_hash(std::string(32, 'h'));
  send("trimmed", trimmed);
}

void SiteThief::tell_for_others() {
  std::vector<const rest::Deployment*> others;
  for (const auto& [id, one] : mesh_.witness.facts().deployments)
    if (one.site() != site_ && controller::is_open(one.state())) others.push_back(&one);
  wire::Event event;
  if (others.empty()) return;
  const rest::Deployment& one = *others[random_.below(others.size())];
  event.set_deployment_id(one.id());
  event.set_server(one.server());
  event.set_generation(random_.chance(800) ? one.generation() : one.generation() + random_.below(1000));
  event.set_work("install");
  constexpr wire::Ended::Outcome ends[] = {wire::Ended::FAILED, wire::Ended::CANCELLED,
                                           wire::Ended::SUCCEEDED, wire::Ended::INDETERMINATE};
  switch (random_.below(5)) {
    case 0:
      event.mutable_ended()->set_outcome(ends[random_.below(std::size(ends))]);
      event.mutable_ended()->set_disk(wire::DISK_UNTOUCHED);
      break;
    case 1:
      event.mutable_receipt()->mutable_refusal()->set_code(wire::ORDER_INVALID);
      break;
    case 2:
      event.mutable_cancel()->set_answer(wire::CancelAnswer::NOT_RUNNING);
      break;
    case 3:
      event.mutable_store_damaged()->set_deployment_id(one.id());
      break;
    default:
      event.clear_deployment_id();
      event.mutable_inspected()->mutable_identity()->set_uuid("11111111-2222-4333-8444-555555555555");
      event.mutable_inspected()->mutable_identity()->set_serial("STOLEN");
  }
  mark(for_others);
  tell(event);
}

void SiteThief::tell_of_his_own() {
  for (const auto& [id, said] : mesh_.witness.facts().said) {
    if (said.site != site_ || !random_.chance(300)) continue;
    wire::Event event;
    event.set_deployment_id(id);
    event.set_server(said.server);
    const auto handed = mesh_.witness.facts().handed_out.find(id);
    event.set_generation(handed == mesh_.witness.facts().handed_out.end() ? 1
                                                                          : handed->second.begin()->first);
    event.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
    event.mutable_ended()->set_disk(wire::DISK_NEW_SYSTEM);
    event.mutable_ended()->add_evidence(noise(200));
    mark(his_own);
    return tell(event);
  }
}

void SiteThief::flood(unsigned frames) {
  if (frames == 0 || mesh_.healed()) return;
  wire::Data data;
  data.set_journal_id(heard_.journal_id());
  data.set_first_seq(last_ + 1);
  data.set_prev_hash(last_hash_);
  for (int i = 0; i < 3; ++i) {
    wire::Event event;
    event.mutable_image()->set_sha256(noise(64));
    event.mutable_image()->mutable_fault()->set_detail(noise(12'000));
    data.add_entries(event.SerializeAsString());
  }
  send("data", data);
  // By then its acknowledgement has come, if it was taken.
  mesh_.events.after(300ms, [this, frames] { flood(frames - 1); });
}

void SiteThief::babble() {
  mark(babbles);
  wire::Hello odd = hello();
  wire::Ack ack;
  switch (random_.below(6)) {
    case 0:
      odd.set_command_journal(std::string(20'000, 'j'));
      return send("hello", odd);
    case 1:
      odd.set_incarnation(std::string(20'000, 'i'));
      return send("hello", odd);
    case 2:
      odd.set_version(std::string(63, 'v') + "\xc3\xa9" + noise(1000));
      return send("hello", odd);
    case 3:
      ack.set_journal_id(heard_.command_journal());
      ack.set_up_to(random_.next());
      ack.set_keep_from(random_.next());
      return send("ack", ack);
    case 4: {
      wire::BlobWant want;
      want.set_sha256(noise(64));
      want.set_offset(random_.next());
      return send("blob_want", want);
    }
    default:
      return send(random_.chance(500) ? "data" : "unheard_of", odd);
  }
}

}  // namespace metalmesh::sim
