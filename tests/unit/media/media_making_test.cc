// What media are made of: changed files, second media, package trees, and what could not be made for now.
#include <gmock/gmock.h>

#include "tests/unit/media/iso_writer.h"
#include "tests/unit/media/media_core_bench.h"

namespace metalmesh::media {
namespace {

using test::plain_range;
using test::size;

/// Base images in memory; counts how often they are opened.
class MemoryImages final : public BaseImages {
 public:
  Result<std::unique_ptr<BlockReader>> open(const std::string& path) override {
    ++opened;
    if (path != "/images/base.iso" || away) return fail(ErrorKind::unavailable, path + ": no such file");
    return std::make_unique<MemoryReader>(content);
  }
  std::string content;
  int opened = 0;
  bool away = false;
};

class ComposedMountTest : public testing::Test {
 protected:
  ComposedMountTest() { images_.content = test::installer_iso().build(); }

  wire::Mount order(const std::string& config) {
    wire::Mount mount;
    mount.set_token("tok");
    mount.set_deployment_id("dep");
    mount.mutable_image()->set_size(images_.content.size());
    mount.mutable_image()->set_path("/images/base.iso");
    auto& change = *mount.add_changes();
    change.set_path("/boot/grub.cfg");
    change.set_content(config);
    return mount;
  }
  MediaOutcome send(const wire::Mount& mount, int second = 0) {
    wire::MediaCommand command;
    *command.mutable_mount() = mount;
    return core_.on_command(command, at(second));
  }
  static Now at(int second) { return {MonoTime(std::chrono::seconds(second)), {}, {}}; }
  Respond get(const std::string& range = "") {
    MediaRequest request;
    request.conn = 1;
    request.method = "GET";
    request.path = "/m/tok.iso";
    if (!range.empty()) request.headers = {{"range", range}};
    auto out = core_.on_request(std::move(request), Now{});
    for (auto& effect : out.effects) {
      if (auto* respond = std::get_if<Respond>(&effect)) return std::move(*respond);
    }
    return {};
  }
  static std::string refusal(const MediaOutcome& out) {
    for (const auto& effect : out.effects) {
      if (const auto* tell = std::get_if<Tell>(&effect); tell != nullptr && tell->event.has_refused()) {
        return tell->event.refused().reason();
      }
    }
    return "";
  }

  MemoryImages images_;
  MediaCore core_{&images_};
};

TEST_F(ComposedMountTest, ServesChangedFilesBehindTheFence) {
  auto mount = order("ours");
  EXPECT_EQ(refusal(send(mount)), "");
  EXPECT_EQ(get("bytes=0-2047").status, 206);
  EXPECT_TRUE(get().cut_short) << "the new file lies in the tail and is guarded";
  mount.set_state(wire::LAUNCHED);
  send(mount);
  const Respond all = get();
  EXPECT_EQ(all.status, 200);
  EXPECT_GT(all.content_length, images_.content.size());
  bool seen = false;
  for (const Segment& segment : all.segments) {
    const auto* text = std::get_if<SharedText>(&segment);
    seen = seen || (text != nullptr && text->view().find("ours") != std::string::npos);
  }
  EXPECT_TRUE(seen);
}

TEST_F(ComposedMountTest, ComposesOncePerContent) {
  auto mount = order("ours");
  send(mount);
  mount.set_state(wire::OPEN);
  send(mount);
  EXPECT_EQ(images_.opened, 1);
  send(order("others"));
  EXPECT_EQ(images_.opened, 2);
}

TEST_F(ComposedMountTest, TellsWhyAMediumCannotBe) {
  auto mount = order("x");
  mount.mutable_changes(0)->set_path("/boot");
  EXPECT_THAT(refusal(send(mount)), testing::HasSubstr("is a directory"));
  EXPECT_EQ(get("bytes=0-1").status, 503);
  mount = order("x");
  mount.mutable_image()->set_path("/gone");
  EXPECT_THAT(refusal(send(mount)), testing::HasSubstr("no such file"));
  EXPECT_EQ(refusal(send(order("x"))), "");
  EXPECT_EQ(get("bytes=0-1").status, 206);
}

TEST_F(ComposedMountTest, ServesASecondMedium) {
  wire::Mount mount;
  mount.set_token("tok");
  mount.mutable_second()->set_label("CIDATA");
  mount.mutable_second()->set_format(wire::SecondMedium::ISO);
  auto& file = *mount.mutable_second()->add_files();
  file.set_path("/user-data");
  file.set_content("#cloud-config");
  EXPECT_EQ(refusal(send(mount)), "");
  EXPECT_EQ(get("bytes=32768-40959").status, 206) << "descriptors";
  EXPECT_TRUE(get().cut_short);
  mount.set_state(wire::LAUNCHED);
  send(mount);
  const Respond all = get();
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.file, "");
  EXPECT_EQ(images_.opened, 0);
}

/// A passing error while the media server starts must not leave a launched medium at 503 for ever.
TEST_F(ComposedMountTest, WhatCouldNotBeReadIsTriedAgain) {
  auto mount = order("ours");
  mount.set_state(wire::LAUNCHED);
  images_.away = true;
  EXPECT_THAT(refusal(send(mount)), testing::HasSubstr("no such file"));
  EXPECT_EQ(get().status, 503);
  ASSERT_EQ(core_.next_due(), MonoTime(std::chrono::seconds(1)));
  EXPECT_EQ(refusal(core_.on_tick(at(1))), "") << "told once";
  EXPECT_EQ(get().status, 503);
  images_.away = false;
  const MediaOutcome back = core_.on_tick(at(3));
  ASSERT_FALSE(back.logs.empty());
  EXPECT_THAT(back.logs[0].message, testing::HasSubstr("is there again"));
  EXPECT_EQ(get().status, 200);
  EXPECT_EQ(core_.next_due(), std::nullopt);
  const int opened = images_.opened;
  core_.on_tick(at(1000));
  EXPECT_EQ(images_.opened, opened);
}

TEST_F(ComposedMountTest, TriesLessOftenTheLongerItLasts) {
  images_.away = true;
  send(order("ours"));
  std::vector<int> tries;
  for (int second = 0; second < 60; ++second) {
    const int before = images_.opened;
    core_.on_tick(at(second));
    if (images_.opened > before) tries.push_back(second);
  }
  EXPECT_THAT(tries, testing::ElementsAre(1, 3, 7, 15, 23, 31, 39, 47, 55));
  EXPECT_THAT(refusal(send(order("ours"), 60)), testing::HasSubstr("no such file"))
      << "another agent may ask";
}

TEST_F(ComposedMountTest, WhatIsWrongForGoodIsNotTriedAgain) {
  auto mount = order("x");
  mount.mutable_changes(0)->set_path("/boot");
  send(mount);
  EXPECT_EQ(core_.next_due(), std::nullopt);
}

TEST_F(ComposedMountTest, WhatIsDeadIsNotTriedAgain) {
  images_.away = true;
  auto mount = order("ours");
  mount.set_state(wire::LAUNCHED);
  send(mount);
  mount.set_state(wire::DEAD);
  send(mount);
  EXPECT_EQ(core_.next_due(), std::nullopt);
}

/// A mount with a package tree beside it, both in memory.
class PackagesTest : public test::MediaCoreTest, private BaseImages {
 protected:
  PackagesTest() {
    iso_.add("/pool/a.deb", "0123456789");
    core_ = MediaCore(this);
  }
  Result<std::unique_ptr<BlockReader>> open(const std::string& path) override {
    if (path != "/images/dvd.iso" || away_) return fail(ErrorKind::unavailable, "no such file");
    ++opened_;
    return std::make_unique<MemoryReader>(broken_ ? "not an image" : iso_.build());
  }
  MediaOutcome order(wire::MountState state, const std::string& token = "tok",
                     const std::string& tree = "tree", bool plain = false) {
    wire::MediaCommand command;
    auto& mount = *command.mutable_mount();
    mount.set_token(token);
    mount.set_state(state);
    mount.set_plain(plain);
    mount.mutable_image()->set_size(size);
    mount.mutable_image()->set_path("/images/base.iso");
    mount.mutable_packages()->set_token(tree);
    mount.mutable_packages()->mutable_image()->set_path("/images/dvd.iso");
    mount.mutable_packages()->mutable_image()->set_sha256("bb");
    return core_.on_command(command, at(0));
  }
  Respond get(const std::string& path, Headers headers = {}, Door door = Door::packages,
              const std::string& method = "GET") {
    MediaRequest request{7, method, path, std::move(headers), "", "10.0.0.7", door};
    return responses(core_.on_request(std::move(request), at(1))).front();
  }
  int opened_ = 0;
  bool broken_ = false;
  bool away_ = false;
  test::IsoWriter iso_;
};

TEST_F(PackagesTest, AreServedWhileTheInstallerRuns) {
  const std::vector<std::pair<wire::MountState, int>> fence = {
      {wire::CLOSED, 503}, {wire::OPEN, 503}, {wire::LAUNCHED, 200}, {wire::DEAD, 410}};
  for (const auto& [state, status] : fence) {
    order(state);
    EXPECT_EQ(get("/p/tree/pool/a.deb").status, status) << wire::MountState_Name(state);
  }
  core_.on_command(
      [] {
        wire::MediaCommand c;
        c.set_forget("tok");
        return c;
      }(),
      at(2));
  core_.on_command(
      [] {
        wire::MediaCommand c;
        c.mutable_all();
        return c;
      }(),
      at(2));
  EXPECT_EQ(get("/p/tree/pool/a.deb").status, 404);
}

TEST_F(PackagesTest, AnswerAsHttpSays) {
  order(wire::LAUNCHED);
  const Respond whole = get("/p/tree//pool/a%2Edeb");
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.content_length, 10U);
  EXPECT_EQ(whole.file, "/images/dvd.iso");
  EXPECT_EQ(std::get<ByteRange>(whole.segments.front()), (ByteRange{iso_.offset_of("/pool/a.deb"), 10}));
  const Respond part =
      get("/p/tree/pool/a.deb", {{"range", "bytes=2-4"}, {"if-range", header(whole, "ETag")}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(header(part, "Content-Range"), "bytes 2-4/10");
  const Respond head = get("/p/tree/pool/a.deb", {}, Door::packages, "HEAD");
  EXPECT_EQ(head.content_length, 10U);
  EXPECT_TRUE(head.segments.empty());
  EXPECT_EQ(get("/p/tree/pool/a.deb", {{"range", "bytes=10-"}}).status, 416);
  EXPECT_EQ(get("/p/tree/pool/a.deb", {}, Door::packages, "PUT").status, 405);
  EXPECT_EQ(get("/p/tree/pool/b.deb").status, 404);
  EXPECT_EQ(get("/p/tree/../../etc/passwd").status, 400);
  EXPECT_THAT(get("/p/tree/pool/").text, testing::HasSubstr("href=\"/p/tree/pool/a.deb\""));
  EXPECT_THAT(get("/p/tree").text, testing::HasSubstr("href=\"/p/tree/pool/\""));
}

TEST_F(PackagesTest, HostsSeeNothingElse) {
  order(wire::LAUNCHED);
  EXPECT_EQ(get("/m/tok.iso").status, 404);
  EXPECT_EQ(get("/c/call").status, 404);
  EXPECT_EQ(get("/m/tok.iso", {}, Door::media).status, 200);
  EXPECT_EQ(get("/p/tree/pool/a.deb", {}, Door::media).status, 200) << "BMCs and hosts may share a network";
}

TEST_F(PackagesTest, WithoutTlsThereAreOnlyTheMediaThatWereOrderedSo) {
  order(wire::LAUNCHED);
  EXPECT_EQ(get("/m/tok.iso", {}, Door::plain).status, 404);
  order(wire::LAUNCHED, "tok", "tree", true);
  EXPECT_EQ(get("/m/tok.iso", {}, Door::plain).status, 200);
  EXPECT_EQ(get("/m/tok.iso", {}, Door::media).status, 200);
  EXPECT_EQ(get("/m/other.iso", {}, Door::plain).status, 404);
  EXPECT_EQ(get("/p/tree/pool/a.deb", {}, Door::plain).status, 404);
  EXPECT_EQ(get("/c/call", {}, Door::plain).status, 404);
}

TEST_F(PackagesTest, ReadsOfThemAreASignOfLife) {
  order(wire::LAUNCHED);
  get("/p/tree/pool/a.deb");
  const auto events = told(core_.on_sent(7, 10, at(3)));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].reads().token(), "tok");
  EXPECT_EQ(events[0].reads().package_bytes(), 10U);
  EXPECT_EQ(events[0].reads().bytes_covered(), 0U) << "that is of the medium";
  order(wire::DEAD);
  EXPECT_FALSE(core_.may_continue(7)) << "it ends with the medium";
}

TEST_F(PackagesTest, OneTreeServesAllMountsOfAnImage) {
  order(wire::LAUNCHED);
  order(wire::LAUNCHED, "other", "other-tree");
  order(wire::LAUNCHED);
  EXPECT_EQ(opened_, 1);
  EXPECT_EQ(header(get("/p/tree/pool/a.deb"), "ETag"), header(get("/p/other-tree/pool/a.deb"), "ETag"));
}

TEST_F(PackagesTest, WhatCannotBeReadIsRefusedWithTheReason) {
  broken_ = true;
  const auto events = told(order(wire::CLOSED));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_THAT(events[0].refused().reason(), testing::HasSubstr("package tree"));
  EXPECT_FALSE(events[0].refused().temporary());
  EXPECT_EQ(get("/m/tok.iso", {{"range", plain_range}}, Door::media).status, 206) << "the medium is sound";
  broken_ = false;
  EXPECT_TRUE(told(order(wire::LAUNCHED)).empty());
  EXPECT_EQ(get("/p/tree/pool/a.deb").status, 200) << "another order may succeed";
}

/// The medium of a running installer does not go because its packages are away for a moment.
TEST_F(PackagesTest, ATreeThatIsAwayIsTriedAgainAndDisablesNothing) {
  away_ = true;
  const auto events = told(order(wire::LAUNCHED));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_TRUE(events[0].refused().temporary());
  EXPECT_EQ(get("/m/tok.iso", {}, Door::media).status, 200);
  core_.on_command(
      [] {
        wire::MediaCommand c;
        c.mutable_all()->add_tokens("tok");
        return c;
      }(),
      at(0));
  EXPECT_EQ(get("/p/tree/pool/a.deb").status, 503) << "no installer takes that for a missing file";
  away_ = false;
  core_.on_tick(at(2));
  EXPECT_EQ(get("/p/tree/pool/a.deb").status, 200);
}

}  // namespace
}  // namespace metalmesh::media
