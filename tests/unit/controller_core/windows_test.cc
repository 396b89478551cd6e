// Windows: when they are open, in the nights in which clocks are set as well, and that nothing starts outside of them.
#include "controller/core/start_windows.h"
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono;
using namespace std::chrono_literals;

WallTime utc(year_month_day day, seconds time) { return WallTime(sys_days(day).time_since_epoch() + time); }

std::shared_ptr<const zones::ZoneBook> book() {
  auto book = std::make_shared<zones::ZoneBook>();
  book->add("Europe/Paris", {{}, *zones::YearlyRule::from("CET-1CEST,M3.5.0,M10.5.0/3")});
  book->add("America/New_York", {{}, *zones::YearlyRule::from("EST5EDT,M3.2.0,M11.1.0")});
  return book;
}

rest::StartWindow window(const std::string& from, const std::string& to, std::vector<std::string> days = {},
                         const std::string& zone = {}) {
  rest::StartWindow window;
  window.mutable_days()->Assign(days.begin(), days.end());
  window.set_from(from);
  window.set_to(to);
  window.set_time_zone(zone);
  return window;
}

struct Windows : ::testing::Test {
  MeshState mesh;
  rest::RolloutSpec rollout;
  rest::SiteSpec& site = *mesh.sites["par1"].mutable_spec();

  Windows() {
    mesh.zones = book();
    site.set_time_zone("Europe/Paris");
  }
  [[nodiscard]] StartWindows windows() const { return {mesh, rollout, "par1"}; }
  /// Each span within two days behind, in minutes of that time.
  [[nodiscard]] std::vector<std::pair<long, long>> spans(WallTime from) const {
    std::vector<std::pair<long, long>> out;
    std::optional<WallTime> at = from;
    const auto minute = [&](WallTime when) { return static_cast<long>((when - from) / 1min); };
    while (at && *at < from + 48h) {
      const auto next = windows().turns(*at);
      if (windows().is_open(*at)) out.emplace_back(minute(*at), next ? minute(*next) : -1);
      at = next;
    }
    return out;
  }
};

using Span = std::pair<long, long>;

TEST_F(Windows, OpenInTheEveningOfTheirDayAndShutOnTheNext) {
  *site.add_windows() = window("22:00", "05:00", {"sat"});
  const auto saturday = utc(2026y / 9 / 5, 0s);
  EXPECT_THAT(spans(saturday), ElementsAre(Span(20 * 60, 27 * 60))) << "two hours east of Greenwich";
  EXPECT_FALSE(windows().is_open(saturday + 20h - 1ns));
  EXPECT_TRUE(windows().is_open(saturday + 20h));
  EXPECT_TRUE(windows().is_open(saturday + 27h - 1ns));
  EXPECT_FALSE(windows().is_open(saturday + 27h));
  EXPECT_EQ(windows().words(), "sat 22:00-05:00 (Europe/Paris)");
  EXPECT_EQ(windows().local_words(saturday + 20h), "2026-09-05 22:00 CEST");
  EXPECT_EQ(windows().longest(saturday - 24h * 3), 7h);
}

TEST_F(Windows, AreAnHourLongerInTheNightInWhichAnHourComesTwice) {
  *site.add_windows() = window("22:00", "05:00", {"sat"});
  EXPECT_THAT(spans(utc(2026y / 10 / 24, 0s)), ElementsAre(Span(20 * 60, 28 * 60)));
}

TEST_F(Windows, AreAnHourShorterInTheNightInWhichOneIsMissing) {
  *site.add_windows() = window("22:00", "05:00", {"sat"});
  EXPECT_THAT(spans(utc(2027y / 3 / 27, 0s)), ElementsAre(Span(21 * 60, 27 * 60)));
}

TEST_F(Windows, GoByWhatTheClockShowsWhereAnHourComesTwice) {
  *site.add_windows() = window("02:30", "04:00", {"sun"});
  // 02:30 CEST, 02:00 CET (half an hour too early, once more), 02:30 CET, 04:00 CET.
  EXPECT_THAT(spans(utc(2026y / 10 / 25, 0s)), ElementsAre(Span(30, 60), Span(90, 180)));
}

TEST_F(Windows, HaveNothingOfAnHourThatIsMissing) {
  *site.add_windows() = window("02:15", "02:45");
  EXPECT_THAT(spans(utc(2027y / 3 / 28, 0s)), ElementsAre(Span(24 * 60 + 15, 24 * 60 + 45)));
  site.clear_windows();
  *site.add_windows() = window("02:30", "05:00", {"sun"});
  EXPECT_THAT(spans(utc(2027y / 3 / 28, 0s)), ElementsAre(Span(60, 180)))
      << "from 03:00 on, which is when it is set";
}

TEST_F(Windows, OfRolloutAndSiteHoldTogetherAndSeveralBesideEachOther) {
  *site.add_windows() = window("20:00", "24:00");
  *site.add_windows() = window("00:00", "03:00");
  *rollout.add_windows() = window("22:00", "02:00", {}, "America/New_York");
  EXPECT_THAT(spans(utc(2026y / 7 / 1, 12h)), ElementsAre()) << "04:00 to 08:00 in Paris";
  rollout.clear_windows();
  EXPECT_THAT(spans(utc(2026y / 7 / 1, 12h)), ElementsAre(Span(6 * 60, 13 * 60), Span(30 * 60, 37 * 60)));
  *rollout.add_windows() = window("23:00", "04:00");
  EXPECT_THAT(spans(utc(2026y / 7 / 1, 12h)), ElementsAre(Span(9 * 60, 13 * 60), Span(33 * 60, 37 * 60)));
}

TEST_F(Windows, OfASiteAreForWhatChangesAMachine) {
  *site.add_windows() = window("22:00", "05:00");
  rollout.set_action("inspect");
  EXPECT_FALSE(windows().any());
  *rollout.add_windows() = window("22:00", "23:00");
  EXPECT_EQ(windows().words(), "22:00-23:00 (Europe/Paris)") << "its own hold for every rollout";
}

TEST_F(Windows, WithoutAnyAllTimesAreGood) {
  EXPECT_FALSE(windows().any());
  EXPECT_TRUE(windows().is_open(utc(2026y / 7 / 1, 12h)));
  EXPECT_EQ(windows().turns(utc(2026y / 7 / 1, 12h)), std::nullopt);
}

TEST_F(Windows, OfAZoneThatNobodyKnowsNeverOpen) {
  site.set_time_zone("Europe/Atlantis");
  *rollout.add_windows() = window("00:00", "24:00");
  EXPECT_THAT(spans(utc(2026y / 7 / 1, 0s)), ElementsAre());
}

TEST_F(Windows, WrongOnesAreRefused) {
  const auto field = [&](const rest::StartWindow& one) {
    controller::Windows all;
    *all.Add() = one;
    const auto bad = check_windows(all, "", mesh);
    return bad ? bad->field : std::string();
  };
  EXPECT_EQ(field(window("22:00", "05:00", {"sat", "sun"}, "Europe/Paris")), "");
  EXPECT_EQ(field(window("00:00", "24:00")), "");
  EXPECT_EQ(field(window("22:00", "05:00", {"Saturday"})), "spec.windows[0].days[0]");
  EXPECT_EQ(field(window("24:00", "05:00")), "spec.windows[0].from");
  for (const char* time : {"", "5:00", "05.00", "25:00", "24:01", "05:60", "aa:bb", "1320"})
    EXPECT_EQ(field(window("22:00", time)), "spec.windows[0].to") << time;
  EXPECT_EQ(field(window("22:00", "22:00")), "spec.windows[0].to");
  EXPECT_EQ(field(window("22:00", "05:00", {}, "Europe/Pariss")), "spec.windows[0].timeZone");
  EXPECT_THAT(check_time_zone("f", "Europe/Pariss", mesh)->message, HasSubstr("did you mean Europe/Paris?"));
  mesh.zones = nullptr;
  EXPECT_THAT(check_time_zone("f", "Europe/Paris", mesh)->next, HasSubstr("tzdata"));
}

/// A mesh in Paris, in the evening before clocks are set to winter time.
struct RolloutsInWindows : ::testing::Test {
  static constexpr Duration to_ten = 4h;  // from 18:00 to 22:00 CEST
  Mesh mesh;
  Puppet* agent = nullptr;

  RolloutsInWindows() {
    mesh.limits.zones = book();
    mesh.pass(utc(2026y / 10 / 24, 16h) - mesh.now.wall_low);
    mesh.restart();
    agent = &mesh.bring_up("par1");
    for (int i = 0; i < 3; ++i) mesh.add_ready("s" + std::to_string(i), *agent, i);
    auto site = Mesh::site("par1");
    site.mutable_spec()->set_time_zone("Europe/Paris");
    *site.mutable_spec()->add_windows() = window("22:00", "05:00", {"sat"});
    mesh.apply(site);
  }
  static rest::Rollout object() {
    auto rollout = Mesh::rollout_object("r");
    rollout.mutable_spec()->mutable_parallel()->set_per_site(1);
    rollout.mutable_spec()->mutable_start_within()->set_seconds(24 * 3600);
    return rollout;
  }
  [[nodiscard]] const rest::RolloutStatus& status() const { return mesh.rollout("r").status(); }
};

TEST_F(RolloutsInWindows, NothingStartsBeforeTheWindowOpensAndItIsSaid) {
  mesh.start_rollout(object());
  EXPECT_EQ(agent->orders(), 0);
  EXPECT_EQ(status().waits(), "the window of site par1 opens at 2026-10-24 22:00 CEST");
  EXPECT_EQ(from_wire(status().waits_until()), utc(2026y / 10 / 24, 20h));
  mesh.pass(to_ten - 1min);
  mesh.run_for(10s);
  EXPECT_EQ(agent->orders(), 0);
  mesh.run_for(1min);
  EXPECT_EQ(agent->orders(), 1);
  EXPECT_EQ(status().waits(), "");
  EXPECT_FALSE(status().has_waits_until());
}

TEST_F(RolloutsInWindows, WhatRunsAtItsEndGoesOnAndTheRestWaitsForTheNext) {
  mesh.start_rollout(object());
  mesh.pass(to_ten);
  mesh.run_for(10s);
  ASSERT_EQ(agent->orders(), 1);
  agent->accept("s0");
  agent->launch("s0");
  mesh.pass(8h);  // 22:00 CEST to 05:00 CET
  mesh.run_for(10s);
  agent->succeed("s0");
  mesh.run_for(2s);
  EXPECT_EQ(agent->orders(), 1);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED");
  EXPECT_EQ(status().waits(), "the window of site par1 opens at 2026-10-31 22:00 CET");
}

TEST_F(RolloutsInWindows, AnOrderIsNotStartedBehindTheEndOfItsWindow) {
  mesh.start_rollout(object());
  mesh.pass(to_ten);
  mesh.run_for(10s);
  const auto order = agent->last_order("s0");
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(from_wire(order->issue.start_by()), utc(2026y / 10 / 25, 4h)) << "05:00 CET";
  EXPECT_LT(from_wire(order->issue.launch_by()), utc(2026y / 10 / 25, 5h));
}

TEST_F(RolloutsInWindows, APlanSaysWhatDoesNotFit) {
  rest::Image image = mesh.state().images.begin()->second;
  image.clear_status();
  image.mutable_spec()->mutable_iso()->set_size(4'000'000'000);
  mesh.apply(image);
  auto rollout = object();
  rollout.mutable_spec()->mutable_start_within()->set_seconds(3600);
  *rollout.mutable_spec()->add_windows() = window("22:00", "22:10");
  mesh.apply(rollout);
  mesh.must(PlanRollout{"r"});
  const auto& warnings = status().plan().warnings();
  EXPECT_THAT(warnings,
              Contains(HasSubstr("site par1: its window opens at 2026-10-24 22:00 CEST, in 4 h, and "
                                 "startWithin ends before that")));
  EXPECT_THAT(warnings,
              Contains(AllOf(HasSubstr("site par1: 3 servers, 1 at a time, take about "),
                             HasSubstr(": does not fit 22:00-22:10 (Europe/Paris) and sat 22:00-05:00 "
                                       "(Europe/Paris)"))));
}

TEST_F(RolloutsInWindows, APersonMovesTheEndAtTheStartAndLater) {
  mesh.apply(object());
  mesh.must(PlanRollout{"r"});
  const std::string digest = status().plan().digest();
  const auto over = mesh.ask(StartRollout{"r", digest, 3, mesh.now.wall_low});
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(over.error().field, "until");
  mesh.must(StartRollout{"r", digest, 3, utc(2026y / 10 / 24, 20h + 30min)});
  mesh.pass(to_ten);
  mesh.run_for(10s);
  EXPECT_EQ(agent->orders(), 1);
  EXPECT_EQ(from_wire(agent->last_order("s0")->issue.start_by()), utc(2026y / 10 / 24, 20h + 30min));
  mesh.must(SetRollout{"r", utc(2026y / 10 / 24, 22h), 0, 0, "it goes well"});
  agent->succeed("s0");
  EXPECT_EQ(from_wire(agent->last_order("s1")->issue.start_by()), utc(2026y / 10 / 24, 22h));
  mesh.pass(3h);
  mesh.run_for(10s);
  EXPECT_EQ(mesh.deployment_of("s2").state(), "CANCELLED") << "behind the end nothing waits";
}

}  // namespace
}  // namespace metalmesh::testing
