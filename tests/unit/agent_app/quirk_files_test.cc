#include "agents/app/quirk_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/os/files.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::agent {
namespace {

using os::write_file;
using testing::HasSubstr;

TEST(QuirkFiles, TheBuiltInRowsFitTheBmcsTheyAreFor) {
  const auto table = load_quirks("");
  ASSERT_TRUE(table) << table.error().message;
  const auto name = [&](const BmcTraits& traits) { return table->match(traits).name(); };
  EXPECT_EQ(name({.vendor = "Dell",
                  .product = "Integrated Dell Remote Access Controller",
                  .manager = "16G Monolithic"}),
            "dell");
  EXPECT_EQ(name({.vendor = "Dell", .manager = "17G Monolithic"}), "dell-idrac10");
  EXPECT_EQ(name({.vendor = "Supermicro", .model = "SYS-510T-MR-EI018"}), "supermicro-x12");
  EXPECT_EQ(name({.vendor = "Supermicro", .model = "SYS-821GE-TNHR"}), "");
  EXPECT_EQ(name({.vendor = "AMI", .manufacturer = "NVIDIA", .model = "DGXH100"}), "nvidia-dgx-h100");
  EXPECT_EQ(name({.vendor = "HPE", .model = "ProLiant DL380a Gen11"}), "");
}

TEST(QuirkFiles, AFolderAddsAndReplacesAndIsChecked) {
  const TemporaryFolder folder;
  ASSERT_TRUE(os::write_file(folder / "a.yaml",
                             "name: ours\nmatch: {vendor: Acme}\nclosesConnections: true\n"
                             "sources: {closesConnections: seen here}\n",
                             0644));
  ASSERT_TRUE(os::write_file(
      folder / "b.yaml", "name: supermicro-x12\nmatch: {vendor: Supermicro, model: \"SYS-510*\"}\n", 0644));
  const auto table = load_quirks(folder.path().string());
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_TRUE(table->match_root({.vendor = "Acme"}).closes_connections());
  EXPECT_TRUE(table->match({.vendor = "Supermicro", .model = "SYS-510T"}).boot_target().empty());

  ASSERT_TRUE(os::write_file(
      folder / "c.yaml", "name: mine\nmatch: {vendor: HPE}\nlabel: SKU\nsources: {label: guessed}\n", 0644));
  const auto refused = load_quirks(folder.path().string());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("c.yaml"));
  EXPECT_THAT(refused.error().message, HasSubstr("label"));
}

TEST(QuirkFiles, AFolderThatIsNotThereIsNamed) {
  const auto table = load_quirks("/nowhere/quirks");
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().message, HasSubstr("/nowhere/quirks"));
}

}  // namespace
}  // namespace metalmesh::agent
