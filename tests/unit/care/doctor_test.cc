// A doctor names what stands in the way: each planted fault by the check that is meant for it, by the code that an order would
// end with, and with a next step; and nothing else.
#include "tests/unit/care/care_world.h"

namespace metalmesh::care {
namespace {

using testing::HasSubstr;

struct Planted {
  std::string_view name;
  std::string_view check;  // that must be the only one to find something
  wire::FaultCode code = wire::FAULT_CODE_UNSPECIFIED;
  std::string_view next = {};   // is in the next step
  std::string_view found = {};  // is in what was found
  std::vector<std::string_view> faults = {};
  void (*plant)(CareWorld&) = nullptr;
};
void PrintTo(const Planted& one, std::ostream* out) { *out << one.name; }

Planted fails(std::string_view name, std::string_view check, wire::FaultCode code, std::string_view next,
              void (*plant)(CareWorld&)) {
  return {.name = name, .check = check, .code = code, .next = next, .plant = plant};
}

std::vector<Planted> planted_faults() {
  return {
      fails("name_unknown", "dns", wire::BMC_UNREACHABLE, "address",
            [](CareWorld& w) { w.every_request = HttpFailure::name_unknown; }),
      fails("nobody_listens", "tcp", wire::BMC_UNREACHABLE, "cable",
            [](CareWorld& w) { w.every_request = HttpFailure::refused; }),
      fails("silent", "tcp", wire::BMC_UNREACHABLE, "cable",
            [](CareWorld& w) { w.every_request = HttpFailure::timed_out; }),
      fails("old_tls", "tls", wire::BMC_TLS_REFUSED, "TLS",
            [](CareWorld& w) { w.every_request = HttpFailure::tls_refused; }),
      fails("other_key", "tls", wire::BMC_KEY_CHANGED, "metalmesh server accept r01-u12",
            [](CareWorld& w) { w.every_request = HttpFailure::key_changed; }),
      fails("no_credential", "login", wire::CREDENTIAL_MISSING, "metalmesh-agent credential set bmc",
            [](CareWorld& w) { w.every_request = HttpFailure::no_credential; }),
      fails("no_descriptor", "tcp", wire::AGENT_EXHAUSTED, "LimitNOFILE",
            [](CareWorld& w) { w.every_request = HttpFailure::local; }),
      {"wrong_password",
       "login",
       wire::BMC_LOGIN_REFUSED,
       "metalmesh-agent credential set bmc",
       {},
       {"password_changed"}},
      fails("credential_held", "login", wire::BMC_LOGIN_REFUSED, "metalmesh-agent credential set bmc",
            [](CareWorld& w) {
              w.gate.no_login.emplace().set_code(wire::BMC_LOGIN_REFUSED);
              w.gate.no_login->set_seen("three BMCs refused it");
            }),
      {"another_machine",
       "identity",
       wire::IDENTITY_MISMATCH,
       "metalmesh server reidentify r01-u12",
       "ELSEWHERE1",
       {"identity_other"}},
      fails("known_by_one_thing", "identity", wire::IDENTITY_INSUFFICIENT, "metalmesh server accept r01-u12",
            [](CareWorld& w) { w.job.mutable_agreed()->mutable_identity()->clear_uuid(); }),
      {"account_read_only",
       "privileges",
       wire::FAULT_CODE_UNSPECIFIED,
       "raise it on the BMC",
       "ReadOnly",
       {"account_read_only"}},
      {"licence_standard",
       "licence",
       wire::LICENCE_MISSING,
       "metalmesh doctor server r01-u12",
       "iLO Standard",
       {"licence_standard"}},
      {"licence_ended",
       "licence",
       wire::LICENCE_MISSING,
       "install the BMC's licence",
       "2020",
       {"licence_ended"}},
      fails("no_slot", "slot", wire::NO_VIRTUAL_MEDIA, "enable virtual media",
            [](CareWorld& w) { w.bmc.options().has_virtual_media = false; }),
      {"media_switched_off",
       "slot",
       wire::NO_VIRTUAL_MEDIA,
       "switch them on",
       "switched off",
       {"media_switched_off"}},
      {.name = "foreign_medium",
       .check = "medium",
       .code = wire::FOREIGN_MEDIA,
       .next = "metalmesh bmc eject r01-u12 --all",
       .found = "rescue.iso",
       .plant =
           [](CareWorld& w) { w.bmc.insert_foreign("https://elsewhere.example/rescue.iso", w.now.mono); }},
      {.name = "medium_of_ours",
       .check = "medium",
       .next = "metalmesh bmc eject r01-u12",
       .plant =
           [](CareWorld& w) {
             w.bmc.insert_foreign("https://192.0.2.5:8443/m/0123456789abcdef0123456789abcdef.iso",
                                  w.now.mono);
           }},
      {"media_by_http_only",
       "transport",
       wire::INSERT_REFUSED,
       "media.plainHttp",
       "http only",
       {"media_by_http_only"}},
      {"media_by_shares_only",
       "transport",
       wire::INSERT_REFUSED,
       "firmware",
       "nfs, cifs",
       {"media_by_shares_only"}},
      {"media_verified_by_nothing",
       "certificate",
       wire::MEDIA_TLS_REFUSED,
       "metalmesh bmc trust-ca r01-u12",
       "no certificate",
       {"media_verified_by_nothing"}},
      {.name = "media_beyond_no_gateway",
       .check = "media-address",
       .code = wire::MEDIA_NOT_REACHED,
       .next = "gateway",
       .found = "192.0.2.7/24",
       .faults = {"bmc_without_gateway"},
       .plant = [](CareWorld& w) { w.media_base = "https://198.51.100.5:8443"; }},
      {.name = "media_by_a_name",
       .check = "media-address",
       .code = wire::MEDIA_NOT_REACHED,
       .next = "metalmesh apply",
       .found = "no name server",
       .faults = {"bmc_without_name_server"},
       .plant = [](CareWorld& w) { w.media_base = "https://media.par1.example:8443"; }},
      {.name = "media_at_loopback",
       .check = "media-address",
       .code = wire::MEDIA_NOT_REACHED,
       .next = "metalmesh apply",
       .found = "127.0.0.1",
       .plant = [](CareWorld& w) { w.media_base = "https://127.0.0.1:8443"; }},
      {.name = "no_media_server",
       .check = "media-address",
       .code = wire::MEDIA_NOT_REACHED,
       .next = "metalmesh-agent media",
       .plant = [](CareWorld& w) { w.media_base.clear(); }},
      {"sessions_left_open",
       "sessions",
       wire::BMC_SESSIONS_FULL,
       "metalmesh bmc end-sessions r01-u12",
       "6 of them",
       {"sessions_left_open"}},
      {"job_scheduled",
       "jobs",
       wire::FAULT_CODE_UNSPECIFIED,
       "metalmesh bmc clear-jobs r01-u12",
       "JID_0042",
       {"job_scheduled"}},
      {"settings_locked",
       "lockdown",
       wire::BOOT_OVERRIDE_REFUSED,
       "lift the lockdown",
       "locked",
       {"settings_locked"}},
      {"clock_2019",
       "clock",
       wire::MEDIA_TLS_REFUSED,
       "metalmesh bmc set-clock r01-u12",
       "2019-01-01",
       {"clock_2019"}},
      {"starts_from_no_cd", "boot", wire::BOOT_OVERRIDE_REFUSED, "boot order", "Pxe", {"starts_from_no_cd"}},
  };
}

class DoctorFinds : public testing::TestWithParam<Planted> {};

TEST_P(DoctorFinds, the_right_cause_and_no_other) {
  const Planted& planted = GetParam();
  CareWorld world;
  for (const std::string_view fault : planted.faults) ASSERT_TRUE(world.bmc.set_fault(fault)) << fault;
  if (planted.plant != nullptr) planted.plant(world);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.ended().outcome(), wire::Ended::SUCCEEDED) << "to find something is no failure";
  EXPECT_EQ(world.wrong(), planted.check) << world.ended().ShortDebugString();
  const wire::Finding* finding = world.finding(planted.check);
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->code(), planted.code) << finding->ShortDebugString();
  EXPECT_THAT(finding->next(), HasSubstr(std::string(planted.next)));
  EXPECT_THAT(finding->found(), HasSubstr(std::string(planted.found)));
  EXPECT_FALSE(finding->wanted().empty());
  EXPECT_EQ(world.bmc.own_sessions(), 0U);
  EXPECT_TRUE(world.changes.empty());
}

INSTANTIATE_TEST_SUITE_P(Planted, DoctorFinds, testing::ValuesIn(planted_faults()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Doctor, FindsNothingAtABmcAsTheStandardHasIt) {
  CareWorld world;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.wrong(), "") << world.ended().ShortDebugString();
  EXPECT_EQ(world.ended().power(), "Off");
  EXPECT_EQ(world.bmc.own_sessions(), 0U);
}

TEST(Doctor, AsksAMachineThatNobodyHasAccepted) {
  CareWorld world;
  world.job.mutable_agreed()->clear_identity();
  world.job.mutable_issue()->clear_bmc_key_sha256();
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.wrong(), "");
}

TEST(Doctor, SaysNothingOfAClockThatItCannotJudge) {
  CareWorld world;
  world.bmc.set_fault("clock_2019");
  world.now.wall_high += 1h;
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.finding("clock")->verdict(), wire::Finding::UNTOLD);
}

TEST(Doctor, TakesWhatAJobThatIsAtWorkHasPutThereForNoFault) {
  CareWorld world;
  world.beside = "d-17";
  world.bmc.insert_foreign("https://192.0.2.5:8443/m/0123456789abcdef0123456789abcdef.iso", world.now.mono);
  world.bmc.set_fault("job_scheduled");
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.wrong(), "") << world.ended().ShortDebugString();
  EXPECT_THAT(world.finding("medium")->found(), HasSubstr("d-17"));
  EXPECT_EQ(world.finding("jobs")->verdict(), wire::Finding::UNTOLD);
  EXPECT_THAT(world.finding("jobs")->next(), HasSubstr("d-17"));
}

TEST(Doctor, FindsSeveralThingsAtOnceAndReadsOnPastAStranger) {
  CareWorld world;
  for (const char* fault : {"identity_other", "clock_2019", "job_scheduled"}) world.bmc.set_fault(fault);
  ASSERT_TRUE(world.run());
  EXPECT_EQ(world.wrong(), "identity jobs clock");
}

}  // namespace
}  // namespace metalmesh::care
