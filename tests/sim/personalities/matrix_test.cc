// The table personality x scenario: every kind of BMC that is known, recorded or modelled, through what may happen to an
// install on it. In no cell is a session, a medium or an override left behind. The table is printed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <ostream>

#include "common/quirks/built_in.h"
#include "tests/bmcsim/recorded/recorded_files.h"
#include "tests/sim/cases/verdict.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;
using bmcsim::BmcOptions;
using bmcsim::Personality;
using Worn = std::shared_ptr<const Personality>;

/// What ends the scenario where the personality can install at all.
struct Scenario {
  std::string_view name;
  Case the_case;
};

std::vector<Scenario> scenarios() {
  const auto after_install = 3h;  // what is owed is paid by then
  return {
      {"install", {.name = "off", .faults = {}, .ends = {"SUCCEEDED"}}},
      {"from on",
       {.name = "on",
        .faults = {},
        .ends = {"SUCCEEDED"},
        .machine = [](BmcOptions& bmc) { bmc.powered_on = bmc.disk_has_os = true; },
        .order = [](orders::Parts& order) { order.agreed.mutable_install()->set_power(wire::FORCE); }}},
      {"POST 90 s",
       {.name = "post",
        .faults = {},
        .ends = {"SUCCEEDED"},
        .machine = [](BmcOptions& bmc) { bmc.post_time = 90s; }}},
      {"slow insert",
       {.name = "slow", .faults = {"insert_slow_75s"}, .ends = {"SUCCEEDED"}, .when = When::ordered}},
      {"licence",
       {.name = "licence",
        .faults = {"licence_missing"},
        .ends = {"FAILED LICENCE_MISSING"},
        .when = When::ordered}},
      {"sessions full",
       {.name = "full",
        .faults = {"session_table_full"},
        .ends = {"FAILED BMC_SESSIONS_FULL"},
        .when = When::ordered,
        .lasts = 10min}},
      {"TLS refused",
       {.name = "tls",
        .faults = {"tls_1_0_only"},
        .ends = {"FAILED BMC_TLS_REFUSED"},
        .when = When::ordered}},
      {"media lost",
       {.name = "lost",
        .faults = {},
        .ends = {"INDETERMINATE", "FAILED"},
        .when = When::half_way,
        .beside = Beside::medium_lost,
        .settles_after = after_install}},
      {"BMC reset",
       {.name = "reset",
        .faults = {},
        .ends = {"SUCCEEDED"},
        .when = When::installing,
        .beside = Beside::bmc_restarts}},
  };
}

constexpr std::array stages = {wire::CONNECT, wire::PREFLIGHT, wire::MEDIA, wire::INSERT,
                               wire::CONFIRM, wire::BOOT_ONCE, wire::ARM,   wire::POWER,
                               wire::WATCH,   wire::FINALISE,  wire::VERIFY};

/// How a run ended, in a word or two; what is wrong with it fails the test.
class Trial {
 public:
  Trial(const Case& the_case, const Worn& worn, const QuirkTable* rows = nullptr)
      : case_(the_case),
        bench_(case_, std::getenv("METALMESH_SIM_PRINT") != nullptr, worn, rows),
        result_(bench_.run()) {}

  [[nodiscard]] std::vector<std::string> wrong() const {
    auto out = objections(case_, result_, bench_.machine());
    // What the BMC dropped is not looked for while an installer may read it.
    if (case_.beside == Beside::medium_lost) std::erase(out, "a debt is told and not true: media");
    std::ranges::copy(left(), std::back_inserter(out));
    return out;
  }
  /// Behind, of ours.
  [[nodiscard]] std::vector<std::string> left() const {
    std::vector<std::string> out;
    const bmcsim::BmcModel& model = *bench_.machine().model;
    if (model.own_sessions() > 0) out.push_back(fmt::format("{} sessions are left", model.own_sessions()));
    if (model.host().media_inserted()) out.push_back("left inserted: " + model.host().media_url());
    if (model.host().boot_override() != "Disabled")
      out.push_back("left: override " + model.host().boot_override());
    return out;
  }
  [[nodiscard]] std::string end() const {
    if (!result_.ended) return "no end";
    if (result_.ended->outcome() == wire::Ended::SUCCEEDED) return "ok";
    return result_.ended->has_fault() ? wire::FaultCode_Name(result_.ended->fault().code())
                                      : wire::Ended::Outcome_Name(result_.ended->outcome());
  }
  [[nodiscard]] std::string seen() const { return sim::seen(result_); }
  [[nodiscard]] const std::optional<wire::Ended>& ended() const { return result_.ended; }
  /// Its host was never started, and nothing of it was written.
  [[nodiscard]] bool host_untouched() const {
    const auto& host = bench_.machine().model->host();
    return !host.on() && host.installs().empty();
  }
  [[nodiscard]] std::string row() const { return result_.inspected ? result_.inspected->quirks() : "none"; }
  /// Calls that change something, as far as they were counted.
  [[nodiscard]] std::ptrdiff_t changes() const {
    return std::ranges::count_if(bench_.machine().model->asked(), [](const auto& one) {
      return one.what.starts_with("PATCH") ||
             (one.what.starts_with("POST") && one.what.find("/Sessions") == std::string::npos);
    });
  }

 private:
  const Case case_;
  CaseBench bench_;
  CaseResult result_;
};

std::string cell(const Case& the_case, const Worn& worn) {
  const Trial run(the_case, worn);
  for (const std::string& what : run.wrong())
    ADD_FAILURE() << the_case.name << ": " << what << "\n  seen: " << run.seen();
  return run.end();
}

/// The way to a medium is seen to be read, and neither power nor disk is touched.
std::string mount_test(const Worn& worn) {
  const Case test{
      .name = "mount test", .faults = {}, .ends = {"SUCCEEDED"}, .order = [](orders::Parts& order) {
        order.agreed.mutable_mount_test();
        order.issue.clear_launch_by();
      }};
  const Trial run(test, worn);
  const bool read = run.ended() && std::ranges::any_of(run.ended()->findings(), [](const wire::Finding& one) {
                      return one.verdict() == wire::Finding::FINE;
                    });
  EXPECT_TRUE(read) << "nothing was seen to be read: " << run.seen();
  EXPECT_TRUE(run.host_untouched());
  EXPECT_EQ(run.left(), std::vector<std::string>());
  return run.end();
}

/// Called back, or killed, at each stage in turn.
std::string at_each_stage(Meddle meddle, const Worn& worn) {
  std::size_t right = 0;
  for (const wire::Stage stage : stages) {
    const std::string name = wire::Stage_Name(stage);
    const bool launched = stage > wire::WATCH;
    Case the_case{.name = name, .faults = {}, .ends = {"SUCCEEDED"}};
    // At POWER it may be too late.
    if (meddle == Meddle::cancel && !launched) the_case.ends = {"CANCELLED"};
    if (meddle == Meddle::cancel && (stage == wire::POWER || stage == wire::WATCH))
      the_case.ends = {"CANCELLED", "SUCCEEDED"};
    the_case.meddle = meddle;
    the_case.at_stage = stage;
    const Trial run(the_case, worn);
    const auto wrong = run.wrong();
    for (const std::string& what : wrong)
      ADD_FAILURE() << (meddle == Meddle::kill ? "killed at " : "cancelled at ") << name << ": " << what
                    << "\n  seen: " << run.seen();
    right += wrong.empty() ? 1 : 0;
  }
  return fmt::format("{}/{}", right, stages.size());
}

class Matrix : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Matrix, LeavesNothingBehind) {
  const auto worn = bmcsim::load_personality(GetParam(), bmcsim::recorded_trees());
  if (!worn && worn.error().kind == ErrorKind::not_found) GTEST_SKIP() << worn.error().message;
  ASSERT_TRUE(worn) << worn.error().message;
  const Personality& who = **worn;
  std::string line =
      fmt::format("| {} | {} | {} |", who.name, who.level(), who.row.empty() ? "standard" : who.row);
  const bool installs = who.installs == "SUCCEEDED";
  for (const Scenario& each : scenarios()) {
    Case the_case = each.the_case;
    if (!installs) the_case.ends = {who.installs};
    if (who.installs == "none") {  // nothing that it tells says which machine it is: no order can mean it
      const Trial run(the_case, *worn);
      EXPECT_EQ(run.end(), "no end");
      EXPECT_EQ(run.left(), std::vector<std::string>());
      line += " cannot be ordered |";
      break;
    }
    line += " " + cell(the_case, *worn) + " |";
    if (!installs) break;
  }
  if (installs) {
    line += " " + mount_test(*worn) + " |";
    line += " " + at_each_stage(Meddle::cancel, *worn) + " |";
    line += " " + at_each_stage(Meddle::kill, *worn) + " |";
  }
  EXPECT_EQ(Trial(scenarios().front().the_case, *worn).row(), who.row);
  std::printf("%s\n", line.c_str());
}

std::string name_of(const testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = info.param.stem().string();
  std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Every, Matrix, testing::ValuesIn(bmcsim::personality_files()), name_of);

TEST(MatrixHead, IsPrinted) {
  std::string line = "| BMC | known as | row |";
  for (const Scenario& each : scenarios()) line += fmt::format(" {} |", each.name);
  std::printf("%s mount test | cancel at each stage | kill -9 at each stage |\n", line.c_str());
}

/// The row is needed by some BMC: without it that one does not install, or only after it was asked for what it refuses.
TEST(Rows, EachIsNeeded) {
  const auto rows = built_in_quirks();
  ASSERT_TRUE(rows) << rows.error().message;
  // With a system on its disk: else a host that ignores the override starts from the medium all the same.
  const Case install{.name = "install", .faults = {}, .ends = {"SUCCEEDED"}, .machine = [](BmcOptions& bmc) {
                       bmc.disk_has_os = true;
                     }};
  for (const auto& [name, row] : rows->all()) {
    std::string needed;
    bool tried = false;
    for (const auto& file : bmcsim::personality_files()) {
      const auto worn = bmcsim::load_personality(file, bmcsim::recorded_trees());
      if (!worn || (*worn)->row != name) continue;
      tried = true;
      QuirkTable without = *rows;
      without.remove(name);
      const Trial with_row(install, *worn), without_row(install, *worn, &without);
      const auto wrong = without_row.wrong();
      EXPECT_TRUE(with_row.wrong().empty()) << (*worn)->name;
      if (!wrong.empty()) needed = (*worn)->name + ": " + without_row.end();
      if (needed.empty() && without_row.changes() > with_row.changes())
        needed = fmt::format("{}: {} changing calls instead of {}", (*worn)->name, without_row.changes(),
                             with_row.changes());
    }
    if (!tried && !std::filesystem::exists(bmcsim::recorded_trees()))
      continue;  // its BMC is recorded elsewhere
    EXPECT_FALSE(needed.empty()) << "row " << name << " changes nothing for any BMC that is known";
    std::printf("without row %s: %s\n", name.c_str(), needed.c_str());
  }
}

}  // namespace
}  // namespace metalmesh::sim
