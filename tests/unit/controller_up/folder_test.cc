// The folder of a mesh: whose it is, what is kept and what is made anew; and who holds a port.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/os/files.h"
#include "controller/up/mesh_files.h"
#include "controller/up/mesh_folder.h"
#include "controller/up/ports.h"
#include "controller/up/settings.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::up {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr WallTime now{std::chrono::hours(24 * 365 * 56)};

class MeshFolderTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return folder_ / "mesh"; }
  std::string text(const std::string& name) const { return os::read_file(path() / name).value_or(""); }

  /// A start with these choices; what it answers.
  std::vector<std::string> start(const Choices& choices) {
    auto folder = MeshFolder::open(path());
    EXPECT_TRUE(folder) << folder.error().message;
    const auto before = folder->settings();
    EXPECT_TRUE(before) << before.error().message;
    const auto settings = settle(*before, choices, [] { return std::uint16_t{0}; });
    EXPECT_TRUE(settings) << settings.error().message;
    auto kept = folder->write(*before, *settings, now);
    EXPECT_TRUE(kept) << kept.error().message;
    return kept.value_or(std::vector<std::string>());
  }

  TemporaryFolder folder_;
};

TEST_F(MeshFolderTest, is_for_its_owner_and_for_one_process) {
  auto first = MeshFolder::open(path());
  ASSERT_TRUE(first) << first.error().message;
  struct stat info{};
  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  const auto second = MeshFolder::open(path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::conflict);
  EXPECT_THAT(second.error().message, HasSubstr("pid " + std::to_string(getpid())));
}

TEST_F(MeshFolderTest, refuses_a_folder_with_something_else) {
  ASSERT_TRUE(os::write_file(folder_ / "letter.txt", "dear", 0644));
  const auto refused = MeshFolder::open(folder_.path());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("was not made by metalmesh up"));
}

TEST_F(MeshFolderTest, a_second_start_keeps_keys_and_certificates) {
  EXPECT_THAT(start({.sites = {{"par1", {}}}, .media_address = {}, .port = {}}), IsEmpty());
  const std::vector<std::string> names = {"pki/ca.crt", "pki/par1.crt", "pki/site-keys/par1.key",
                                          "pki/tokens", "up.yaml",      "sites/par1/agent.yaml"};
  std::vector<std::string> first, second;
  for (const auto& name : names) first.push_back(text(name));
  start({});
  for (const auto& name : names) second.push_back(text(name));
  EXPECT_EQ(first, second);
  EXPECT_THAT(first, testing::Each(testing::Not(IsEmpty())));
}

TEST_F(MeshFolderTest, a_moved_site_gets_a_certificate_for_its_new_address_only) {
  start({.sites = {{"par1", {}}, {"ams1", {}}}, .media_address = {}, .port = {}});
  const auto par1 = text("pki/par1.crt"), ams1 = text("pki/ams1.crt"), key = text("pki/site-keys/par1.key");
  start({.sites = {{"par1", "10.20.0.5"}}, .media_address = {}, .port = {}});
  EXPECT_NE(text("pki/par1.crt"), par1);
  EXPECT_EQ(text("pki/ams1.crt"), ams1);
  EXPECT_EQ(text("pki/site-keys/par1.key"), key);
  EXPECT_THAT(text("sites/par1/agent.yaml"), HasSubstr("10.20.0.5:8445"));
}

TEST_F(MeshFolderTest, a_file_that_a_person_took_over_stays_as_it_is) {
  start({.sites = {{"par1", {}}}, .media_address = {}, .port = {}});
  const auto agent = path() / "sites/par1/agent.yaml";
  const std::string mine = text("sites/par1/agent.yaml").substr(generated_mark.size()) + "parallel: 3\n";
  ASSERT_TRUE(os::write_file(agent, mine, 0600));
  EXPECT_THAT(start({.sites = {}, .media_address = {}, .port = 9000}), ElementsAre(agent.string()));
  EXPECT_EQ(text("sites/par1/agent.yaml"), mine);
  EXPECT_THAT(text("controller.yaml"), HasSubstr("127.0.0.1:9000"));
}

TEST(Ports, a_taken_port_names_its_holder) {
  FreePorts ports;
  const std::uint16_t port = ports.take();
  ASSERT_NE(port, 0);
  const auto taken = check_port_free(port, "the test");
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("(pid " + std::to_string(getpid()) + ")"));
  EXPECT_TRUE(port_answers(port));
}

TEST(Ports, the_listener_is_found_among_connections) {
  constexpr char table[] =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:20FB 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 111 1\n"
      "   1: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1\n";
  EXPECT_EQ(listener_inode(table, 8443), "222");
  EXPECT_EQ(listener_inode(table, 50000), "");
}

}  // namespace
}  // namespace metalmesh::up
