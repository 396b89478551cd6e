#include "common/adapters/support_bundle.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "common/adapters/tar_gz.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::adapters {
namespace {

namespace fs = std::filesystem;

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  char buffer[4096];
  for (std::size_t read = 0; (read = fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, read);
  return pclose(pipe) == 0 ? text : "failed: " + text;
}

std::string member(const fs::path& archive, const std::string& name) {
  return output_of("tar -xzOf '" + archive.string() + "' '" + name + "' 2>&1");
}

TEST(TarGz, TarReadsWhatWasWritten) {
  const TemporaryFolder folder;
  auto archive = TarGzWriter::create(folder / "a.tar.gz");
  ASSERT_TRUE(archive);
  const std::string odd(1234, 'x');
  EXPECT_TRUE((*archive)->add("a/one", odd, 1'700'000'000));
  EXPECT_TRUE((*archive)->add("a/empty", "", 0));
  EXPECT_TRUE((*archive)->add("a/block", std::string(512, 'y'), 0));
  ASSERT_TRUE((*archive)->finish());
  EXPECT_EQ(output_of("tar -tzf '" + (folder / "a.tar.gz").string() + "'"), "a/one\na/empty\na/block\n");
  EXPECT_EQ(member(folder / "a.tar.gz", "a/one"), odd);
  EXPECT_EQ(member(folder / "a.tar.gz", "a/block"), std::string(512, 'y'));
  EXPECT_EQ(fs::status(folder / "a.tar.gz").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(TarGz, OverwritesNothingAndLeavesNothingHalf) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a.tar.gz") << "mine";
  EXPECT_EQ(TarGzWriter::create(folder / "a.tar.gz").error().kind, ErrorKind::conflict);
  {
    auto archive = TarGzWriter::create(folder / "b.tar.gz");
    EXPECT_TRUE((*archive)->add("one", "1", 0));
  }
  EXPECT_FALSE(fs::exists(folder / "b.tar.gz"));
  EXPECT_FALSE(fs::exists(folder / "b.tar.gz.part"));
}

TEST(TarGz, NamesThatLeadElsewhereOrAreTooLongAreRefused) {
  const TemporaryFolder folder;
  auto archive = TarGzWriter::create(folder / "a.tar.gz");
  EXPECT_FALSE((*archive)->add("/etc/passwd", "", 0));
  EXPECT_FALSE((*archive)->add("", "", 0));
  EXPECT_FALSE((*archive)->add(std::string(101, 'n'), "", 0));
  EXPECT_TRUE((*archive)->add(std::string(100, 'n'), "", 0));
}

class BundleOf {
 public:
  BundleOf() : bundle("program", "1.2.3", 99, [](const std::string&) {}) {}
  std::string part(const std::string& name) {
    if (!fs::exists(path())) EXPECT_TRUE(bundle.write(path(), WallTime(std::chrono::hours(24 * 365))));
    return member(path(), "b/" + name);
  }
  [[nodiscard]] fs::path path() const { return folder / "b.tar.gz"; }
  TemporaryFolder folder;
  SupportBundle bundle;
};

TEST(SupportBundle, AManifestNamesEveryPartAndWhatIsMissing) {
  BundleOf made;
  made.bundle.text("state/a.json", std::string("{}"), SupportBundle::Kind::json);
  made.bundle.text("gone.txt", Result<std::string>(fail(ErrorKind::unavailable, "nobody answers")),
                   SupportBundle::Kind::plain);
  const std::string manifest = made.part("manifest.json");
  EXPECT_TRUE(manifest.contains(
      R"({"name":"state/a.json","bytes":2,"sha256":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"})"))
      << manifest;
  EXPECT_TRUE(manifest.contains(R"("missing":[{"name":"gone.txt","why":"nobody answers"}])")) << manifest;
  EXPECT_TRUE(manifest.contains(R"("version":"1.2.3")"));
}

TEST(SupportBundle, ASecretThatOnePartGivesAwayIsReplacedInAllOfThem) {
  BundleOf made;
  made.bundle.hide("bearer-token-of-the-caller");
  made.bundle.text("log/a.log", std::string("used planted-in-vars and bearer-token-of-the-caller\n"),
                   SupportBundle::Kind::plain);
  made.bundle.text(
      "state/a.json",
      std::string(R"({"spec":{"vars":{"root_password":"planted-in-vars","address":"10.0.0.1"}}})"),
      SupportBundle::Kind::json);
  made.bundle.text("config/a.yaml",
                   std::string("listen: 10.0.0.1:1\nbroker: {url: x}\napiPassword: \"planted-in-config\"\n"),
                   SupportBundle::Kind::config);
  const std::string all = made.part("log/a.log") + made.part("state/a.json") + made.part("config/a.yaml");
  EXPECT_FALSE(all.contains("planted")) << all;
  EXPECT_FALSE(all.contains("bearer-token")) << all;
  EXPECT_TRUE(all.contains(R"("address":"10.0.0.1")")) << all;
  EXPECT_TRUE(all.contains("listen: 10.0.0.1:1")) << all;
}

TEST(SupportBundle, OfALogItTakesTheEnd) {
  BundleOf made;
  std::ofstream(made.folder / "x.log") << std::string(100, 'a') << "the end";
  made.bundle.log_file("log/x.log", made.folder / "x.log", 7);
  EXPECT_EQ(made.part("log/x.log"), "the end");
}

TEST(SupportBundle, FactsOfMachineAndFolderAreJsonWithClocksLimitsAndSizes) {
  BundleOf made;
  std::ofstream(made.folder / "rows.db") << "12345";
  made.bundle.machine_facts("machine.json");
  made.bundle.folder_facts("folder.json", made.folder.path());
  const std::string machine = made.part("machine.json");
  for (const char* fact : {"\"kernel\"", "\"boottime\"", "\"synchronised\"", "\"descriptors\"", "\"memory\""})
    EXPECT_TRUE(machine.contains(fact)) << fact;
  const std::string folder = made.part("folder.json");
  EXPECT_TRUE(folder.contains(R"({"name":"rows.db","bytes":5})")) << folder;
  EXPECT_TRUE(folder.contains("\"freeBytes\"")) << folder;
}

}  // namespace
}  // namespace metalmesh::adapters
