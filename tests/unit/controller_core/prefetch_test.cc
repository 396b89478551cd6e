// An image that a person has sites fetch ahead: asked for, told, and followed by what the sites report.
#include "controller/core/prefetches.h"
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using ::testing::HasSubstr;

struct Prefetches : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");

  [[nodiscard]] rest::ImagePrefetch at(const std::string& site) const {
    for (const auto& entry : mesh.state().images.at("rocky").status().prefetches()) {
      if (entry.site() == site) return entry;
    }
    return {};
  }
  [[nodiscard]] int told() const {
    return static_cast<int>(std::ranges::count_if(agent.commands, &wire::Command::has_prefetch_image));
  }
  void report(const std::function<void(wire::ImageAtSite&)>& fill) {
    wire::Event event;
    event.mutable_image()->set_sha256(mesh.state().images.at("rocky").spec().iso().sha256());
    fill(*event.mutable_image());
    agent.report(event);
  }
  void ready() {
    report([](wire::ImageAtSite& image) { image.set_ready(true); });
  }
  void evicted() {
    report([](wire::ImageAtSite& image) { image.set_evicted(true); });
  }
};

TEST_F(Prefetches, TheSiteIsToldOnceAndItsReportsAreFollowed) {
  mesh.must(PrefetchImage{"rocky", {"par1"}});
  ASSERT_EQ(told(), 1);
  const auto command =
      std::ranges::find_if(agent.commands, &wire::Command::has_prefetch_image)->prefetch_image();
  EXPECT_EQ(command.image().name(), "rocky");
  EXPECT_EQ(command.image().urls_size(), mesh.state().images.at("rocky").spec().iso().urls_size());
  EXPECT_EQ(at("par1").state(), "fetching");
  report([](wire::ImageAtSite& image) {
    image.mutable_fault()->set_code(wire::DISK_LOW);
    image.mutable_fault()->set_seen("4096 more bytes are needed");
  });
  EXPECT_EQ(at("par1").state(), "failed");
  EXPECT_THAT(at("par1").message(), HasSubstr("4096 more bytes are needed"));
  ready();
  EXPECT_EQ(at("par1").state(), "ready");
  EXPECT_EQ(at("par1").message(), "");
  evicted();
  EXPECT_EQ(at("par1").state(), "evicted");
  EXPECT_TRUE(mesh.state().images.at("rocky").status().ready_at().empty());
  mesh.run_for(std::chrono::minutes(5));
  EXPECT_EQ(told(), 1);
}

TEST_F(Prefetches, WhatIsThereIsReadyAtOnce) {
  ready();
  EXPECT_EQ(at("par1").state(), "") << "nobody asked for it";
  mesh.must(PrefetchImage{"rocky", {"par1"}});
  EXPECT_EQ(at("par1").state(), "ready");
}

TEST_F(Prefetches, ASiteThatIsAwayIsToldWhenItIsBack) {
  mesh.apply(Mesh::site("lyo1"));
  mesh.must(PrefetchImage{"rocky", {"lyo1", "par1"}});
  EXPECT_EQ(at("lyo1").state(), "asked");
  EXPECT_EQ(at("par1").state(), "fetching");
}

TEST_F(Prefetches, ASiteWithoutMemoryIsAskedAnew) {
  mesh.must(PrefetchImage{"rocky", {"par1"}});
  auto& fresh = *(mesh.agents["par1"] = std::make_unique<Puppet>(mesh, "par1", "journal-2"));
  fresh.hello();
  mesh.run_for(std::chrono::minutes(3));
  EXPECT_EQ(std::ranges::count_if(fresh.commands, &wire::Command::has_prefetch_image), 1);
}

TEST_F(Prefetches, AsksOnlyForWhatThereIs) {
  EXPECT_EQ(mesh.ask(PrefetchImage{"none", {"par1"}}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(mesh.ask(PrefetchImage{"rocky", {"par1", "none"}}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(mesh.ask(PrefetchImage{"rocky", {}}).error().kind, ErrorKind::invalid);
  EXPECT_TRUE(mesh.state().images.at("rocky").status().prefetches().empty()) << "a refusal changes nothing";
}

TEST_F(Prefetches, AnotherImageUnderTheNameIsAnotherWish) {
  mesh.must(PrefetchImage{"rocky", {"par1"}});
  rest::Image image = mesh.state().images.at("rocky");
  image.mutable_spec()->mutable_iso()->set_sha256(std::string(64, '9'));
  mesh.apply(image);
  EXPECT_TRUE(mesh.state().images.at("rocky").status().prefetches().empty());
}

TEST(SiteImages, LimitsReachTheSiteAndAreChecked) {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  rest::Site site = Mesh::site("par1");
  site.mutable_spec()->mutable_images()->set_maximum(7'000'000);
  mesh.apply(site);
  mesh.run_for(std::chrono::seconds(2));
  const auto last = std::ranges::find_if(agent.commands.rbegin(), agent.commands.rend(),
                                         [](const wire::Command& c) { return c.has_site_settings(); });
  ASSERT_NE(last, agent.commands.rend());
  EXPECT_EQ(last->site_settings().images().maximum(), 7'000'000U);
  auto& span = *site.mutable_spec()->mutable_images()->add_bandwidth();
  span.set_from("25:00");
  span.set_to("26:00");
  span.set_bytes_per_second(1'000'000);
  const auto refused = mesh.ask(Apply{site, std::nullopt});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().field, "spec.images");
  EXPECT_THAT(refused.error().message, HasSubstr("bandwidth[0].from"));
}

}  // namespace
}  // namespace metalmesh::testing
