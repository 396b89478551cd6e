// A BMC whose row is withheld fails; what was said with it, made anonymous and played, fails in the same way, and says
// nothing of the machine that it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <ostream>

#include "common/os/files.h"
#include "common/quirks/built_in.h"
#include "common/recording/anonymous.h"
#include "tests/bmcsim/recorded/recorded_files.h"
#include "tests/sim/cases/verdict.h"

namespace metalmesh::sim {
namespace {

using bmcsim::Personality;
using testing::HasSubstr;
using testing::Not;

// With a system on its disk: else a host that ignores the override starts from the medium all the same.
const Case install{
    .name = "install", .faults = {}, .ends = {"SUCCEEDED"}, .machine = [](bmcsim::BmcOptions& bmc) {
      bmc.disk_has_os = true;
    }};

std::filesystem::path file_of(std::string_view name) {
  for (const auto& file : bmcsim::personality_files())
    if (file.stem() == name) return file;
  return {};
}

struct Played {
  std::string end;
  std::string lines;
  const bmcsim::BmcOptions machine;
};

Played play(std::shared_ptr<const Personality> worn, const QuirkTable& rows) {
  CaseBench bench(install, false, std::move(worn), &rows);
  const CaseResult result = bench.run();
  const std::string end =
      result.ended && result.ended->has_fault() ? wire::FaultCode_Name(result.ended->fault().code()) : "ok";
  return {end, recording::anonymous(bench.talk(), 42), bench.machine().model->options()};
}

struct WithheldRow {
  const char* personality;
  const char* fault;
  std::vector<const char*> told;  // what its row is made of: by what it is known, and what it asks for
};
void PrintTo(const WithheldRow& row, std::ostream* out) { *out << row.personality; }

class Withheld : public testing::TestWithParam<WithheldRow> {};

TEST_P(Withheld, FailsTheSameWayWhenItsCaptureIsPlayed) {
  const auto& [name, fault, told] = GetParam();
  const auto worn = bmcsim::load_personality(file_of(name), bmcsim::recorded_trees());
  if (!worn && worn.error().kind == ErrorKind::not_found) GTEST_SKIP() << worn.error().message;
  ASSERT_TRUE(worn) << worn.error().message;
  QuirkTable rows = *built_in_quirks();
  rows.remove((*worn)->row);
  const Played first = play(*worn, rows);
  EXPECT_EQ(first.end, fault);

  Personality captured;
  captured.name = "captured";
  const auto added = captured.tree.add_lines(first.lines);
  ASSERT_TRUE(added) << added.error().message;
  const Played again = play(std::make_shared<const Personality>(std::move(captured)), rows);
  EXPECT_EQ(again.end, fault) << first.lines;

  for (const std::string& gone : {first.machine.serial, first.machine.uuid, first.machine.macs.front(),
                                  std::string("10.1.0.1"), std::string("secret-")})
    EXPECT_THAT(first.lines, Not(HasSubstr(gone)));
  for (const char* word : told) EXPECT_THAT(first.lines, HasSubstr(word));
  const bool inserted = first.lines.find("InsertMedia\",\"body\"") != std::string::npos;
  if (inserted)
    EXPECT_THAT(first.lines, testing::ContainsRegex(R"("Image":"https://[a-z]+:8443/[^"]+\.iso")"));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Withheld,
    testing::Values(
        WithheldRow{"dell-idrac10", "BOOT_OVERRIDE_REFUSED", {"Dell", "17G", "PropertyNotWritable"}},
        WithheldRow{"huawei-ibmc", "BMC_PROTOCOL", {"Huawei"}},
        WithheldRow{"nvidia-dgxh100-ami", "NO_VIRTUAL_MEDIA", {"DGXH100", "AMIVirtualMedia.EnableRMedia"}},
        WithheldRow{"dell-idrac9-7.10-r750", "IDENTITY_MISMATCH", {"Dell", "\"SKU\":"}},
        WithheldRow{"supermicro-x11", "BOOT_IGNORED", {"Supermicro", "UsbCd"}},
        WithheldRow{"supermicro-x12-sys510t", "BOOT_IGNORED", {"Supermicro", "UsbCd"}}),
    [](const auto& info) { return "n" + std::to_string(info.index); });

constexpr char shows_its_screen[] = R"({"name": "like iDRAC9", "row": "dell",
  "label": {"value": "SKU", "source": "as iDRAC9"},
  "faults": {"shows_screen": "as iDRAC9"},
  "resources": {"/redfish/v1": {"value": {"Vendor": "Dell", "Oem": {"Dell": {}}}, "source": "as iDRAC9"}}})";

TEST(Screen, OfAHostWhoseInstallerStallsIsKept) {
  const auto worn = bmcsim::parse_personality(shows_its_screen);
  ASSERT_TRUE(worn) << worn.error().message;
  const Case stalls{
      .name = "stalls", .faults = {}, .ends = {"INDETERMINATE"}, .machine = [](bmcsim::BmcOptions& bmc) {
        bmc.stops_reading_at = 50;
      }};
  CaseBench bench(stalls, false, std::make_shared<const Personality>(*worn));
  const CaseResult result = bench.run();
  ASSERT_TRUE(result.ended);
  EXPECT_EQ(result.ended->fault().code(), wire::INSTALLER_STALLED) << result.ended->ShortDebugString();
  EXPECT_THAT(result.ended->evidence(), testing::Contains(HasSubstr("the host's screen was kept")));
  EXPECT_TRUE(result.ended->transcript().screen());
  EXPECT_GT(result.ended->transcript().size(), 20'000U);
}

/// What names a recorded machine, wherever it stands in its tree.
void find_numbers(const boost::json::value& value, std::string_view name, std::vector<std::string>& out) {
  if (value.is_object())
    for (const auto& [key, member] : value.as_object()) find_numbers(member, key, out);
  if (value.is_array())
    for (const auto& member : value.as_array()) find_numbers(member, name, out);
  const bool names = name == "SerialNumber" || name == "UUID" || name == "MACAddress" ||
                     name == "PermanentMACAddress" || name == "HostName" || name == "AssetTag" ||
                     name == "Address";
  if (names && value.is_string() && value.as_string().size() >= 7) out.emplace_back(value.as_string());
}

TEST(Anonymity, NoNumberOfARecordedMachineIsInItsCapture) {
  if (!std::filesystem::exists(bmcsim::recorded_trees()))
    GTEST_SKIP() << "no recorded trees at " << bmcsim::recorded_trees();
  std::size_t numbers = 0;
  for (const char* tree : {"dell-idrac9-7.10-r750", "hpe-ilo6-1.66-dl380agen11", "lenovo-xcc-2.83-sr670v2"}) {
    std::string lines;
    std::vector<std::string> own;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(bmcsim::recorded_trees() / tree)) {
      if (entry.path().filename() != "index.json") continue;
      boost::system::error_code wrong;
      const auto value = boost::json::parse(*os::read_file(entry.path()), wrong);
      if (wrong) continue;
      find_numbers(value, "", own);
      lines += boost::json::serialize(boost::json::object{
                   {"method", "GET"}, {"path", entry.path().string()}, {"status", 200}, {"reply", value}}) +
               "\n";
    }
    const std::string given = recording::anonymous(lines, 42);
    numbers += own.size();
    for (const std::string& number : own) {
      const bool nobodys =
          number.find_first_of("123456789") == std::string::npos;  // "Not Specified", all zeros
      if (!nobodys) EXPECT_THAT(given.find(number), std::string::npos) << tree << ": " << number;
    }
  }
  EXPECT_GT(numbers, 50U);
}

}  // namespace
}  // namespace metalmesh::sim
