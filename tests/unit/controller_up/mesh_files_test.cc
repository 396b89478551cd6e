// The files of a folder: each must be read by the program it is for, as it is written.
#include "controller/up/mesh_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/text/filler/filler.h"
#include "schemas/config/agent.pb.h"
#include "schemas/config/client.pb.h"
#include "schemas/config/controller.pb.h"

namespace metalmesh::up {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

config::Up two_sites() {
  config::Up settings;
  settings.set_api_port(9000);
  settings.set_broker_port(9001);
  for (const auto* address : {"127.0.0.1", "fd00::5"}) {
    auto* site = settings.add_sites();
    site->set_name("s" + std::to_string(settings.sites_size()));
    site->set_media_port(9001 + static_cast<std::uint32_t>(settings.sites_size()));
    site->set_media_address(address);
  }
  return settings;
}

template <class Message>
Message read(const std::string& text) {
  auto message = read_yaml<Message>(text, "test");
  EXPECT_TRUE(message) << message.error().message;
  return message.value_or(Message());
}

TEST(UpFiles, settings_come_back_as_they_were_written) {
  const auto settings = two_sites();
  EXPECT_EQ(read<config::Up>(settings_text(settings)).SerializeAsString(), settings.SerializeAsString());
}

TEST(UpFiles, every_program_reads_its_file) {
  const auto settings = two_sites();
  EXPECT_EQ(read<config::Client>(client_text(settings)).server(), "https://localhost:9000");
  const auto controller = read<config::Controller>(controller_text(settings));
  EXPECT_EQ(controller.api().listen(), "127.0.0.1:9000");
  EXPECT_EQ(controller.broker().url(), "mqtts://localhost:9001");
  const auto agent = read<config::Agent>(agent_text(settings, settings.sites(1), "/srv/my \"isos\""));
  EXPECT_EQ(agent.site(), "s2");
  EXPECT_EQ(agent.image_sources().folders(0), "/srv/my \"isos\"");
  EXPECT_EQ(agent.signing_key(), "../../pki/site-keys/s2.key");
  EXPECT_EQ(agent.media().listen(), "[::]:9003");
  EXPECT_EQ(agent.media().address(), "[fd00::5]:9003");
  EXPECT_TRUE(agent.bmc_networks(0).first_contact()) << "what runs on this machine is its owner's";
  EXPECT_EQ(agent.bmc_networks(2).cidr(), "10.0.0.0/8");
  EXPECT_FALSE(agent.bmc_networks(2).first_contact());
  const auto at_home = read<config::Agent>(agent_text(settings, settings.sites(0), ""));
  EXPECT_EQ(at_home.bmc_networks_size(), 2);
}

TEST(UpFiles, a_loopback_address_is_not_served_to_the_world) {
  config::UpSite site;
  site.set_media_port(9002);
  const std::pair<const char*, const char*> cases[] = {{"127.0.0.1", "127.0.0.1:9002"},
                                                       {"localhost", "127.0.0.1:9002"},
                                                       {"::1", "[::1]:9002"},
                                                       {"10.20.0.5", "0.0.0.0:9002"},
                                                       {"media.example", "0.0.0.0:9002"}};
  for (const auto& [address, listen] : cases) {
    site.set_media_address(address);
    EXPECT_EQ(media_listen(site), listen);
  }
}

TEST(UpFiles, the_brokers_template_is_filled_in_whole) {
  const auto text = broker_text(two_sites(), {"/data", false});
  EXPECT_THAT(text, StartsWith(std::string(generated_mark)));
  EXPECT_THAT(text, HasSubstr("\nlistener 9001 127.0.0.1\n"));
  EXPECT_THAT(text, HasSubstr("\ncafile /data/pki/ca.crt\n"));
  EXPECT_THAT(text, HasSubstr("\nacl_file /data/mosquitto.acl\n"));
  EXPECT_THAT(text, HasSubstr("\ncrlfile /data/pki/crl.pem\n"));
  EXPECT_THAT(text, Not(HasSubstr("\nuser ")));
  for (const auto* name : {"@PORT@", "@ADDRESS@", "@FAMILY@", "@PKI@", "@ACL@"})
    EXPECT_THAT(text, Not(HasSubstr(name)));
  const auto more = broker_text(two_sites(), {"/data", true});
  EXPECT_THAT(more, HasSubstr("\nuser root\n"));
}

}  // namespace
}  // namespace metalmesh::up
