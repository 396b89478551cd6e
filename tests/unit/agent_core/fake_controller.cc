#include "tests/unit/agent_core/fake_controller.h"

#include <gtest/gtest.h>

#include <utility>

#include "common/delivery/blob_transfer.h"
#include "common/delivery/envelope_codec.h"
#include "common/ports/wire_time.h"

namespace metalmesh::test {

FakeController::FakeController(std::string site) : site_(std::move(site)), receiver_("r/events", store_) {
  new_command_journal("commands-1");
}

void FakeController::new_command_journal(const std::string& id) {
  commands_.emplace("s/commands/", store_);
  Batch batch;
  commands_->create(id, batch);
  store_.commit(batch);
  commands_->on_committed();
}

std::string FakeController::seal(std::string_view kind, const google::protobuf::MessageLite& message) const {
  return delivery::seal(signer_, kind, message);
}

std::vector<std::string> FakeController::command(wire::Command command, const Now& now) {
  if (command.journal_id().empty()) command.set_journal_id(agent_journal_);
  if (command.controller_epoch() == 0) command.set_controller_epoch(epoch);
  Batch batch;
  EXPECT_TRUE(commands_->append(command.SerializeAsString(), batch).has_value());
  store_.commit(batch);
  commands_->on_committed();
  return pump(now);
}

std::vector<std::string> FakeController::pump(const Now& now) {
  std::vector<std::string> messages;
  for (const wire::Data& frame : commands_->pump(now)) messages.push_back(seal("data", frame));
  return messages;
}

wire::Welcome FakeController::welcome(const wire::Hello& hello, const Now& now) {
  wire::Welcome welcome;
  welcome.set_incarnation(hello.incarnation());
  welcome.set_nonce(hello.nonce());
  welcome.set_challenge("challenge");
  welcome.set_proven(proven && quarantine.empty());
  welcome.set_controller_epoch(epoch);
  welcome.set_journal_id(receiver_.journal_id());
  welcome.set_cursor(claimed_cursor.value_or(receiver_.cursor()));
  welcome.set_cursor_hash(receiver_.cursor_hash());
  welcome.set_command_journal(commands_->journal_id());
  welcome.set_command_next_seq(commands_->next_seq());
  if (tells_time) *welcome.mutable_clock() = to_wire(now.wall() + clock_offset);
  *welcome.mutable_clock_steps() = to_wire(clock_steps);
  welcome.set_life("life");
  *welcome.mutable_uptime() = to_wire(now.mono.time_since_epoch());
  welcome.set_quarantined(!quarantine.empty());
  welcome.set_quarantine_reason(quarantine);
  welcome.set_ledger(ledger);
  return welcome;
}

std::vector<std::string> FakeController::take(const std::string& bytes, const Now& now) {
  const auto opened = delivery::open(verifier_, site_, bytes);
  EXPECT_TRUE(opened.has_value());
  std::vector<std::string> answers;
  Batch batch;
  if (opened->kind == "hello") {
    hello_.emplace();
    EXPECT_TRUE(hello_->ParseFromString(opened->payload));
    if (hello_->journal_id() != receiver_.journal_id()) receiver_.follow(hello_->journal_id(), batch);
    agent_journal_ = hello_->journal_id();
    answers.push_back(seal("welcome", welcome(*hello_, now)));
    commands_->rewind();
  } else if (opened->kind == "data") {
    wire::Data data;
    EXPECT_TRUE(data.ParseFromString(opened->payload));
    for (const delivery::Entry& entry : receiver_.on_data(data, now, batch).entries) {
      EXPECT_TRUE(events_.emplace_back().ParseFromString(entry.bytes));
    }
    if (acks) answers.push_back(seal("ack", receiver_.ack(1)));
  } else if (opened->kind == "ack") {
    wire::Ack ack;
    EXPECT_TRUE(ack.ParseFromString(opened->payload));
    commands_->on_ack(ack, batch);
  } else if (opened->kind == "blob_want") {
    wire::BlobWant want;
    EXPECT_TRUE(want.ParseFromString(opened->payload));
    const auto blob = blobs.find(want.sha256());
    answers.push_back(
        seal("blob_chunk", delivery::answer_blob_want(want, blob == blobs.end() ? nullptr : &blob->second)));
  } else if (opened->kind == "blob_chunk") {
    EXPECT_TRUE(chunks.emplace_back().ParseFromString(opened->payload));
  } else if (opened->kind == "sample") {
    EXPECT_TRUE(samples_.emplace_back().ParseFromString(opened->payload));
  }
  store_.commit(batch);
  for (std::string& message : pump(now)) answers.push_back(std::move(message));
  return answers;
}

}  // namespace metalmesh::test
