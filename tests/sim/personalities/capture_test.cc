// A BMC whose row is withheld fails; what was said with it, made anonymous and played, fails in the same way, and says
// nothing of the machine that it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

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

const Case install{.name = "install", .faults = {}, .ends = {"SUCCEEDED"}};

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

class Withheld : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(Withheld, FailsTheSameWayWhenItsCaptureIsPlayed) {
  const auto [name, fault] = GetParam();
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
}

INSTANTIATE_TEST_SUITE_P(Rows, Withheld,
                         testing::Values(std::pair("dell-idrac10", "BOOT_OVERRIDE_REFUSED"),
                                         std::pair("huawei-ibmc", "BMC_PROTOCOL"),
                                         std::pair("nvidia-dgxh100-ami", "NO_VIRTUAL_MEDIA")),
                         [](const auto& info) { return "n" + std::to_string(info.index); });

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
