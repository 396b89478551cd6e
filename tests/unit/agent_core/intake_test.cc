// What the agent believes of what reaches it, and what it answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/delivery/envelope_codec.h"
#include "common/ports/wire_time.h"
#include "tests/support/one_order.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

class Intake : public ::testing::Test {
 protected:
  Intake() { site_.start(); }
  wire::CommandReceipt last_receipt() const { return site_.receipts().back(); }
  TestSite site_;
};

TEST_F(Intake, TheFirstEventOpensTheJournalForThisMachine) {
  ASSERT_FALSE(site_.controller.events().empty());
  const wire::Event& first = site_.controller.events().front();
  ASSERT_TRUE(first.has_journal_opened());
  EXPECT_EQ(first.journal_opened().machine_id(), "machine-1");
  EXPECT_EQ(first.journal_opened().journal_id(), site_.controller.agent_journal());
}

TEST_F(Intake, AnOrderGetsAReceiptAndAPlaceInTheQueue) {
  site_.order(make_order(site_, 1));
  EXPECT_TRUE(last_receipt().accepted());
  EXPECT_EQ(last_receipt().command_seq(), 1U);
  ASSERT_TRUE(site_.job("d1"));
  const auto stages = site_.told(&wire::Event::has_stage);
  ASSERT_FALSE(stages.empty());
  EXPECT_EQ(stages.front().stage().stage(), wire::QUEUED);
  EXPECT_EQ(stages.front().server(), "s1");
  EXPECT_EQ(stages.front().generation(), 1U);
}

TEST_F(Intake, AnUnknownCommandIsAnsweredAndTheStreamGoesOn) {
  site_.command(wire::Command{});
  EXPECT_FALSE(last_receipt().accepted());
  EXPECT_EQ(last_receipt().refusal().code(), wire::UNSUPPORTED_COMMAND);
  site_.order(make_order(site_, 1));
  EXPECT_TRUE(last_receipt().accepted());
  EXPECT_EQ(last_receipt().command_seq(), 2U);
}

TEST_F(Intake, ALostJournalVoidsOldCommands) {
  wire::Command start;
  *start.mutable_order() = one_order(make_order(site_, 1));
  start.set_journal_id("the-journal-before");
  site_.command(start);
  EXPECT_FALSE(last_receipt().accepted());
  EXPECT_THAT(last_receipt().refusal().seen(), ::testing::HasSubstr("the-journal-before"));
  EXPECT_FALSE(site_.job("d1"));
}

TEST_F(Intake, AReplacedControllerIsRefusedOnceInTheLogAndAskedLessOften) {
  site_.controller.epoch = 4;
  site_.start();
  site_.controller.epoch = 3;
  site_.advance(std::chrono::minutes(1));
  const std::size_t before = site_.published();
  site_.advance(std::chrono::minutes(2));
  EXPECT_LE(site_.published() - before, 30U);
  const auto refusals = [&] {
    return std::ranges::count_if(site_.logged(),
                                 [](const std::string& line) { return line.contains("refused a welcome"); });
  };
  EXPECT_EQ(refusals(), 1);
  site_.controller.epoch = 2;
  site_.advance(std::chrono::minutes(1));
  EXPECT_EQ(refusals(), 2) << "that is another one";
}

TEST_F(Intake, AReplacedControllerIsNotObeyedAnyMoreNotEvenAfterARestart) {
  site_.controller.epoch = 4;
  site_.connect();
  site_.start();
  wire::Command start;
  *start.mutable_order() = one_order(make_order(site_, 1));
  start.set_controller_epoch(3);
  site_.command(start);
  EXPECT_FALSE(last_receipt().accepted());
  EXPECT_THAT(last_receipt().refusal().seen(), ::testing::HasSubstr("epoch 3"));
  EXPECT_FALSE(site_.job("d1"));
}

TEST_F(Intake, ANewControllerGetsTheFencesWhenItAsks) {
  site_.order(make_order(site_, 1, 5));
  site_.cancel(make_order(site_, 2, 9));
  wire::Command ask;
  ask.mutable_report_state()->set_request_id("restore-1");
  site_.command(ask);
  const auto reports = site_.told(&wire::Event::has_state_report);
  ASSERT_EQ(reports.size(), 1U);
  ASSERT_EQ(reports[0].state_report().fences_size(), 2);
  EXPECT_EQ(reports[0].state_report().request_id(), "restore-1");
  EXPECT_EQ(reports[0].state_report().fences(0).generation(), 5U);
  EXPECT_EQ(reports[0].state_report().fences(1).cancelled_to(), 9U);
}

TEST_F(Intake, AnIncompleteOrderIsRefusedByTheFieldItLacks) {
  const auto refused = [&](auto spoil, wire::FaultCode code, const std::string& words) {
    orders::Parts order = make_order(site_, 1);
    spoil(order);
    site_.order(order);
    EXPECT_FALSE(last_receipt().accepted()) << words;
    EXPECT_EQ(last_receipt().refusal().code(), code) << words;
    EXPECT_THAT(last_receipt().refusal().seen(), ::testing::HasSubstr(words));
    EXPECT_FALSE(site_.job("d1")) << words;
  };
  refused([](auto& o) { o.issue.set_generation(0); }, wire::ORDER_INVALID, "generation");
  refused([](auto& o) { o.agreed.mutable_bmc()->clear_address(); }, wire::ORDER_INVALID, "bmc.address");
  refused([](auto& o) { o.issue.clear_bmc_key_sha256(); }, wire::ORDER_INVALID, "bmc_key_sha256");
  refused([](auto& o) { o.agreed.mutable_install()->mutable_image()->set_sha256("../../etc"); },
          wire::ORDER_INVALID, "image.sha256");
  refused([](auto& o) { o.issue.clear_start_by(); }, wire::ORDER_INVALID, "start_by");
  refused([](auto& o) { o.issue.clear_launch_by(); }, wire::ORDER_INVALID, "launch_by");
  refused([](auto& o) { o.agreed.mutable_identity()->clear_serial(); }, wire::IDENTITY_INSUFFICIENT,
          "two are needed");
  refused([](auto& o) { o.agreed.mutable_identity()->set_serial("To be filled by O.E.M."); },
          wire::IDENTITY_INSUFFICIENT, "To be filled");
}

TEST_F(Intake, AnOrderThatIsNotWhatItsPlanSaysIsRefusedAndFencesNothing) {
  wire::Command command;
  *command.mutable_order() = one_order(make_order(site_, 1));
  orders::Parts other = make_order(site_, 1);
  other.agreed.mutable_install()->mutable_image()->set_sha256(std::string(64, 'e'));
  command.mutable_order()->set_agreed(other.agreed.SerializeAsString());
  site_.command(command);
  EXPECT_FALSE(last_receipt().accepted());
  EXPECT_EQ(last_receipt().refusal().code(), wire::ORDER_INVALID);
  EXPECT_FALSE(site_.job("d1"));
  site_.order(make_order(site_, 1));
  EXPECT_TRUE(last_receipt().accepted()) << "whose order it was, nobody knows";
}

TEST_F(Intake, AnOrderThatSaysMoreThanThisAgentKnowsIsRefused) {
  orders::Parts order = make_order(site_, 1);
  order.agreed.mutable_install()->MergeFromString("\x9a\x06\x01x");  // field 99
  site_.order(order);
  EXPECT_FALSE(last_receipt().accepted());
  EXPECT_EQ(last_receipt().refusal().code(), wire::UNSUPPORTED_COMMAND);
  EXPECT_FALSE(site_.job("d1"));
}

TEST_F(Intake, AnOrderThatCameTooLateIsRefused) {
  orders::Parts order = make_order(site_, 1);
  *order.issue.mutable_start_by() = to_wire(site_.wall() - std::chrono::minutes(1));
  site_.order(order);
  EXPECT_EQ(last_receipt().refusal().code(), wire::ORDER_EXPIRED);
}

TEST_F(Intake, TheSameOrderAgainIsAcceptedAndRunsOnce) {
  site_.order(make_order(site_, 1));
  site_.order(make_order(site_, 1));
  EXPECT_TRUE(last_receipt().accepted());
  EXPECT_EQ(
      site_.told([](const auto& e) { return e.has_stage() && e.stage().stage() == wire::QUEUED; }).size(),
      1U);
}

TEST_F(Intake, OneMachineHasOneOpenOrderWhateverItsName) {
  site_.order(make_order(site_, 1));
  orders::Parts twin = make_order(site_, 1, 2);
  twin.issue.set_deployment_id("other");
  twin.agreed.set_server("s1-under-another-name");
  twin.agreed.mutable_bmc()->set_address("10.0.0.99");
  site_.order(twin);
  EXPECT_FALSE(last_receipt().accepted());
  EXPECT_EQ(last_receipt().refusal().code(), wire::MACHINE_BUSY);
  EXPECT_THAT(last_receipt().refusal().seen(), ::testing::HasSubstr("d1"));
}

TEST_F(Intake, ARefusalStandsWhoeverRepeatsTheOrder) {
  site_.images_ready = false;
  site_.order(make_order(site_, 1, 1));
  orders::Parts second = make_order(site_, 1, 2);
  second.issue.set_deployment_id("second");
  site_.order(second);
  ASSERT_EQ(last_receipt().refusal().code(), wire::MACHINE_BUSY);
  EXPECT_TRUE(site_.job("d1")) << "what was refused does not disturb what runs";
  site_.cancel(make_order(site_, 1, 1));
  ASSERT_FALSE(site_.job("d1"));
  site_.order(second);
  EXPECT_EQ(last_receipt().refusal().code(), wire::GENERATION_FENCED);
  site_.order(make_order(site_, 1, 3));
  EXPECT_TRUE(last_receipt().accepted());
}

TEST_F(Intake, AReplayedCommandStreamDoesNotStartAnythingTwice) {
  site_.images_ready = false;
  site_.order(make_order(site_, 1, 3));
  site_.cancel(make_order(site_, 1, 3));
  ASSERT_FALSE(site_.job("d1")) << "ended and acknowledged: only the fence remembers";
  site_.controller.new_command_journal("commands-2");
  site_.connect();
  site_.order(make_order(site_, 1, 3));
  EXPECT_EQ(last_receipt().refusal().code(), wire::GENERATION_FENCED);
}

TEST_F(Intake, UnverifiedBytesChangeNothing) {
  wire::Data data;
  data.set_journal_id("commands-1");
  data.set_first_seq(1);
  wire::Command command;
  command.set_journal_id(site_.controller.agent_journal());
  *command.mutable_order() = one_order(make_order(site_, 1));
  data.add_entries(command.SerializeAsString());
  const NamedSigner stranger("stranger");
  site_.deliver(MessageArrived{"mm/1/par1/down", delivery::seal(stranger, "data", data)});
  site_.deliver(MessageArrived{"mm/1/lyo2/down", site_.controller.seal("data", data)});
  site_.deliver(MessageArrived{"mm/1/par1/down", "not an envelope"});
  EXPECT_FALSE(site_.job("d1"));
  EXPECT_TRUE(site_.receipts().empty());
}

}  // namespace
}  // namespace metalmesh::test
