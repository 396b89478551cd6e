// Two people, and a tool that repeats itself, at the API: nobody overwrites what she has not seen, and what was asked
// twice under one key is done once, also when the controller dies in between.
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {
namespace {

/// Reads one site's note and its tag, and writes her own.
struct Person {
  std::string name;
  std::string note;  // as she saw it
  std::string tag;
};

std::string note_of(const ApiBench& bench, const std::string& site) {
  const auto& vars = bench.state().sites.at(site).spec().vars();
  const auto found = vars.find("note");
  return found == vars.end() ? std::string() : found->second;
}

TEST(TwoPeople, NeitherOverwritesWhatTheOtherWroteNorActsTwice) {
  constexpr int rounds = 400;
  const std::string path = "/api/v1/sites/par1";
  ApiBench bench;
  ASSERT_EQ(bench.put(path, "{}").status, 201);
  Random random(7);
  Person people[] = {{"ada", {}, {}}, {"ops", {}, {}}};
  std::string last;  // what was written last
  unsigned written = 0;
  unsigned refused = 0;
  for (int round = 0; round < rounds; ++round) {
    Person& one = people[random.below(2)];
    if (random.chance(100)) bench.restart();
    if (one.tag.empty() || random.chance(500)) {
      const HttpAnswer seen = bench.get(path);
      one.tag = seen.headers.at("etag");
      one.note = note_of(bench, "par1");
      continue;
    }
    const std::string note = one.name + std::to_string(round);
    const std::string body = R"({"spec":{"vars":{"note":")" + note + R"("}}})";
    const Headers with = {{"if-match", one.tag}, {"idempotency-key", note}};
    const HttpAnswer answer = bench.put(path, body, with);
    if (answer.status == 412) {
      ++refused;
      EXPECT_NE(one.note, last) << "who has seen the newest may write";
      EXPECT_EQ(note_of(bench, "par1"), last);
      one.tag.clear();
      continue;
    }
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(one.note, last) << one.name << " overwrote what she had not seen";
    last = one.note = note;
    one.tag = answer.headers.at("etag");
    ++written;
    const std::uint64_t events = bench.state().last_event;
    if (random.chance(300)) bench.restart();
    const std::uint64_t begun = bench.state().last_event - events;  // by that start
    const HttpAnswer again = bench.put(path, body, with);
    EXPECT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(again.headers.at("etag"), one.tag);
    EXPECT_EQ(bench.state().last_event, events + begun);
  }
  EXPECT_EQ(bench.state().sites.at("par1").metadata().version(), written + 1);
  EXPECT_GT(written, 20U);
  EXPECT_GT(refused, 20U);
}

}  // namespace
}  // namespace metalmesh::controller
