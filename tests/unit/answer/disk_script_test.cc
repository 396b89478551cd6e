// The lines by which installers find a disk, run by a shell on disks that are folders.
#include "common/answer/disk_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

#include "tests/support/temporary_folder.h"

namespace metalmesh::answer {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

struct Disks : ::testing::Test {
  Disks() {
    add("nvme0n1", "KXG60ZNV512G TOSHIBA", "0", 1000215216, "ID_SERIAL_SHORT=N1");
    add("sda", "SAMSUNG MZ7LH480", "0", 937703088,
        "ID_BUS=ata\nID_MODEL=SAMSUNG_MZ7LH480HAHQ-00005\nID_SERIAL_SHORT=A1");
    add("sdb", "MG04SCA40EE     ", "1", 7814037168, "ID_BUS=scsi\nID_MODEL=MG04SCA40EE\nID_SERIAL_SHORT=B1");
    add("sdc", "SAMSUNG MZ7LH960", "0", 1875385008,
        "ID_BUS=ata\nID_MODEL=SAMSUNG_MZ7LH960HAJR-00005\nID_SERIAL_SHORT=C1");
    write(root / "udevadm",
          "#!/bin/sh\nfor last; do :; done\ncat \"" + root.string() + "/facts/${last##*/}\"\n");
    fs::permissions(root / "udevadm", fs::perms::owner_all);
  }
  void add(const std::string& name, const std::string& model, const std::string& rotational,
           std::uint64_t sectors, const std::string& facts) const {
    const fs::path entry = root / "block" / name;
    write(entry / "ro", "0\n");
    write(entry / "removable", "0\n");
    write(entry / "size", std::to_string(sectors) + "\n");
    write(entry / "device/model", model + "\n");
    write(entry / "queue/rotational", rotational + "\n");
    write(root / "facts" / name, facts + "\n");
  }
  /// The disk that is found, or what is said.
  [[nodiscard]] std::string found(const wire::DiskChoice& disk) const {
    std::string script = disk_script(disk);
    script = std::regex_replace(script, std::regex("/sys/block"), (root / "block").string());
    script = std::regex_replace(script, std::regex(R"(\[ -b "/dev/\$name" \] \|\| continue)"), ":");
    script = std::regex_replace(script, std::regex("/tmp/metalmesh-disk"), (root / "disk").string());
    write(root / "find.sh", script);
    const std::string out = (root / "out").string();
    const std::string command =
        "PATH='" + root.string() + "':$PATH sh -eu '" + (root / "find.sh").string() + "' 2>'" + out + "'";
    const bool fine = std::system(command.c_str()) == 0;  // NOLINT(cert-env33-c, concurrency-mt-unsafe)
    std::ifstream in(fine ? root / "disk" : fs::path(out));
    std::string line;
    std::getline(in, line);
    return line;
  }
  TemporaryFolder folder;
  fs::path root = folder.path();
};

TEST_F(Disks, AreFoundByWhatTheyAreLike) {
  wire::DiskChoice disk;
  disk.set_protocol("NVMe");
  EXPECT_EQ(found(disk), "/dev/nvme0n1");
  disk.set_protocol("SAS");
  EXPECT_EQ(found(disk), "/dev/sdb");
  disk.set_protocol("SATA");
  EXPECT_THAT(found(disk), HasSubstr("more than one disk matches the order: /dev/sda and /dev/sdc"));
  disk.set_max_size(500'000'000'000);
  EXPECT_EQ(found(disk), "/dev/sda");
  disk.Clear();
  disk.set_media("HDD");
  EXPECT_EQ(found(disk), "/dev/sdb");
  disk.set_media("SSD");
  EXPECT_THAT(found(disk), HasSubstr("more than one disk matches"));
  disk.set_serial("C1");
  EXPECT_EQ(found(disk), "/dev/sdc");
}

TEST_F(Disks, AreFoundByTheirModelsAsBmcsAndKernelsWriteThem) {
  const std::map<std::string, std::string> disks = {
      {"samsung mz7lh480hahq*", "/dev/sda"},
      {"SAMSUNG MZ7LH960HAJR-00005", "/dev/sdc"},
      {"MG04SCA40EE", "/dev/sdb"},
      {"KXG60ZNV512G*", "/dev/nvme0n1"},
      {"KXG60ZNV512G", "metalmesh: no disk matches the order"},
      {"MZ7LH480", "metalmesh: no disk matches the order"},
      {"*mz7lh4?0*", "/dev/sda"},
      {"*(x)|'$^\\\"*", "metalmesh: no disk matches the order"}};
  for (const auto& [model, path] : disks) {
    wire::DiskChoice disk;
    disk.set_model(model);
    EXPECT_EQ(found(disk), path) << model;
  }
}

}  // namespace
}  // namespace metalmesh::answer
