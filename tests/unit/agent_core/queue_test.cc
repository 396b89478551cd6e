// Who runs, who waits and why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "agents/core/credential_breaker.h"
#include "common/ports/memory_rows.h"
#include "common/ports/wire_time.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

class Queue : public ::testing::Test {
 protected:
  /// Deployments whose BMC was spoken to.
  std::set<std::string> begun() const {
    std::set<std::string> names;
    for (const HttpRequest& request : site_.requests()) {
      if (request.id.starts_with("job/")) names.insert(request.id.substr(4, request.id.rfind('/') - 4));
    }
    return names;
  }
  std::vector<wire::FaultCode> held(const std::string& deployment) const {
    std::vector<wire::FaultCode> codes;
    for (const wire::Event& event : site_.told(&wire::Event::has_held)) {
      if (event.deployment_id() == deployment) codes.push_back(event.held().fault().code());
    }
    return codes;
  }
  std::optional<wire::Ended> ended(const std::string& deployment) const {
    for (const wire::Event& event : site_.told(&wire::Event::has_ended)) {
      if (event.deployment_id() == deployment) return event.ended();
    }
    return std::nullopt;
  }
  void fail_image(bool corrupt) {
    using Why = ImageFailed::Why;
    site_.deliver(
        ImageFailed{std::string(64, 'a'), corrupt ? Why::corrupt : Why::unavailable, "mirror says no"});
  }
  TestSite site_;
};

TEST_F(Queue, AJobThatGetsItsTurnHasAMediumWithItsAnswerFile) {
  site_.start();
  site_.order(make_order(site_, 1));
  EXPECT_THAT(begun(), ::testing::ElementsAre("d1"));
  const record::Job job = *site_.job("d1");
  EXPECT_EQ(job.mount_state(), wire::CLOSED);
  EXPECT_EQ(site_.mount(job.mount_token()), wire::CLOSED);
  EXPECT_EQ(job.answer(), "host s1 tell https://192.0.2.5:8443/c/" + job.callback_token() + "\n");
  EXPECT_EQ(job.attempt(), 1U);
}

TEST_F(Queue, WhereBmcsCannotDoTlsUrlsArePlain) {
  site_.settings.media_tls = false;
  site_.start();
  site_.order(make_order(site_, 1));
  const record::Job job = *site_.job("d1");
  EXPECT_EQ(job.answer(), "host s1 tell http://192.0.2.5:8443/c/" + job.callback_token() + "\n");
}

TEST_F(Queue, HostsCallWhereTheyReachUsAndCheckWhomTheyMeet) {
  site_.settings.callback_address = "10.21.0.5";
  site_.settings.media_ca = "-----the site's CA-----";
  wire::ProfileContent content;
  content.set_family("placeholder");
  content.set_template_("{{#callback}}{{url}} {{ca}}{{/callback}}{{^callback}}{{callback_url}}{{/callback}}");
  const std::string blob = content.SerializeAsString();
  site_.controller.blobs[to_hex(sha256(blob))] = blob;
  site_.start();
  const auto answer = [&](int n, wire::ProofGrade proof) {
    orders::Parts order = make_order(site_, n);
    order.agreed.mutable_install()->mutable_profile()->set_sha256(to_hex(sha256(blob)));
    order.agreed.mutable_install()->mutable_proof()->set_minimum(proof);
    site_.order(order);
    const record::Job job = *site_.job("d" + std::to_string(n));
    const std::string url = "https://10.21.0.5:8443/c/" + job.callback_token();
    return std::pair(job.answer(), url);
  };
  const auto [wanted, url] = answer(1, wire::PROOF_CALLBACK);
  EXPECT_EQ(wanted, url + " -----the site's CA-----");
  const auto [plain, other_url] = answer(2, wire::PROOF_BOOTED);
  EXPECT_EQ(plain, other_url);
}

TEST_F(Queue, NoMoreThanTheSiteAllowsRunSideBySideFirstComeFirstServed) {
  site_.settings.parallel = 2;
  site_.start();
  for (int n = 1; n <= 4; ++n) site_.order(make_order(site_, n));
  EXPECT_THAT(begun(), ::testing::ElementsAre("d1", "d2"));
  wire::Command settings;
  settings.mutable_site_settings()->set_parallel(3);
  site_.command(settings);
  EXPECT_THAT(begun(), ::testing::ElementsAre("d1", "d2", "d3"));
}

TEST_F(Queue, OneConversationPerBmc) {
  site_.start();
  site_.order(make_order(site_, 1));
  orders::Parts other = make_order(site_, 2);
  other.agreed.mutable_bmc()->set_address("10.0.0.1:443");
  site_.order(other);
  site_.order(make_order(site_, 3));
  EXPECT_THAT(begun(), ::testing::ElementsAre("d1", "d3")) << "d2 waits, d3 passes it by";
}

TEST_F(Queue, JobsWaitForTheirTime) {
  site_.start();
  orders::Parts order = make_order(site_, 1);
  *order.issue.mutable_not_before() = to_wire(site_.wall() + std::chrono::hours(1));
  site_.order(order);
  site_.advance(std::chrono::minutes(59));
  EXPECT_TRUE(begun().empty());
  site_.advance(std::chrono::minutes(2));
  EXPECT_EQ(begun().size(), 1U);
}

TEST_F(Queue, AJobWhoseTimePassedWhileItWaitedEndsUntouched) {
  site_.images_ready = false;
  site_.start();
  site_.order(make_order(site_, 1));
  fail_image(false);
  EXPECT_THAT(held("d1"), ::testing::ElementsAre(wire::IMAGE_UNAVAILABLE));
  site_.advance(std::chrono::hours(5));
  ASSERT_TRUE(ended("d1"));
  EXPECT_EQ(ended("d1")->outcome(), wire::Ended::FAILED);
  EXPECT_EQ(ended("d1")->fault().code(), wire::ORDER_EXPIRED);
  EXPECT_THAT(ended("d1")->fault().seen(), ::testing::HasSubstr("IMAGE_UNAVAILABLE"));
  EXPECT_EQ(ended("d1")->disk(), wire::DISK_UNTOUCHED);
}

TEST_F(Queue, WhatAnEarlierAttemptLeftIsCleanedUpBeforeAnExpiredJobEnds) {
  const std::string slot = "/redfish/v1/Managers/1/VirtualMedia/Cd";
  record::Job job = armed_job(make_order(site_, 1), 1);
  job.set_stage(wire::QUEUED);
  job.set_armed(false);
  job.set_attempt(2);
  job.set_inserted_slot(slot);
  site_.plant(job);
  site_.bmcs["10.0.0.1"] = {};
  site_.images_ready = false;
  site_.start();
  EXPECT_TRUE(begun().empty());
  site_.advance(std::chrono::hours(5));
  ASSERT_TRUE(ended("d1"));
  EXPECT_EQ(ended("d1")->outcome(), wire::Ended::FAILED);
  EXPECT_EQ(ended("d1")->fault().code(), wire::ORDER_EXPIRED);
  EXPECT_EQ(ended("d1")->disk(), wire::DISK_UNTOUCHED);
  EXPECT_TRUE(ended("d1")->debts().empty());
  EXPECT_THAT(site_.requests(),
              ::testing::Contains(::testing::Field(&HttpRequest::url, ::testing::EndsWith(slot))));
}

TEST_F(Queue, OneFetchServesAllAndIsRepeatedAfterAFailure) {
  site_.images_ready = false;
  site_.start();
  site_.order(make_order(site_, 1));
  site_.order(make_order(site_, 2));
  const auto fetches = [&] { return std::ranges::count(site_.left(), "image"); };
  EXPECT_EQ(fetches(), 1);
  fail_image(false);
  EXPECT_EQ(fetches(), 1);
  site_.images_ready = true;
  site_.advance(std::chrono::minutes(1));
  EXPECT_EQ(fetches(), 2);
  EXPECT_EQ(begun().size(), 2U);
  EXPECT_EQ(site_.told([](const auto& e) { return e.has_image() && e.image().ready(); }).size(), 1U);
}

TEST_F(Queue, AnImageWithAnotherDigestEndsTheJob) {
  site_.images_ready = false;
  site_.start();
  site_.order(make_order(site_, 1));
  fail_image(true);
  ASSERT_TRUE(ended("d1"));
  EXPECT_EQ(ended("d1")->fault().code(), wire::IMAGE_CORRUPT);
}

TEST_F(Queue, AProfileThatTheControllerLacksIsToldAndAwaited) {
  auto blobs = std::exchange(site_.controller.blobs, {});
  site_.start();
  site_.order(make_order(site_, 1));
  EXPECT_THAT(held("d1"), ::testing::ElementsAre(wire::PROFILE_UNAVAILABLE));
  EXPECT_EQ(site_.job("d1")->stage(), wire::PREPARING);
  site_.controller.blobs = std::move(blobs);
  site_.advance(std::chrono::minutes(2));
  EXPECT_EQ(begun().size(), 1U);
}

TEST_F(Queue, ATemplateThatCannotBeFilledEndsTheJobBeforeItsBmcIsTouched) {
  wire::ProfileContent content;
  content.set_family("placeholder");
  content.set_template_("{{nobody_gave_this}}");
  const std::string blob = content.SerializeAsString();
  site_.controller.blobs[to_hex(sha256(blob))] = blob;
  site_.start();
  orders::Parts order = make_order(site_, 1);
  order.agreed.mutable_install()->mutable_profile()->set_sha256(to_hex(sha256(blob)));
  site_.order(order);
  ASSERT_TRUE(ended("d1"));
  EXPECT_EQ(ended("d1")->fault().code(), wire::TEMPLATE_FAILED);
  EXPECT_THAT(ended("d1")->fault().seen(), ::testing::HasSubstr("nobody_gave_this"));
  EXPECT_TRUE(begun().empty());
}

TEST_F(Queue, AFamilyThatTheSiteDoesNotKnowEndsTheJobBeforeItsBmcIsTouched) {
  wire::ProfileContent content;
  content.set_family("placeholdr");
  const std::string blob = content.SerializeAsString();
  site_.controller.blobs[to_hex(sha256(blob))] = blob;
  site_.start();
  orders::Parts order = make_order(site_, 1);
  order.agreed.mutable_install()->mutable_profile()->set_sha256(to_hex(sha256(blob)));
  site_.order(order);
  ASSERT_TRUE(ended("d1"));
  EXPECT_EQ(ended("d1")->fault().code(), wire::IMAGE_UNSUITABLE);
  EXPECT_THAT(ended("d1")->fault().seen(), ::testing::HasSubstr("did you mean \"placeholder\"?"));
  EXPECT_TRUE(begun().empty());
}

TEST_F(Queue, AFamilyThatIsNotThePlannedOneEndsTheJobBeforeItsBmcIsTouched) {
  site_.start();
  const auto known = site_.told(&wire::Event::has_families);
  ASSERT_EQ(known.size(), 1U);
  orders::Parts order = make_order(site_, 1);
  *order.agreed.mutable_install()->mutable_family() = known[0].families().families(0);
  site_.order(order);
  EXPECT_FALSE(ended("d1")) << "it is as it was planned";
  orders::Parts later = make_order(site_, 2);
  later.agreed.mutable_install()->mutable_family()->set_name("placeholder");
  later.agreed.mutable_install()->mutable_family()->set_sha256(std::string(64, '0'));
  site_.order(later);
  ASSERT_TRUE(ended("d2"));
  EXPECT_EQ(ended("d2")->fault().code(), wire::TEMPLATE_FAILED);
  EXPECT_THAT(ended("d2")->fault().seen(), ::testing::HasSubstr("not what the order was planned with"));
  EXPECT_EQ(begun().size(), 1U);
}

TEST_F(Queue, AFamilysChangesReachTheMedium) {
  config::OsFamily family;
  family.set_name("mine");
  config::AnswerFile& file = *family.add_files();
  file.set_path("/answer");
  file.set_format("verbatim");
  file.set_template_("host {{hostname}} at {{host.network.primary.ipv4.address}}");
  file.set_main(true);
  for (auto allow : {&config::Abilities::set_links_by_name, &config::Abilities::set_links_by_mac})
    (family.mutable_can()->*allow)(true);
  ASSERT_TRUE(site_.settings.families.add(family));
  wire::ProfileContent content;
  content.set_family("mine");
  const std::string blob = content.SerializeAsString();
  site_.controller.blobs[to_hex(sha256(blob))] = blob;
  site_.start();
  orders::Parts order = make_order(site_, 1);
  order.agreed.mutable_install()->mutable_profile()->set_sha256(to_hex(sha256(blob)));
  wire::Link& link = *order.agreed.mutable_install()->mutable_host()->mutable_network()->add_links();
  link.set_name("eno1");
  link.add_addresses("10.21.0.60/24");
  site_.order(order);
  const auto job = site_.job("d1");
  ASSERT_TRUE(job);
  ASSERT_EQ(job->changes_size(), 1);
  EXPECT_EQ(job->changes(0).path(), "/answer");
  EXPECT_THAT(job->changes(0).content(), ::testing::EndsWith(" at 10.21.0.60"));
  const auto sent = site_.sent_to_media();
  const auto mount =
      std::ranges::find_if(sent, [](const wire::MediaCommand& command) { return command.has_mount(); });
  ASSERT_NE(mount, sent.end());
  EXPECT_EQ(mount->mount().changes_size(), 1);
}

TEST_F(Queue, BelowTheDiskReserveNothingNewStarts) {
  site_.start();
  site_.deliver(DiskLevel{true, 1});
  site_.order(make_order(site_, 1));
  EXPECT_TRUE(site_.receipts().back().accepted());
  EXPECT_THAT(held(""), ::testing::ElementsAre(wire::DISK_LOW)) << "for all who wait";
  EXPECT_TRUE(begun().empty());
  site_.order(make_order(site_, 2));
  EXPECT_THAT(held("d2"), ::testing::ElementsAre(wire::DISK_LOW)) << "who comes later hears it, too";
  site_.deliver(DiskLevel{false, 1ULL << 30});
  EXPECT_EQ(begun().size(), 2U);
}

TEST_F(Queue, NothingStartsBeforeTheMediaServerIsUp) {
  site_.start_alone();
  site_.connect();
  site_.order(make_order(site_, 1));
  EXPECT_TRUE(begun().empty());
  wire::MediaEvent up;
  up.mutable_up()->set_address("192.0.2.5:8443");
  site_.media(up);
  EXPECT_EQ(begun().size(), 1U);
}

TEST_F(Queue, ThreeRefusedLoginsHoldTheOtherJobsUntilTheCredentialIsSetAnew) {
  site_.images_ready = false;
  site_.start();
  site_.deliver(CredentialsChanged{{{"bmc", "v1"}}});
  for (int n = 1; n <= 5; ++n) site_.bmcs["10.0.0." + std::to_string(n)].refuses_login = true;
  for (int n = 1; n <= 5; ++n) site_.order(make_order(site_, n));
  fail_image(false);
  site_.images_ready = true;
  site_.advance(std::chrono::minutes(5));
  EXPECT_EQ(begun().size(), 3U) << "no account sees more than the limit";
  for (const char* deployment : {"d1", "d2", "d3"}) {
    ASSERT_TRUE(ended(deployment)) << deployment;
    EXPECT_EQ(ended(deployment)->fault().code(), wire::BMC_LOGIN_REFUSED);
  }
  int logins = 0;
  for (const auto& [address, bmc] : site_.bmcs) logins += bmc.logins;
  EXPECT_EQ(logins, 3) << "a refused login is not tried again";
  const auto holds = site_.told(&wire::Event::has_credential_held);
  ASSERT_EQ(holds.size(), 1U);
  EXPECT_EQ(holds[0].credential_held().refusals(), 3U);
  EXPECT_EQ(holds[0].credential_held().jobs_held(), 2U);
  EXPECT_THAT(holds[0].credential_held().bmcs(), ::testing::ElementsAre("10.0.0.1", "10.0.0.2", "10.0.0.3"));
  EXPECT_EQ(held("d4").back(), wire::BMC_LOGIN_REFUSED);

  site_.start();  // a restart forgets nothing
  site_.deliver(CredentialsChanged{{{"bmc", "v1"}}});
  EXPECT_EQ(begun().size(), 3U);
  for (auto& [address, bmc] : site_.bmcs) bmc.refuses_login = false;
  site_.deliver(CredentialsChanged{{{"bmc", "v2"}}});
  EXPECT_EQ(begun().size(), 5U) << "held jobs go on by themselves";
  EXPECT_EQ(site_.told(&wire::Event::has_credential_released).size(), 1U);
}

TEST_F(Queue, APasswordThatWasGoodAMomentAgoIsTrustedNoFurther) {
  site_.images_ready = false;
  site_.start();
  for (int n = 1; n <= 6; ++n) site_.bmcs["10.0.0." + std::to_string(n)];
  wire::Command inspect;
  inspect.mutable_inspect_server()->set_request_id("i1");
  inspect.mutable_inspect_server()->set_server("s1");
  *inspect.mutable_inspect_server()->mutable_bmc() = make_order(site_, 1).agreed.bmc();
  site_.command(inspect);
  EXPECT_EQ(site_.bmcs["10.0.0.1"].logins, 1);
  for (auto& [address, bmc] : site_.bmcs) bmc.refuses_login = true;
  for (int n = 1; n <= 6; ++n) site_.order(make_order(site_, n));
  fail_image(false);
  site_.images_ready = true;
  site_.advance(std::chrono::minutes(5));
  int logins = -1;
  for (const auto& [address, bmc] : site_.bmcs) logins += bmc.logins;
  EXPECT_EQ(logins, 3);
}

TEST_F(Queue, DeadBmcsDoNotStandInTheWayOfLiveOnes) {
  site_.settings.parallel = 100;
  site_.start();
  for (int n = 1; n <= 3; ++n) site_.order(make_order(site_, n));  // nobody answers
  site_.order(make_order(site_, 4));
  EXPECT_EQ(begun().count("d4"), 0U);
  site_.advance(std::chrono::seconds(11));
  EXPECT_EQ(begun().count("d4"), 1U);
}

TEST_F(Queue, AJobWithoutItsCredentialIsHeldUntilItIsThere) {
  site_.start();
  site_.deliver(CredentialsChanged{{{"other", "v1"}}});
  site_.order(make_order(site_, 1));
  EXPECT_THAT(held("d1"), ::testing::ElementsAre(wire::CREDENTIAL_MISSING));
  site_.deliver(CredentialsChanged{{{"other", "v1"}, {"bmc", "v1"}}});
  EXPECT_EQ(begun().size(), 1U);
}

TEST_F(Queue, ACredentialThatWasMissedIsToldOnceItIsThere) {
  site_.start();
  site_.deliver(CredentialsChanged{});
  wire::Command inspect;
  inspect.mutable_inspect_server()->set_request_id("i1");
  inspect.mutable_inspect_server()->set_server("s1");
  *inspect.mutable_inspect_server()->mutable_bmc() = make_order(site_, 1).agreed.bmc();
  site_.command(inspect);
  const auto inspected = site_.told(&wire::Event::has_inspected);
  ASSERT_EQ(inspected.size(), 1U) << "somebody waits for the answer";
  EXPECT_EQ(inspected.front().inspected().fault().code(), wire::CREDENTIAL_MISSING);
  site_.deliver(CredentialsChanged{{{"bmc", "v1"}, {"other", "v1"}}});
  site_.deliver(CredentialsChanged{{{"bmc", "v2"}, {"other", "v1"}}});
  const auto released = site_.told(&wire::Event::has_credential_released);
  ASSERT_EQ(released.size(), 1U);
  EXPECT_EQ(released.front().credential_released().credential(), "bmc");
}

}  // namespace
}  // namespace metalmesh::test
