// A damaged store is refused with the name of the row, before anything is built on it.
#include "agents/core/row_check.h"

#include <gtest/gtest.h>

#include "agents/core/agent_core.h"
#include "agents/core/row_keys.h"
#include "common/ports/memory_rows.h"
#include "schemas/record/agent.pb.h"
#include "schemas/record/job.pb.h"
#include "tests/unit/agent_core/stand_ins.h"

namespace metalmesh::agent {
namespace {

using namespace std::chrono_literals;

class RowCheck : public testing::Test {
 protected:
  RowCheck() {
    AgentSettings settings;
    settings.site = SiteName("par1");
    settings.machine_id = "machine";
    AgentCore core(store_, signer_, verifier_, entropy_, settings);
    const Now now{MonoTime(1h), WallTime(1'000'000s), WallTime(1'000'000s)};
    store_.commit(core.handle(Started{}, now).rows);
  }
  void put(const std::string& key, std::string value) { store_.commit({{key, std::move(value)}}); }
  std::string refusal() {
    const Status whole = check_rows(store_);
    return whole ? "" : whole.error().message;
  }
  record::Job job() {
    record::Job row;
    row.set_row_version(rows::version);
    row.mutable_issue()->set_deployment_id("d-1");
    row.mutable_issue()->set_generation(1);
    row.mutable_agreed()->mutable_install();
    row.set_stage(wire::QUEUED);
    return row;
  }

  MemoryRows store_;
  test::NamedSigner signer_{"par1"};
  test::NamedVerifier verifier_;
  test::SeededEntropy entropy_{1};
};

TEST_F(RowCheck, TakesWhatAnAgentWrote) {
  put("job/d-1", job().SerializeAsString());
  record::Job reading = job();
  reading.mutable_issue()->set_deployment_id("d-2");
  reading.mutable_issue()->clear_generation();
  reading.mutable_agreed()->mutable_inspect();
  put("job/d-2", reading.SerializeAsString());
  EXPECT_EQ(refusal(), "");
}

TEST_F(RowCheck, NamesARowThatDoesNotParse) {
  put("fence/abc", "\xff\xff");
  EXPECT_NE(refusal().find("row fence/abc is damaged"), std::string::npos) << refusal();
  EXPECT_NE(refusal().find("Next: "), std::string::npos) << refusal();
}

TEST_F(RowCheck, RefusesAJobWhoseFactsContradictEachOther) {
  record::Job row = job();
  row.set_ended(true);
  put("job/d-1", row.SerializeAsString());
  EXPECT_NE(refusal(), "");
  row = job();
  row.set_stage(static_cast<wire::Stage>(99));
  put("job/d-1", row.SerializeAsString());
  EXPECT_NE(refusal(), "");
  row = job();
  row.mutable_agreed()->mutable_inspect();  // takes no generation
  put("job/d-1", row.SerializeAsString());
  EXPECT_NE(refusal(), "");
  row = job();
  row.mutable_agreed()->mutable_power()->set_change(wire::Power::CYCLE);
  put("job/d-1", row.SerializeAsString());
  EXPECT_EQ(refusal(), "");
  row.mutable_agreed()->mutable_power()->set_change(
      static_cast<wire::Power::Change>(99));  // of another release
  put("job/d-1", row.SerializeAsString());
  EXPECT_NE(refusal(), "");
  row.mutable_agreed()->clear_work();
  put("job/d-1", row.SerializeAsString());
  EXPECT_NE(refusal(), "");
  put("job/d-1", "");
  EXPECT_NE(refusal(), "");
}

TEST_F(RowCheck, RefusesWhatAnotherReleaseWrote) {
  record::Job row = job();
  row.set_row_version(rows::version + 1);
  put("job/d-1", row.SerializeAsString());
  EXPECT_NE(refusal().find("another release"), std::string::npos) << refusal();
}

TEST_F(RowCheck, FindsEachFlippedBitOfTheJournal) {
  const auto healthy = store_.rows();
  for (const auto& [key, value] : healthy) {
    if (!key.starts_with("s/events/e")) continue;
    for (std::size_t at = 0; at < value.size(); ++at) {
      auto rows = healthy;
      rows[key][at] = static_cast<char>(rows[key][at] ^ 1);
      store_.restore(std::move(rows));
      EXPECT_NE(refusal().find("s/events/ is damaged at entry "), std::string::npos) << at << refusal();
    }
  }
  auto rows = healthy;
  std::erase_if(rows, [](const auto& row) { return row.first.starts_with("s/events/e"); });
  store_.restore(std::move(rows));
  EXPECT_NE(refusal().find("s/events/ is damaged at entry "), std::string::npos) << refusal();
}

}  // namespace
}  // namespace metalmesh::agent
