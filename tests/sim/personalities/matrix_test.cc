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
  [[nodiscard]] std::string inspected() const {
    if (!result_.inspected) return "no end";
    return result_.inspected->has_fault() ? wire::FaultCode_Name(result_.inspected->fault().code()) : "ok";
  }
  [[nodiscard]] bool host_on() const { return host().on(); }
  [[nodiscard]] bool nothing_written() const { return host().installs().empty(); }
  [[nodiscard]] bool was_inserted() const {
    return std::ranges::any_of(host().acts(), [](const auto& act) { return act.what == "insert"; });
  }
  /// That it told, each once.
  [[nodiscard]] std::vector<wire::Stage> stages() const {
    std::vector<wire::Stage> out;
    for (const wire::Event& event : result_.told)
      if (event.has_stage() && std::ranges::find(out, event.stage().stage()) == out.end())
        out.push_back(event.stage().stage());
    return out;
  }
  [[nodiscard]] bool saw_reads() const {
    return result_.ended && std::ranges::any_of(result_.ended->findings(), [](const wire::Finding& one) {
             return one.verdict() == wire::Finding::FINE;
           });
  }
  [[nodiscard]] bool has_certificates() const {
    return bench_.machine().model->options().slot_has_certificates;
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
  [[nodiscard]] const bmcsim::Host& host() const { return bench_.machine().model->host(); }

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

/// As ordered; on a host that is on where `in_use` says so or `on` does.
Case mount_test_case(bool on, bool in_use) {
  Case test{.name = "mount test", .faults = {}, .ends = {"SUCCEEDED"}};
  test.order = in_use ? [](orders::Parts& order) {
    order.agreed.mutable_mount_test()->set_in_use(true);
    order.issue.clear_launch_by();
  } : [](orders::Parts& order) {
    order.agreed.mutable_mount_test();
    order.issue.clear_launch_by();
  };
  if (on) test.machine = [](BmcOptions& bmc) { bmc.powered_on = bmc.disk_has_os = true; };
  return test;
}

/// The way to a medium is seen to be read, and neither power nor disk is touched: also when the agent is killed at any
/// stage. On a host that is on nothing is inserted unless the order says that it may be.
std::string mount_test(const Worn& worn) {
  const auto must_read = [](const Trial& run, bool on, const std::string& what) {
    EXPECT_TRUE(run.saw_reads()) << what << ": nothing was seen to be read: " << run.seen();
    EXPECT_EQ(run.host_on(), on) << what;
    EXPECT_TRUE(run.nothing_written()) << what;
    EXPECT_EQ(run.left(), std::vector<std::string>()) << what;
  };
  const Trial run(mount_test_case(false, false), worn);
  must_read(run, false, "off");
  must_read(Trial(mount_test_case(true, true), worn), true, "on, as one may");
  const Trial refused(mount_test_case(true, false), worn);
  EXPECT_FALSE(refused.saw_reads() || refused.was_inserted()) << refused.seen();
  EXPECT_EQ(refused.left(), std::vector<std::string>());
  const std::vector<wire::Stage> passed = run.stages();
  EXPECT_NE(std::ranges::find(passed, wire::INSERT), passed.end());
  for (const wire::Stage stage : passed) {
    Case killed = mount_test_case(false, false);
    killed.meddle = Meddle::kill;
    killed.at_stage = stage;
    must_read(Trial(killed, worn), false, "killed at " + wire::Stage_Name(stage));
  }
  return run.end();
}

/// The site's CA is loaded where slots name certificates of their own, and nowhere else.
std::string trust_ca(const Worn& worn) {
  const Case load{.name = "trust CA", .faults = {}, .ends = {"SUCCEEDED"}, .order = [](orders::Parts& order) {
                    order.agreed.mutable_housekeeping()->set_deed(wire::Housekeeping::TRUST_CA);
                    order.issue.clear_launch_by();
                  }};
  const Trial run(load, worn);
  EXPECT_EQ(run.end(), run.has_certificates() ? "ok" : "NOT_OFFERED") << run.seen();
  EXPECT_FALSE(run.host_on() || !run.nothing_written());
  EXPECT_EQ(run.left(), std::vector<std::string>());
  return run.end() == "ok" ? "ok" : "no place for it";
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
  const Trial first(scenarios().front().the_case, *worn);
  EXPECT_EQ(first.inspected(), "ok");
  EXPECT_EQ(first.row(), who.row);
  line += " " + first.inspected() + " |";
  for (const Scenario& each : scenarios()) {
    Case the_case = each.the_case;
    // Where none is possible, what is wrong beside that may be met first.
    if (!installs && !the_case.ends.front().starts_with("FAILED")) the_case.ends = {who.installs};
    if (!installs) the_case.ends.push_back(who.installs);
    if (who.installs == "none") {  // nothing that it tells says which machine it is: no order can mean it
      const Trial run(the_case, *worn);
      EXPECT_EQ(run.end(), "no end");
      EXPECT_EQ(run.left(), std::vector<std::string>());
      line += " cannot be ordered |";
      break;
    }
    line += " " + cell(the_case, *worn) + " |";
  }
  if (installs) {
    line += " " + mount_test(*worn) + " |";
    line += " " + trust_ca(*worn) + " |";
    line += " " + at_each_stage(Meddle::cancel, *worn) + " |";
    line += " " + at_each_stage(Meddle::kill, *worn) + " |";
  }
  std::printf("%s\n", line.c_str());
}

std::string name_of(const testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = info.param.stem().string();
  std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Every, Matrix, testing::ValuesIn(bmcsim::personality_files()), name_of);

TEST(MatrixHead, IsPrinted) {
  std::string line = "| BMC | known as | row | inspect |";
  for (const Scenario& each : scenarios()) line += fmt::format(" {} |", each.name);
  std::printf("%s mount test | trust CA | cancel at each stage | kill -9 at each stage |\n", line.c_str());
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
