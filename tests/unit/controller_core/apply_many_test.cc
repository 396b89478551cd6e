// Many objects by one decision: weighed in slices, taken whole whatever happens, and told one by one.
#include <set>

#include "common/ports/row_seal.h"
#include "controller/core/apply_desk.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
Wish wish(const T& object) {
  return {.line = 0,
          .kind = std::string(Kind<T>::word),
          .name = object.metadata().name(),
          .row = encode_row(object)};
}

struct ManyObjects : ::testing::Test {
  ManyObjects() {
    mesh.limits.applied_at_once = 3;
    mesh.restart();
    mesh.apply(Mesh::site("par1"));
    mesh.apply(Mesh::credential("bmc"));
  }

  static ApplyMany all_of(std::vector<Wish> wishes, bool atomic = false, bool dry_run = false) {
    for (std::size_t i = 0; i < wishes.size(); ++i) wishes[i].line = i + 1;
    return {std::make_shared<std::vector<Wish>>(std::move(wishes)), atomic, dry_run};
  }
  static std::vector<Wish> servers(int from, int to, const std::string& site = "par1") {
    std::vector<Wish> out;
    for (int i = from; i < to; ++i)
      out.push_back(wish(Mesh::server_object("s" + std::to_string(i), site, i)));
    return out;
  }
  void slice() { mesh.give(TimerFired{ApplyDesk::token}); }
  OperatorResult finish(std::uint64_t number) {
    for (int i = 0; i < 1000; ++i) {
      slice();
      std::optional<OperatorResult> own;
      for (auto& [of, result] : mesh.core->take_answers()) {
        if (of == number) {
          own = std::move(result);
        } else {
          others.emplace_back(of, std::move(result));
        }
      }
      if (own) return std::move(*own);
    }
    ADD_FAILURE() << "no answer to " << number;
    return Answer();
  }
  ApplyReport apply(ApplyMany many) {
    const auto result = finish(mesh.must(std::move(many)).later);
    return result && result->applied ? *result->applied : ApplyReport();
  }
  static std::vector<Standing> standings(const ApplyReport& report) {
    std::vector<Standing> out;
    for (const auto& result : report.results) out.push_back(result.standing);
    return out;
  }
  [[nodiscard]] std::size_t rows_beside() const {
    return mesh.store.scan(tables::applied, tables::end_of(tables::applied), 1000)->size() +
           (mesh.store.find(std::string(tables::applying)) ? 1 : 0);
  }
  [[nodiscard]] std::size_t audits() const {
    std::size_t count = 0;
    for (const auto& event : mesh.events()) count += event.type() == "audit" ? 1 : 0;
    return count;
  }

  Mesh mesh;
  std::vector<std::pair<std::uint64_t, OperatorResult>> others;
};

TEST_F(ManyObjects, AreCreatedOnceAndUnchangedAgain) {
  const ApplyReport first = apply(all_of(servers(0, 10)));
  EXPECT_TRUE(first.taken);
  EXPECT_EQ(first.count(Standing::created), 10U);
  EXPECT_EQ(mesh.state().servers.size(), 10U);
  EXPECT_EQ(rows_beside(), 0U);
  const std::size_t told = audits();
  const std::uint64_t version = mesh.server("s4").metadata().version();
  const ApplyReport again = apply(all_of(servers(0, 10)));
  EXPECT_EQ(again.count(Standing::unchanged), 10U);
  EXPECT_EQ(mesh.server("s4").metadata().version(), version);
  EXPECT_EQ(audits(), told) << "nothing changed, and nothing is told";
}

TEST_F(ManyObjects, WhatIsRightIsTakenAndTheRestIsTold) {
  std::vector<Wish> wishes = servers(0, 8);
  wishes[2] = wish(Mesh::server_object("s2", "nowhere", 2));
  wishes[5].refused = Refusal{ErrorKind::invalid, "no JSON", "", ""};
  const ApplyReport report = apply(all_of(std::move(wishes)));
  EXPECT_EQ(report.count(Standing::created), 6U);
  EXPECT_EQ(report.count(Standing::refused), 2U);
  EXPECT_EQ(report.results[2].refusal->field, "spec.site");
  EXPECT_EQ(report.results[2].line, 3U);
  EXPECT_EQ(report.results[5].refusal->message, "no JSON");
  EXPECT_EQ(mesh.state().servers.size(), 6U);
  EXPECT_TRUE(mesh.logged("6 created, 0 changed, 2 refused"));
}

TEST_F(ManyObjects, OfANearlyFullDiskNothingNewIsTaken) {
  apply(all_of(servers(0, 2)));
  mesh.give(DiskLevel{true, 1});
  const ApplyReport report = apply(all_of(servers(0, 5)));
  EXPECT_EQ(report.count(Standing::unchanged), 2U);
  EXPECT_EQ(report.count(Standing::refused), 3U);
  EXPECT_EQ(report.results[4].refusal->kind, ErrorKind::exhausted);
  EXPECT_EQ(mesh.state().servers.size(), 2U);
}

TEST_F(ManyObjects, AllOrNothingIsNothingWhenOneIsWrong) {
  std::vector<Wish> wishes = servers(0, 8);
  wishes[7] = wish(Mesh::server_object("s7", "nowhere", 7));
  const ApplyReport report = apply(all_of(std::move(wishes), true));
  EXPECT_FALSE(report.taken);
  EXPECT_EQ(report.count(Standing::fitting), 7U);
  EXPECT_EQ(report.count(Standing::refused), 1U);
  EXPECT_TRUE(mesh.state().servers.empty());
  EXPECT_EQ(rows_beside(), 0U);
}

TEST_F(ManyObjects, ADryRunTellsWhatWouldChangeAndChangesNothing) {
  apply(all_of(servers(0, 2)));
  rest::Server other = Mesh::server_object("s1", "par1", 1);
  other.mutable_spec()->set_hostname("web1.example");
  std::vector<Wish> wishes = servers(0, 3);
  wishes[1] = wish(other);
  const auto rows = mesh.store.rows();
  const ApplyReport report = apply(all_of(std::move(wishes), false, true));
  EXPECT_THAT(standings(report), ElementsAre(Standing::unchanged, Standing::changed, Standing::created));
  ASSERT_EQ(report.results[1].changes.size(), 1U);
  EXPECT_EQ(report.results[1].changes[0].field, "spec.hostname");
  EXPECT_EQ(report.results[1].changes[0].to, "\"web1.example\"");
  EXPECT_FALSE(report.taken);
  EXPECT_EQ(mesh.store.rows(), rows);
}

TEST_F(ManyObjects, MayReferToOneAnotherInAnyOrder) {
  for (const bool dry_run : {true, false}) {
    std::vector<Wish> wishes = servers(0, 5, "lyo1");
    wishes.push_back(wish(Mesh::site("lyo1")));
    EXPECT_EQ(apply(all_of(wishes, true, dry_run)).count(Standing::created), 6U) << dry_run;
  }
  EXPECT_EQ(mesh.state().servers.size(), 5U);
}

TEST_F(ManyObjects, TwoOfOneNameAreBothRefused) {
  std::vector<Wish> wishes = servers(0, 3);
  wishes.push_back(wishes[1]);
  const ApplyReport report = apply(all_of(std::move(wishes)));
  EXPECT_EQ(report.count(Standing::created), 2U);
  EXPECT_THAT(report.results[1].refusal->message, HasSubstr("lines 2 and 4"));
  EXPECT_THAT(report.results[3].refusal->message, HasSubstr("lines 2 and 4"));
  EXPECT_FALSE(mesh.state().servers.contains("s1"));
}

TEST_F(ManyObjects, AreWeighedAsIfOneCameAfterTheOther) {
  apply(all_of(servers(0, 2)));
  // s0 goes to a free address, s1 takes the one of s0, s9 claims the one that s1 leaves, s8 the same.
  rest::Server s0 = Mesh::server_object("s0", "par1", 0);
  rest::Server s1 = Mesh::server_object("s1", "par1", 1);
  rest::Server s9 = Mesh::server_object("s9", "par1", 9);
  rest::Server s8 = Mesh::server_object("s8", "par1", 8);
  const std::string first = s0.spec().bmc().address();
  const std::string second = s1.spec().bmc().address();
  s0.mutable_spec()->mutable_bmc()->set_address("10.9.9.9");
  s1.mutable_spec()->mutable_bmc()->set_address(first);
  s9.mutable_spec()->mutable_bmc()->set_address(second);
  s8.mutable_spec()->mutable_bmc()->set_address(second);
  const ApplyReport report = apply(all_of({wish(s0), wish(s1), wish(s9), wish(s8)}));
  EXPECT_THAT(standings(report),
              ElementsAre(Standing::changed, Standing::changed, Standing::created, Standing::refused));
  EXPECT_THAT(report.results[3].refusal->message, HasSubstr("already belongs to server s9"));
  EXPECT_EQ(mesh.server("s1").spec().bmc().address(), first);
}

TEST_F(ManyObjects, AnAddressIsOneBmcWithinItsSite) {
  mesh.apply(Mesh::site("lyo1"));
  rest::Server twin = Mesh::server_object("t1", "lyo1", 7);
  twin.mutable_spec()->mutable_bmc()->set_address(
      Mesh::server_object("s1", "par1", 1).spec().bmc().address());
  std::vector<Wish> wishes = servers(1, 2);
  wishes.push_back(wish(twin));
  EXPECT_EQ(apply(all_of(wishes)).count(Standing::created), 2U);
  rest::Server same = twin;
  same.mutable_metadata()->set_name("t2");
  same.mutable_spec()->clear_identity();
  const auto refused = mesh.ask(Apply{same, std::nullopt});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "spec.bmc.address");
  // Nor does one move to where another is.
  const auto moved = mesh.ask(MoveServer{"t1", "par1", "", ""});
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().field, "address");
}

TEST_F(ManyObjects, ASharedHostNameOrAddressIsNamed) {
  const auto with_host = [](const char* name, int number, const char* host, const char* address) {
    rest::Server server = Mesh::server_object(name, "par1", number);
    server.mutable_spec()->set_hostname(host);
    auto& link = *server.mutable_spec()->mutable_host()->mutable_network()->add_links();
    link.set_name("eno1");
    link.add_addresses(address);
    return server;
  };
  apply(all_of({wish(with_host("s1", 1, "web.example", "10.21.0.5/24"))}));
  const ApplyReport report = apply(all_of({wish(with_host("s2", 2, "WEB.example", "10.21.0.6/24")),
                                           wish(with_host("s3", 3, "db.example", "10.21.0.6/24"))}));
  ASSERT_EQ(report.results[0].warnings.size(), 1U);
  EXPECT_THAT(report.results[0].warnings[0], HasSubstr("hostname web.example is also that of server s1"));
  ASSERT_EQ(report.results[1].warnings.size(), 1U);
  EXPECT_THAT(report.results[1].warnings[0], HasSubstr("host address 10.21.0.6 is also that of server s2"));
  EXPECT_EQ(report.count(Standing::created), 2U) << "one of them may be corrected later";
}

TEST_F(ManyObjects, OfOneThatIsThereOnlyTheNamedFieldsAreSet) {
  rest::Server there = Mesh::server_object("s1", "par1", 1);
  (*there.mutable_spec()->mutable_vars())["role"] = "db";
  there.mutable_spec()->set_protected_(true);
  mesh.apply(there);
  rest::Server said;
  said.set_kind("Server");
  said.mutable_metadata()->set_name("s1");
  said.mutable_spec()->set_hostname("db1.example");
  Wish partly = wish(said);
  partly.fields = {"spec.hostname", "spec.protected"};
  EXPECT_EQ(apply(all_of({partly})).count(Standing::changed), 1U);
  const rest::Server& now = mesh.server("s1");
  EXPECT_EQ(now.spec().hostname(), "db1.example");
  EXPECT_FALSE(now.spec().protected_()) << "what is named and not set is cleared";
  EXPECT_EQ(now.spec().vars().at("role"), "db");
  EXPECT_EQ(now.spec().bmc().address(), there.spec().bmc().address());
}

TEST_F(ManyObjects, ACrashBeforeTheDecisionLeavesNothingAndOneAfterItLeavesAll) {
  std::set<std::size_t> seen;
  for (int slices = 0; slices < 14; ++slices) {
    Mesh& fresh = mesh;
    fresh.must(all_of(servers(0, 10)));
    for (int i = 0; i < slices; ++i) slice();
    const bool decided =
        fresh.store.find(std::string(tables::applying)).has_value() || !fresh.state().servers.empty();
    fresh.restart();
    for (int i = 0; i < 20; ++i) slice();
    EXPECT_EQ(fresh.state().servers.size(), decided ? 10U : 0U) << slices;
    EXPECT_EQ(rows_beside(), 0U) << slices;
    seen.insert(fresh.state().servers.size());
    for (int i = 0; i < 10; ++i) {
      if (fresh.state().servers.contains("s" + std::to_string(i)))
        fresh.must(Delete{"Server",
                          "s" + std::to_string(i),
                          {},
                          fresh.server("s" + std::to_string(i)).spec().identity().serial()});
    }
  }
  EXPECT_EQ(seen, (std::set<std::size_t>{0, 10})) << "both were played";
}

TEST_F(ManyObjects, WhatADamagedRowHeldIsToldAndTheRestIsCarriedOut) {
  mesh.must(all_of(servers(0, 10)));
  while (!mesh.store.find(std::string(tables::applying))) slice();
  auto rows = mesh.store.rows();
  const auto held = rows.lower_bound(std::string(tables::applied));
  const std::string key = held->first;
  rows.erase(held);
  record::DamagedRow damage;
  damage.set_row(printable_key(key));
  rows[tables::row(tables::damaged, damage.row())] = encode_row(damage);
  mesh.store.restore(std::move(rows));
  mesh.restart();
  for (int i = 0; i < 20; ++i) slice();
  EXPECT_EQ(mesh.state().servers.size(), 9U);
  EXPECT_EQ(rows_beside(), 0U);
  ASSERT_TRUE(mesh.state().damage.contains(printable_key(key)));
  EXPECT_THAT(mesh.state().damage.at(printable_key(key)).what(), HasSubstr("apply them again"));
}

TEST_F(ManyObjects, OthersWaitAndStopsDoNot) {
  const std::uint64_t number = mesh.must(all_of(servers(0, 10))).later;
  slice();
  const Answer put = mesh.must(Apply{Mesh::site("lyo1"), std::nullopt});
  EXPECT_NE(put.later, 0U) << "in line";
  const auto refused = mesh.ask(ProtectServer{"s0", true, "live", 0});
  ASSERT_FALSE(refused) << "it is not there yet, and she is told so at once";
  EXPECT_EQ(refused.error().kind, ErrorKind::not_found);
  EXPECT_FALSE(mesh.state().sites.contains("lyo1"));
  ASSERT_TRUE(finish(number));
  for (int i = 0; i < 3 && others.empty(); ++i) {
    slice();
    for (auto& answer : mesh.core->take_answers()) others.push_back(std::move(answer));
  }
  ASSERT_EQ(others.size(), 1U);
  EXPECT_EQ(others[0].first, put.later);
  ASSERT_TRUE(others[0].second);
  EXPECT_TRUE(others[0].second->created);
  EXPECT_TRUE(mesh.state().sites.contains("lyo1"));
}

TEST_F(ManyObjects, AVersionThatIsNotTheReadOneIsRefused) {
  apply(all_of(servers(0, 2)));
  std::vector<Wish> wishes;
  for (int i = 0; i < 2; ++i) {
    rest::Server server = Mesh::server_object("s" + std::to_string(i), "par1", i);
    server.mutable_spec()->set_hostname("h" + std::to_string(i) + ".example");
    wishes.push_back(wish(server));
    wishes.back().if_version =
        mesh.server("s" + std::to_string(i)).metadata().version() + static_cast<std::uint64_t>(i);
  }
  const ApplyReport report = apply(all_of(std::move(wishes)));
  EXPECT_THAT(standings(report), ElementsAre(Standing::changed, Standing::refused));
  EXPECT_EQ(report.results[1].refusal->field, "metadata.version");
}

}  // namespace
}  // namespace metalmesh::testing
