// Housekeeping does what is there to be done and nothing else, once, whatever crashes; and takes no medium that may be read.
#include "agents/care/certificates.h"
#include "tests/unit/care/care_world.h"

namespace metalmesh::care {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char ours[] = "https://192.0.2.5:8443/m/0123456789abcdef0123456789abcdef.iso";
constexpr char rescue[] = "https://elsewhere.example/rescue.iso";

struct Deeds : testing::Test {
  CareWorld world;

  void expect_done() {
    EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << world.ended().ShortDebugString();
    EXPECT_EQ(world.ended().disk(), wire::DISK_UNTOUCHED);
    EXPECT_EQ(world.bmc.own_sessions(), 0U);
    EXPECT_THAT(world.ended().debts(), IsEmpty());
  }
  void expect_refused(wire::FaultCode code) {
    EXPECT_EQ(world.ended().outcome(), wire::Ended::FAILED) << world.ended().ShortDebugString();
    EXPECT_EQ(world.ended().fault().code(), code);
    EXPECT_THAT(world.changes, IsEmpty());
    EXPECT_EQ(world.bmc.own_sessions(), 0U);
  }
};

TEST_F(Deeds, ClearsWhatWaitsInTheQueues) {
  world.bmc.set_fault("job_scheduled");
  world.order(wire::Housekeeping::CLEAR_JOBS);
  ASSERT_TRUE(world.run());
  expect_done();
  EXPECT_THAT(world.changes, ElementsAre("DELETE /redfish/v1/JobService/Jobs/JID_0042"));
  EXPECT_THAT(world.ended().evidence(), ElementsAre("job JID_0042"));
}

TEST_F(Deeds, DoesNothingWhereThereIsNothingToDo) {
  for (const auto deed :
       {wire::Housekeeping::CLEAR_JOBS, wire::Housekeeping::END_SESSIONS, wire::Housekeeping::EJECT}) {
    CareWorld idle;
    idle.order(deed);
    ASSERT_TRUE(idle.run());
    EXPECT_EQ(idle.ended().outcome(), wire::Ended::SUCCEEDED) << idle.ended().ShortDebugString();
    EXPECT_THAT(idle.changes, IsEmpty());
    EXPECT_THAT(idle.ended().evidence(), ElementsAre("there was nothing to do"));
  }
}

TEST_F(Deeds, EndsSessionsOfOurAccountThatNobodyUses) {
  world.bmc.set_fault("sessions_left_open");
  world.bmc.occupy_sessions(1);
  world.order(wire::Housekeeping::END_SESSIONS);
  ASSERT_TRUE(world.run());
  expect_done();
  EXPECT_EQ(world.changes.size(), 6U);
  EXPECT_EQ(world.bmc.sessions(), 1U) << "a stranger's stays";
}

TEST_F(Deeds, StopsWhenItIsCalledBack) {
  world.bmc.set_fault("sessions_left_open");
  world.order(wire::Housekeeping::END_SESSIONS);
  world.before_change = [&] { world.give(work::CancelAsked{}); };
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::CANCELLED) << world.ended().ShortDebugString();
  EXPECT_EQ(world.changes.size(), 1U) << "what was under way";
  EXPECT_EQ(world.bmc.own_sessions(), 0U);
}

TEST_F(Deeds, SetsTheClockToTheSitesTime) {
  world.bmc.set_fault("clock_2019");
  world.order(wire::Housekeeping::SET_CLOCK);
  ASSERT_TRUE(world.run());
  expect_done();
  EXPECT_THAT(world.changes, ElementsAre("PATCH /redfish/v1/Managers/1"));
}

TEST_F(Deeds, LoadsTheSitesCaIntoSlotsThatVerifyByCertificatesOfTheirOwn) {
  const std::string certificates = "/redfish/v1/Systems/1/VirtualMedia/Cd/Certificates";
  for (const int crash : {0, 1}) {
    CareWorld site;
    site.bmc.set_fault("media_verified_by_nothing");
    site.order(wire::Housekeeping::TRUST_CA);
    site.crash_at_change = crash;
    ASSERT_TRUE(site.run());
    EXPECT_EQ(site.ended().outcome(), wire::Ended::SUCCEEDED) << site.ended().ShortDebugString();
    EXPECT_THAT(site.changes, ElementsAre("POST " + certificates)) << "what is there is not loaded again";
    EXPECT_EQ(site.bmc.own_sessions(), 0U);
  }
}

TEST_F(Deeds, LoadsEachCertificateOfAFileThatHasSeveral) {
  world.bmc.set_fault("media_verified_by_nothing");
  world.media_ca += "-----BEGIN CERTIFICATE-----\nTUlJT3RoZXI=\n-----END CERTIFICATE-----\n";
  world.order(wire::Housekeeping::TRUST_CA);
  ASSERT_TRUE(world.run());
  expect_done();
  EXPECT_EQ(world.changes.size(), 2U);
}

TEST_F(Deeds, SaysWhereThereIsNoPlaceForACa) {
  world.order(wire::Housekeeping::TRUST_CA);
  ASSERT_TRUE(world.run());
  expect_refused(wire::NOT_OFFERED);
  EXPECT_THAT(world.ended().fault().seen(), HasSubstr("no slot of it names certificates"));
  EXPECT_THAT(world.ended().fault().next(), HasSubstr("web page"));
  CareWorld plain;
  plain.media_ca.clear();
  plain.bmc.set_fault("media_verified_by_nothing");
  plain.order(wire::Housekeeping::TRUST_CA);
  ASSERT_TRUE(plain.run());
  EXPECT_THAT(plain.ended().fault().seen(), HasSubstr("without TLS"));
  EXPECT_THAT(plain.changes, IsEmpty());
}

TEST(Certificates, AreTheSameHoweverTheirLinesAreBroken) {
  const std::string pem = "-----BEGIN CERTIFICATE-----\nQUJD\nREVG\n-----END CERTIFICATE-----\n";
  EXPECT_TRUE(same_certificate(pem, "-----BEGIN CERTIFICATE-----\r\nQUJDREVG\r\n-----END CERTIFICATE-----"));
  EXPECT_FALSE(same_certificate(pem, "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"));
  EXPECT_FALSE(same_certificate("", ""));
  EXPECT_THAT(certificates_in("words\n" + pem + pem), ElementsAre(pem, pem));
}

TEST_F(Deeds, SurvivesACrashAtItsCallWhetherTheBmcDidItOrNot) {
  for (const bool executed : {true, false}) {
    CareWorld crashed;
    crashed.bmc.set_fault("job_scheduled");
    crashed.order(wire::Housekeeping::CLEAR_JOBS);
    crashed.crash_at_change = 1;
    crashed.executed = executed;
    ASSERT_TRUE(crashed.run());
    EXPECT_EQ(crashed.ended().outcome(), wire::Ended::SUCCEEDED) << crashed.ended().ShortDebugString();
    EXPECT_EQ(crashed.changes.size(), executed ? 1U : 2U);
    EXPECT_EQ(crashed.bmc.own_sessions(), 0U);
  }
}

TEST_F(Deeds, TakesOutWhatIsOursFromAHostThatIsOff) {
  world.bmc.insert_foreign(ours, world.now.mono);
  world.order(wire::Housekeeping::EJECT);
  ASSERT_TRUE(world.run());
  expect_done();
  EXPECT_EQ(world.changes.size(), 1U);
}

TEST_F(Deeds, TakesNobodysMediumUnlessToldTo) {
  world.bmc.insert_foreign(rescue, world.now.mono);
  world.order(wire::Housekeeping::EJECT);
  ASSERT_TRUE(world.run());
  expect_done();
  EXPECT_THAT(world.changes, IsEmpty());
  CareWorld told;
  told.bmc.insert_foreign(rescue, told.now.mono);
  told.order(wire::Housekeeping::EJECT, true);
  ASSERT_TRUE(told.run());
  EXPECT_EQ(told.ended().outcome(), wire::Ended::SUCCEEDED) << told.ended().ShortDebugString();
  EXPECT_EQ(told.changes.size(), 1U);
}

TEST_F(Deeds, TakesNoMediumFromAHostThatIsOnWhoeverAsks) {
  for (const bool all : {false, true}) {
    CareWorld running(true);
    running.bmc.insert_foreign(ours, running.now.mono);
    running.order(wire::Housekeeping::EJECT, all);
    ASSERT_TRUE(running.run());
    EXPECT_EQ(running.ended().fault().code(), wire::POWERED_ON) << running.ended().ShortDebugString();
    EXPECT_THAT(running.ended().fault().next(), HasSubstr("metalmesh server clean r01-u12"));
    EXPECT_THAT(running.changes, IsEmpty());
  }
}

TEST_F(Deeds, TellsABmcThatDoesNotDoIt) {
  using Rule = bmcsim::FaultRule;
  world.bmc.insert_foreign(ours, world.now.mono);
  world.bmc.add_fault({.op = bmcsim::Op::eject,
                       .when = Rule::When::before,
                       .action = Rule::Action::status,
                       .status = 204,
                       .times = 100});
  world.order(wire::Housekeeping::EJECT);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().fault().code(), wire::NOT_OFFERED) << world.ended().ShortDebugString();
}

TEST_F(Deeds, DoesNothingToAnotherMachine) {
  for (const char* fault : {"job_scheduled", "identity_other"}) world.bmc.set_fault(fault);
  world.order(wire::Housekeeping::CLEAR_JOBS);
  ASSERT_TRUE(world.run());
  expect_refused(wire::IDENTITY_MISMATCH);
}

}  // namespace
}  // namespace metalmesh::care
