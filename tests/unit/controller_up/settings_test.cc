// What a folder's mesh looks like, from what it remembers and what was typed.
#include "controller/up/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metalmesh::up {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::uint16_t no_free_port() {
  ADD_FAILURE() << "nobody asked for free ports";
  return 0;
}

config::Up settled(const config::Up& before, const Choices& choices,
                   const std::function<std::uint16_t()>& free_port = no_free_port) {
  auto settings = settle(before, choices, free_port);
  EXPECT_TRUE(settings) << settings.error().message;
  return settings.value_or(config::Up());
}

std::vector<std::uint32_t> ports_of(const config::Up& settings) {
  std::vector<std::uint32_t> out = {settings.api_port(), settings.broker_port()};
  for (const auto& site : settings.sites()) out.push_back(site.media_port());
  return out;
}

std::vector<std::string> sites_of(const config::Up& settings) {
  std::vector<std::string> out;
  for (const auto& site : settings.sites()) out.push_back(site.name() + "=" + site.media_address());
  return out;
}

TEST(UpSettings, a_first_start_without_options_has_one_site_that_only_this_machine_reaches) {
  const auto settings = settled({}, {});
  EXPECT_THAT(sites_of(settings), ElementsAre("local=127.0.0.1"));
  EXPECT_THAT(ports_of(settings), ElementsAre(8443, 8444, 8445));
}

TEST(UpSettings, a_later_start_without_options_changes_nothing) {
  const auto before = settled({}, {.sites = {{"par1", "10.20.0.5"}}, .media_address = {}, .port = 9000});
  EXPECT_EQ(settled(before, {}).SerializeAsString(), before.SerializeAsString());
}

TEST(UpSettings, a_site_is_added_behind_those_that_are_there) {
  const auto before = settled({}, {.sites = {{"par1", {}}}, .media_address = {}, .port = 9000});
  const auto after =
      settled(before, {.sites = {{"ams1", {}}, {"par1", {}}}, .media_address = {}, .port = {}});
  EXPECT_THAT(sites_of(after), ElementsAre("par1=127.0.0.1", "ams1=127.0.0.1"));
  EXPECT_THAT(ports_of(after), ElementsAre(9000, 9001, 9002, 9003));
}

TEST(UpSettings, an_address_of_its_own_wins_over_the_one_for_all) {
  const auto before = settled({}, {.sites = {{"par1", {}}, {"ams1", {}}}, .media_address = {}, .port = {}});
  const auto after =
      settled(before, {.sites = {{"ams1", "10.30.0.5"}}, .media_address = "10.20.0.5", .port = {}});
  EXPECT_THAT(sites_of(after), ElementsAre("par1=10.20.0.5", "ams1=10.30.0.5"));
  EXPECT_THAT(moved_sites(before, after), ElementsAre("par1", "ams1"));
  EXPECT_THAT(moved_sites(after, after), IsEmpty());
  EXPECT_THAT(moved_sites({}, after), IsEmpty());
}

TEST(UpSettings, a_new_port_moves_everything) {
  const auto before = settled({}, {.sites = {{"par1", {}}}, .media_address = {}, .port = {}});
  EXPECT_THAT(ports_of(settled(before, {.sites = {}, .media_address = {}, .port = 9000})),
              ElementsAre(9000, 9001, 9002));
}

TEST(UpSettings, free_ports_stay_as_they_were_found_and_new_sites_get_free_ones) {
  std::uint16_t next = 40000;
  const auto free_port = [&] { return next += 7; };
  const auto before =
      settled({}, {.sites = {{"par1", {}}}, .media_address = {}, .port = std::uint16_t{0}}, free_port);
  EXPECT_THAT(ports_of(before), ElementsAre(40007, 40014, 40021));
  EXPECT_THAT(ports_of(settled(before, {})), ElementsAre(40007, 40014, 40021));
  EXPECT_THAT(
      ports_of(settled(before, {.sites = {{"ams1", {}}}, .media_address = {}, .port = {}}, free_port)),
      ElementsAre(40007, 40014, 40021, 40028));
}

TEST(UpSettings, ports_end_at_65535) {
  EXPECT_TRUE(settle({}, {.sites = {}, .media_address = {}, .port = 65533}, no_free_port));
  const auto refused = settle({}, {.sites = {}, .media_address = {}, .port = 65534}, no_free_port);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("--port 65534"));
}

TEST(UpSettings, addresses_are_hosts_without_a_port) {
  for (const auto* good : {"par1=10.20.0.5", "par1=media.par1.example", "par1=fd00::5", "par1"})
    EXPECT_TRUE(parse_site(good)) << good;
  for (const auto* bad :
       {"par1=", "=10.0.0.1", "par1=10.20.0.5:8445", "par1=https://x", "par1=a b", "par1=\"x\""})
    EXPECT_FALSE(parse_site(bad)) << bad;
  EXPECT_FALSE(settle({}, {.sites = {}, .media_address = "x/y", .port = {}}, no_free_port));
}

TEST(UpSettings, an_address_of_numbers_is_a_real_one) {
  for (const char* wrong :
       {"par1=999.1.1.1", "par1=1.2.3", "par1=1.2.3.4.5", "par1=10.0.0.0256", "par1=1..2.3"})
    EXPECT_FALSE(parse_site(wrong)) << wrong;
  for (const char* right : {"par1=10.20.0.5", "par1=fd00::5", "par1=mm1.example.net", "par1=4host"})
    EXPECT_TRUE(parse_site(right)) << right;
}

TEST(UpSettings, too_many_sites_are_refused) {
  Choices choices;
  for (int i = 0; i < 65; ++i) choices.sites.push_back({"s" + std::to_string(i), {}});
  const auto refused = settle({}, choices, no_free_port);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("machine of their own"));
}

}  // namespace
}  // namespace metalmesh::up
