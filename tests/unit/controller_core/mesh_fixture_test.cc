// The fixture's body (part of this test program), and one test that it stands.
#include "tests/unit/controller_core/mesh_fixture.h"

#include <fmt/format.h>

namespace metalmesh::testing {

void Mesh::release(Outcome out) {
  const bool rows = !out.rows.empty();
  store.commit(out.rows);
  std::vector<Publish> messages;
  for (Effect& effect : out.effects) {
    if (auto* publish = std::get_if<Publish>(&effect)) messages.push_back(std::move(*publish));
  }
  if (rows) {
    Outcome after = core->handle(Committed{}, now);
    EXPECT_TRUE(after.rows.empty());
    for (Effect& effect : after.effects) {
      if (auto* publish = std::get_if<Publish>(&effect)) messages.push_back(std::move(*publish));
    }
  }
  for (Publish& message : messages) {
    published.push_back(message);
    for (auto& [name, agent] : agents) {
      if (message.topic == topics::down(SiteName(name))) agent->take(message.payload);
    }
  }
}

void Mesh::run_for(Duration time) {
  for (Duration gone{}; gone < time; gone += std::chrono::seconds(1)) {
    pass(std::chrono::seconds(1));
    give(TimerFired{"controller/tick"});
    for (auto& [name, agent] : agents) agent->hello();
  }
}

rest::Site Mesh::site(const std::string& name) {
  rest::Site site;
  site.mutable_metadata()->set_name(name);
  return site;
}

rest::Credential Mesh::credential(const std::string& name) {
  rest::Credential credential;
  credential.mutable_metadata()->set_name(name);
  return credential;
}

rest::Server Mesh::server_object(const std::string& name, const std::string& site, int number) {
  const wire::Inspected seen = bmc_report(number);
  rest::Server server;
  server.mutable_metadata()->set_name(name);
  auto& spec = *server.mutable_spec();
  spec.set_site(site);
  spec.set_state("new");
  spec.mutable_bmc()->set_address(fmt::format("10.0.{}.{}", number / 200, number % 200 + 1));
  spec.mutable_bmc()->set_credential("bmc");
  spec.mutable_identity()->set_serial(seen.identity().serial());
  spec.mutable_identity()->set_uuid(seen.identity().uuid());
  return server;
}

rest::Image Mesh::image(const std::string& name) {
  rest::Image image;
  image.mutable_metadata()->set_name(name);
  image.mutable_spec()->set_family("rhel");
  image.mutable_spec()->mutable_iso()->add_urls("https://mirror.example/" + name + ".iso");
  image.mutable_spec()->mutable_iso()->set_sha256(std::string(64, '1'));
  image.mutable_spec()->mutable_iso()->set_size(1000);
  return image;
}

rest::Profile Mesh::profile(const std::string& name) {
  rest::Profile profile;
  profile.mutable_metadata()->set_name(name);
  profile.mutable_spec()->set_family("rhel");
  profile.mutable_spec()->mutable_template_()->set_inline_("hostname {{hostname}}");
  return profile;
}

rest::Rollout Mesh::rollout_object(const std::string& name) {
  rest::Rollout rollout;
  rollout.mutable_metadata()->set_name(name);
  rollout.mutable_spec()->set_image("rocky");
  rollout.mutable_spec()->set_profile("base");
  rollout.mutable_spec()->mutable_select()->add_sites("*");
  return rollout;
}

Puppet& Mesh::bring_up(const std::string& site_name) {
  apply(site(site_name));
  if (!state().credentials.contains("bmc")) {
    apply(credential("bmc"));
    apply(image("rocky"));
    apply(profile("base"));
  }
  auto& agent = *(agents[site_name] = std::make_unique<Puppet>(*this, site_name, "journal-" + site_name));
  run_for(std::chrono::seconds(5));
  return agent;
}

void Mesh::add_ready(const std::string& name, Puppet& agent, int number) {
  agent.bmcs[name] = bmc_report(number);
  agent.bmcs[name].set_bmc_key_sha256(agent.key);
  apply(server_object(name, agent.name, number));
  agent.answer_inspections();
  EXPECT_EQ(server(name).status().phase(), "ready") << server(name).ShortDebugString();
}

void Mesh::start_rollout(rest::Rollout object) {
  const std::string name = object.metadata().name();
  apply(std::move(object));
  must(PlanRollout{name});
  const rest::Plan plan = rollout(name).status().plan();
  must(StartRollout{name, plan.digest(), static_cast<std::uint32_t>(plan.servers_size())});
}

std::string Mesh::excluded(const std::string& server_name) {
  apply(rollout_object("look"));
  must(PlanRollout{"look"});
  for (const auto& out : rollout("look").status().plan().excluded()) {
    if (out.name() == server_name) return out.reason();
  }
  return {};
}

wire::Inspected bmc_report(int number) {
  wire::Inspected seen;
  seen.mutable_identity()->set_uuid(fmt::format("4c4c4544-0042-4a10-8052-{:012x}", number + 1));
  seen.mutable_identity()->set_serial(fmt::format("CZ2D4F{:04}", number));
  seen.mutable_identity()->add_macs(fmt::format("b4:7a:f1:00:{:02x}:{:02x}", number / 256, number % 256));
  seen.set_manufacturer("Acme");
  seen.set_model("R1");
  seen.set_power("Off");
  seen.set_bmc_key_sha256(std::string(64, 'a'));
  seen.set_virtual_media(true);
  return seen;
}

Puppet::Puppet(Mesh& mesh, std::string name_in, std::string journal_in)
    : name(std::move(name_in)), journal(std::move(journal_in)), mesh_(mesh) {
  restart("life-1-" + journal);
}

void Puppet::restart(const std::string& incarnation) {
  presence = std::make_unique<delivery::AgentPresence>(incarnation, std::chrono::seconds(2));
  up = std::make_unique<delivery::StreamSender>("s/", store);
  down = std::make_unique<delivery::StreamReceiver>("r", store);
  if (!up->exists()) {
    Batch batch;
    up->create(journal, batch);
    store.commit(batch);
    up->on_committed();
  }
}

void Puppet::publish(const std::string& kind, const google::protobuf::MessageLite& message) {
  if (cut) return;
  mesh_.give(MessageArrived{topics::up(SiteName(name)), delivery::seal(NameSigner(name), kind, message)});
}

void Puppet::hello() {
  if (cut) return;
  wire::Hello hello = presence->hello(mesh_.now, mesh_.entropy);
  hello.MergeFrom(about_controllers);
  hello.set_journal_id(up->journal_id());
  hello.set_next_seq(up->next_seq());
  hello.set_head_hash(up->head_hash());
  hello.set_command_journal(down->journal_id());
  hello.set_cursor(down->cursor());
  hello.set_cursor_hash(down->cursor_hash());
  hello.set_controller_epoch(epoch);
  hello.set_acked(up->acked());
  hello.set_ledger(ledger);
  hello.set_version("1.2.3");
  publish("hello", hello);
  pump();
}

void Puppet::pump() {
  for (const wire::Data& data : up->pump(mesh_.now)) {
    sent.push_back(data);
    publish("data", data);
  }
}

void Puppet::report(wire::Event event) {
  Batch batch;
  ASSERT_TRUE(up->append(event.SerializeAsString(), batch).has_value());
  store.commit(batch);
  up->on_committed();
  pump();
}

void Puppet::take(const std::string& payload) {
  if (cut) return;
  const auto opened = delivery::open(mesh_.verifier, "controller", payload);
  ASSERT_TRUE(opened.has_value());
  Batch batch;
  if (opened->kind == "welcome") {
    wire::Welcome got;
    ASSERT_TRUE(got.ParseFromString(opened->payload));
    presence->on_welcome(got, mesh_.now);
    epoch = std::max(epoch, got.controller_epoch());
    if (got.journal_id() == up->journal_id() && !got.command_journal().empty() &&
        got.command_journal() != down->journal_id() && got.controller_epoch() >= epoch) {
      down->follow(got.command_journal(), batch);
    }
    welcome = got;
    ledger = got.ledger();
  } else if (opened->kind == "data") {
    wire::Data data;
    ASSERT_TRUE(data.ParseFromString(opened->payload));
    const auto taken = down->on_data(data, mesh_.now, batch);
    for (const auto& entry : taken.entries) {
      wire::Command command;
      ASSERT_TRUE(command.ParseFromString(entry.bytes));
      commands.push_back(command);
    }
    store.commit(batch);
    batch.clear();
    if (!down->journal_id().empty()) publish("ack", down->ack(1));
    if (taken.resync) publish("resync", *taken.resync);
  } else if (opened->kind == "ack") {
    wire::Ack ack;
    ASSERT_TRUE(ack.ParseFromString(opened->payload));
    up->on_ack(ack, batch);
    ledger = ack.ledger();
  } else if (opened->kind == "blob_want") {
    wire::BlobWant want;
    ASSERT_TRUE(want.ParseFromString(opened->payload));
    wants.push_back(want);
    const auto blob = blobs.find(want.sha256());
    if (answers_wants)
      publish("blob_chunk", delivery::answer_blob_want(want, blob == blobs.end() ? nullptr : &blob->second));
  } else if (opened->kind == "resync") {
    wire::Resync resync;
    ASSERT_TRUE(resync.ParseFromString(opened->payload));
    if (up->on_resync(resync) == delivery::StreamSender::ResyncResult::trimmed) {
      wire::Trimmed trimmed;
      trimmed.set_journal_id(up->journal_id());
      trimmed.set_first_kept(up->first_kept());
      trimmed.set_base_hash(up->base_hash());
      publish("trimmed", trimmed);
    }
    pump();
  }
  store.commit(batch);
}

std::optional<orders::Parts> Puppet::last_order(const std::string& server) const {
  for (auto it = commands.rbegin(); it != commands.rend(); ++it) {
    if (!it->has_order()) continue;
    auto parts = orders::open(it->order());
    EXPECT_TRUE(parts) << "an agent would refuse it";
    if (parts && parts->agreed.server() == server) return std::move(*parts);
  }
  return std::nullopt;
}

const wire::CancelOrder* Puppet::last_cancel(const std::string& server) const {
  for (auto it = commands.rbegin(); it != commands.rend(); ++it) {
    if (it->has_cancel_order() && it->cancel_order().server() == server) return &it->cancel_order();
  }
  return nullptr;
}

int Puppet::orders() const {
  int count = 0;
  for (const auto& command : commands) count += command.has_order() ? 1 : 0;
  return count;
}

void Puppet::answer_inspections() {
  for (; inspections_seen_ < commands.size(); ++inspections_seen_) {
    if (!commands[inspections_seen_].has_inspect_server()) continue;
    const wire::InspectServer asked = commands[inspections_seen_].inspect_server();
    wire::Event event;
    event.set_server(asked.server());
    *event.mutable_inspected() = bmcs[asked.server()];
    event.mutable_inspected()->set_request_id(asked.request_id());
    report(event);
  }
}

wire::Event Puppet::about(const std::string& server) const {
  wire::Event event;
  event.set_server(server);
  if (const auto order = last_order(server)) {
    event.set_deployment_id(order->issue.deployment_id());
    event.set_generation(order->issue.generation());
  } else {
    ADD_FAILURE() << "no order for " << server;
  }
  return event;
}

void Puppet::accept(const std::string& server) {
  wire::Event event = about(server);
  event.mutable_receipt()->set_accepted(true);
  report(event);
}

void Puppet::launch(const std::string& server) {
  wire::Event event = about(server);
  event.mutable_launched();
  report(event);
}

void Puppet::end(const std::string& server, wire::Ended::Outcome outcome, wire::DiskState disk,
                 wire::FaultCode code) {
  wire::Event event = about(server);
  event.mutable_ended()->set_outcome(outcome);
  event.mutable_ended()->set_disk(disk);
  event.mutable_ended()->set_proof(wire::PROOF_BOOTED);
  event.mutable_ended()->add_evidence("powered off by itself");
  if (code != wire::FAULT_CODE_UNSPECIFIED) {
    event.mutable_ended()->mutable_fault()->set_code(code);
    event.mutable_ended()->mutable_fault()->set_disk(disk);
  }
  report(event);
}

void Puppet::succeed(const std::string& server) {
  accept(server);
  launch(server);
  end(server, wire::Ended::SUCCEEDED);
}

void Puppet::stage(const std::string& server, wire::Stage what) {
  wire::Event event = about(server);
  event.mutable_stage()->set_stage(what);
  report(event);
}

void Puppet::answer_cancel(const std::string& server, wire::CancelAnswer::Answer what) {
  wire::Event event = about(server);
  event.mutable_cancel()->set_answer(what);
  report(event);
}

TEST(MeshFixture, AnAgentIsWelcomedAndProven) {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  EXPECT_TRUE(agent.presence->proven());
  EXPECT_TRUE(mesh.state().sites.at("par1").status().connected());
  EXPECT_EQ(mesh.state().sites.at("par1").status().agent_version(), "1.2.3");
  EXPECT_EQ(agent.commands.size(), 1U);  // the site's settings
  EXPECT_EQ(agent.commands.front().site_settings().parallel(), 10U);
}

}  // namespace metalmesh::testing
