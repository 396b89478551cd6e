// An installer shows the machine it runs on, and gets one go.
#include "agents/core/machine_shown.h"

#include <gmock/gmock.h>

#include "common/base/digest.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using ::testing::HasSubstr;

const std::string asker(64, 'a');
constexpr char uuid[] = "4c4c4544-0042-3510-8051-333333333331";

wire::Identity ordered(const std::string& id, const std::string& serial, const std::string& mac) {
  wire::Identity identity;
  identity.set_uuid(id);
  identity.set_serial(serial);
  if (!mac.empty()) identity.add_macs(mac);
  return identity;
}

bool goes(const wire::Identity& order, const std::string& lines) {
  const auto shown = agent::parse_machine_shown(lines + "asker=" + asker + "\n");
  EXPECT_TRUE(shown) << lines;
  return shown && !agent::why_another_machine(order, *shown);
}

TEST(MachineShown, TwoOfUuidSerialAndCardsMustBeAsOrderedAndTheUuidNoOther) {
  const wire::Identity order = ordered(uuid, "SER-1", "aa:bb:cc:00:00:01");
  const std::string same = "uuid=" + std::string(uuid) + "\n", serial = "serial=SER-1\n",
                    mac = "mac=AA:BB:CC:00:00:01\n";
  EXPECT_TRUE(goes(order, same + serial + mac));
  EXPECT_TRUE(goes(order, same + "serial=BOARD\nserial=SER-1\n")) << "of the board, or of the chassis";
  EXPECT_TRUE(goes(order, same + "serial=other\n" + mac)) << "Redfish and SMBIOS may mean different parts";
  EXPECT_TRUE(goes(order, "uuid=44454c4c-4200-1035-8051-333333333331\n" + serial)) << "its bytes turned";
  EXPECT_TRUE(goes(order, "uuid=00000000-0000-0000-0000-000000000000\n" + serial + mac))
      << "a placeholder is none";
  EXPECT_TRUE(goes(order, same + serial + "mac=aa:bb:cc:00:00:02\n")) << "no driver for that card";
  EXPECT_FALSE(goes(order, "uuid=4c4c4544-0042-3510-8051-333333333339\n" + serial + mac)) << "another UUID";
  EXPECT_FALSE(goes(order, same + "serial=other\nmac=aa:bb:cc:00:00:02\n")) << "a copied UUID alone";
  EXPECT_FALSE(goes(order, "")) << "nothing is shown";
  EXPECT_TRUE(goes(ordered(uuid, "", ""), same + serial)) << "all that both know";
}

TEST(MachineShown, WordsOfOthersAreNone) {
  EXPECT_FALSE(agent::parse_machine_shown(""));
  EXPECT_FALSE(agent::parse_machine_shown("uuid=x\n")) << "no asker";
  EXPECT_FALSE(agent::parse_machine_shown("hello"));
  EXPECT_FALSE(agent::parse_machine_shown("asker=xyz\n"));
  const auto shown = agent::parse_machine_shown("later=1\ncalls=yes\nasker=" + asker);
  ASSERT_TRUE(shown);
  EXPECT_TRUE(shown->calls);
}

class InstallerAsks : public ::testing::Test {
 protected:
  InstallerAsks() {
    orders::Parts order = make_order(site_, 1);
    order.agreed.mutable_install()->set_check(wire::CHECK_REQUIRED);
    record::Job job = armed_job(order, 1);
    job.set_stage(wire::WATCH);
    job.set_launched(true);
    job.set_mount_state(wire::LAUNCHED);
    job.set_check_token("check1");
    site_.plant(job);
    site_.start();
  }
  wire::InstallerAnswer ask(const std::string& body) {
    wire::MediaEvent event;
    event.mutable_asked()->set_token("token1");
    event.mutable_asked()->set_peer("10.9.9.9");
    event.mutable_asked()->set_body(body);
    site_.media(event);
    const auto sent = site_.sent_to_media();
    for (auto it = sent.rbegin(); it != sent.rend(); ++it)
      if (it->has_answer() && it->answer().body_sha256() == to_hex(sha256(body))) return it->answer();
    ADD_FAILURE() << "no answer";
    return {};
  }
  std::size_t notes(const std::string& text) {
    return site_.told([&](const wire::Event& e) { return e.stage().note().find(text) != std::string::npos; })
        .size();
  }
  TestSite site_;
  const std::string right_ =
      "uuid=" + std::string(uuid) + "\nserial=SERIAL-1\ncalls=yes\nasker=" + asker + "\n";
};

TEST_F(InstallerAsks, OneGetsItsGoAndHoweverOftenItAsksTheSame) {
  EXPECT_FALSE(ask("nonsense").go());
  EXPECT_TRUE(ask(right_).go());
  EXPECT_TRUE(ask(right_).go()) << "its answer may have been lost";
  EXPECT_EQ(notes("got its go"), 1U);
  EXPECT_EQ(site_.job("d1")->caller_key_sha256(), asker);
  const std::string thief = right_.substr(0, right_.size() - 2) + "b\n";
  EXPECT_FALSE(ask(thief).go());
  EXPECT_FALSE(ask(thief).go());
  EXPECT_EQ(notes("10.9.9.9 asked for the go"), 1U) << "told once";
  EXPECT_FALSE(site_.job("d1")->has_fault());
  bool bound = false;
  for (const auto& command : site_.sent_to_media())
    bound =
        bound || (command.mount().caller_key_sha256() == asker && command.mount().check_token() == "check1");
  EXPECT_TRUE(bound) << "the callback is to show the key";
}

TEST_F(InstallerAsks, AnotherMachineIsToldToStopAndTheOrderEndsByThat) {
  const std::string wrong =
      "uuid=4c4c4544-0042-3510-8051-333333333339\nserial=SERIAL-9\nasker=" + asker + "\n";
  const auto answer = ask(wrong);
  EXPECT_FALSE(answer.go());
  EXPECT_THAT(answer.reason(), HasSubstr("SERIAL-9"));
  EXPECT_THAT(answer.reason(), HasSubstr("SERIAL-1"));
  EXPECT_FALSE(ask(right_).go()) << "who was judged was judged";
  EXPECT_EQ(site_.job("d1")->check_refusal(), answer.reason());
}

}  // namespace
}  // namespace metalmesh::test
