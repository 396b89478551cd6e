#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <set>

#include "tests/sim/cases/verdict.h"

namespace metalmesh::sim {

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

namespace {

class BmcCase : public testing::TestWithParam<Case> {};

TEST_P(BmcCase, ends_as_it_should) {
  // One that is asked for alone shows what happened.
  const bool alone = testing::UnitTest::GetInstance()->test_to_run_count() == 1;
  CaseBench bench(GetParam(), alone);
  const CaseResult result = bench.run();
  RecordProperty("seen", seen(result));
  for (const std::string& objection : objections(GetParam(), result, bench.machine()))
    ADD_FAILURE() << objection << "\n  seen: " << seen(result);
}

INSTANTIATE_TEST_SUITE_P(Reported, BmcCase, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(BmcCases, every_fault_of_a_bmc_is_in_one) {
  std::set<std::string_view> used;
  for (const Case& each : all_cases()) used.insert(each.faults.begin(), each.faults.end());
  for (const bmcsim::Fault* fault : bmcsim::all_faults())
    EXPECT_TRUE(used.contains(fault->name)) << fault->name << ": " << fault->does;
}

/// What is asked, and when.
std::vector<std::pair<MonoTime, std::string>> talk_of(std::string_view name) {
  const std::vector<Case> all = all_cases();
  CaseBench bench(*std::ranges::find(all, name, &Case::name), false);
  bench.run();
  std::vector<std::pair<MonoTime, std::string>> talk;
  for (const auto& one : bench.machine().model->asked()) talk.emplace_back(one.at, one.what);
  return talk;
}

TEST(BmcCases, what_a_bmc_says_of_the_time_changes_nothing) {
  EXPECT_EQ(talk_of("clock_jumps"), talk_of("standard"));
}

TEST(BmcCases, have_names_of_their_own_and_faults_that_exist) {
  std::set<std::string_view> names;
  for (const Case& each : all_cases()) {
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
    for (const std::string_view fault : each.faults)
      EXPECT_NE(bmcsim::fault_named(fault), nullptr) << each.name << ": " << fault;
  }
}

}  // namespace
}  // namespace metalmesh::sim
