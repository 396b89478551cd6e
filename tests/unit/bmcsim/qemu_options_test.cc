#include "tests/bmcsim/qemu/qemu_options.h"

#include <gtest/gtest.h>

namespace metalmesh::bmcsim {
namespace {

TEST(QemuOptions, NameAloneTakesTheDefaults) {
  const auto machine = parse_qemu_options("par1-n001");
  ASSERT_TRUE(machine);
  EXPECT_EQ(machine->name, "par1-n001");
  EXPECT_EQ(machine->disk, "");
  EXPECT_EQ(machine->memory_mib, 512U);
  EXPECT_FALSE(machine->report_media_errors);
}

TEST(QemuOptions, EveryOptionIsTaken) {
  const auto machine =
      parse_qemu_options("n,disk=/d/a.img,disk-mib=64,memory-mib=1024,serial=/d/s.log,rerror=report");
  ASSERT_TRUE(machine);
  EXPECT_EQ(machine->disk, "/d/a.img");
  EXPECT_EQ(machine->disk_mib, 64U);
  EXPECT_EQ(machine->memory_mib, 1024U);
  EXPECT_EQ(machine->serial_log, "/d/s.log");
  EXPECT_TRUE(machine->report_media_errors);
  EXPECT_FALSE(machine->secure_boot);
  EXPECT_TRUE(parse_qemu_options("n,secure-boot=on")->secure_boot);
}

TEST(QemuOptions, RefusalsNameWhatIsWrong) {
  for (const auto& [text, word] :
       std::vector<std::pair<std::string, std::string>>{{"", "name"},
                                                        {",disk=a", "name"},
                                                        {"n,disk", "disk"},
                                                        {"n,disk=", "disk="},
                                                        {"n,memory-mib=much", "much"},
                                                        {"n,memory-mib=1", "256"},
                                                        {"n,disk-mib=99999999", "99999999"},
                                                        {"n,rerror=ignore", "rerror=ignore"},
                                                        {"n,secure-boot=yes", "secure-boot=yes"},
                                                        {"n,cpus=2", "cpus=2"}}) {
    const auto machine = parse_qemu_options(text);
    ASSERT_FALSE(machine) << text;
    EXPECT_EQ(machine.error().kind, ErrorKind::invalid) << text;
    EXPECT_NE(machine.error().message.find(word), std::string::npos)
        << text << ": " << machine.error().message;
  }
}

}  // namespace
}  // namespace metalmesh::bmcsim
