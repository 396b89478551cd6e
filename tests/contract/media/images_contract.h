// What every implementation of ports/image_files promises about one image and its two sources.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/ports/input.h"

namespace metalmesh::contract {

class ImagesWorld {
 public:
  enum class Gives { all, nothing, half, other_bytes };
  virtual ~ImagesWorld() = default;
  virtual std::string digest() = 0;
  virtual std::uint64_t size() = 0;
  virtual std::string url(std::size_t source) = 0;  // 0 and 1
  /// What the source gives from now on; at first, all.
  virtual void give(std::size_t source, Gives what) = 0;
  /// How often it was asked, and how many bytes it gave.
  virtual std::size_t asked(std::size_t source) = 0;
  virtual std::uint64_t given(std::size_t source) = 0;
  virtual void fetch(ImageFetch fetch) = 0;
  virtual void drop(ImageDrop drop) = 0;
  virtual void verify(ImageVerify verify) = 0;
  /// ImageReady and ImageFailed, in the order of their coming.
  virtual std::vector<Input> answers() = 0;
  virtual bool wait(const std::function<bool()>& done) = 0;
  virtual void pass(Duration time) = 0;
  /// The process ends, and comes back.
  virtual void restart() = 0;
  /// A bit of the image turns over on the disk.
  virtual void rot() = 0;
};

struct ImagesWorldKind {
  std::string name;
  std::function<std::unique_ptr<ImagesWorld>()> make;
};
inline void PrintTo(const ImagesWorldKind& kind, std::ostream* out) { *out << kind.name; }

using namespace std::chrono_literals;

class ImagesContract : public testing::TestWithParam<ImagesWorldKind> {
 protected:
  using Gives = ImagesWorld::Gives;
  using Why = ImageFailed::Why;
  void SetUp() override { world_ = GetParam().make(); }
  ImageFetch from(std::vector<std::size_t> sources) {
    ImageFetch fetch{world_->digest(), world_->size(), {}};
    for (const std::size_t source : sources) fetch.urls.push_back(world_->url(source));
    return fetch;
  }
  /// The next answer after `act`.
  template <class T>
  T next(const std::function<void()>& act) {
    const std::size_t before = world_->answers().size();
    act();
    EXPECT_TRUE(world_->wait([&] { return world_->answers().size() > before; })) << "no answer";
    const auto answers = world_->answers();
    if (answers.size() <= before) return T();
    const auto* wanted = std::get_if<T>(&answers[before]);
    if (wanted != nullptr) return *wanted;
    const auto* failed = std::get_if<ImageFailed>(&answers[before]);
    ADD_FAILURE() << "another answer: " << (failed != nullptr ? failed->detail : "it is ready");
    return T();
  }
  ImageReady ready(std::vector<std::size_t> sources) {
    return next<ImageReady>([&] { world_->fetch(from(std::move(sources))); });
  }
  ImageFailed failed(std::vector<std::size_t> sources) {
    return next<ImageFailed>([&] { world_->fetch(from(std::move(sources))); });
  }

  std::unique_ptr<ImagesWorld> world_;
};

TEST_P(ImagesContract, what_is_ready_is_whole_and_its_facts_are_told) {
  const ImageReady image = ready({0});
  EXPECT_EQ(image.sha256, world_->digest());
  EXPECT_EQ(image.facts.sha256(), world_->digest());
  EXPECT_EQ(image.facts.size(), world_->size());
  EXPECT_FALSE(image.facts.path().empty());
  EXPECT_GT(image.facts.guarded_size(), 0);
}

TEST_P(ImagesContract, what_is_there_needs_no_source_in_this_life_and_the_next) {
  ready({0});
  world_->give(0, Gives::nothing);
  ready({0});
  world_->restart();
  ready({0});
  EXPECT_EQ(world_->asked(0), 1U);
}

TEST_P(ImagesContract, a_source_that_is_away_is_named_and_asked_again_when_it_is_wanted_again) {
  world_->give(0, Gives::nothing);
  const ImageFailed away = failed({0});
  EXPECT_EQ(away.why, Why::unavailable);
  EXPECT_THAT(away.detail, testing::HasSubstr(world_->url(0)));
  EXPECT_EQ(away.held, 0U);
  world_->give(0, Gives::all);
  ready({0});
}

TEST_P(ImagesContract, without_a_source_it_is_unavailable) {
  const ImageFailed none = failed({});
  EXPECT_EQ(none.why, Why::unavailable);
  EXPECT_FALSE(none.detail.empty());
}

TEST_P(ImagesContract, after_a_cut_it_goes_on_where_it_was_also_in_another_life) {
  world_->give(0, Gives::half);
  const ImageFailed cut = failed({0});
  EXPECT_EQ(cut.why, Why::unavailable);
  EXPECT_GT(cut.held, 0U);
  world_->restart();
  world_->give(0, Gives::all);
  ready({0});
  EXPECT_LE(world_->given(0), world_->size());
}

TEST_P(ImagesContract, other_bytes_are_corrupt_and_nothing_of_them_stays) {
  world_->give(0, Gives::other_bytes);
  const ImageFailed other = failed({0});
  EXPECT_EQ(other.why, Why::corrupt);
  EXPECT_THAT(other.detail, testing::HasSubstr(world_->url(0)));
  EXPECT_EQ(other.held, 0U);
  world_->give(0, Gives::all);
  ready({0});
}

TEST_P(ImagesContract, sources_are_tried_in_order) {
  ready({1, 0});
  EXPECT_EQ(world_->asked(0), 0U);
  for (const Gives bad : {Gives::nothing, Gives::other_bytes}) {
    world_->drop({world_->digest()});
    world_->give(0, bad);
    ready({0, 1});
  }
}

TEST_P(ImagesContract, it_is_corrupt_only_when_no_source_is_left_that_may_have_it) {
  world_->give(0, Gives::other_bytes);
  world_->give(1, Gives::nothing);
  EXPECT_EQ(failed({0, 1}).why, Why::unavailable);
}

TEST_P(ImagesContract, two_who_want_it_share_one_fetch) {
  world_->fetch(from({0}));
  ready({0});
  world_->pass(200ms);
  EXPECT_EQ(world_->asked(0), 1U);
  for (const Input& answer : world_->answers()) EXPECT_TRUE(std::holds_alternative<ImageReady>(answer));
}

TEST_P(ImagesContract, what_was_dropped_is_fetched_anew) {
  ready({0});
  world_->drop({world_->digest()});
  ready({0});
  EXPECT_EQ(world_->asked(0), 2U);
}

TEST_P(ImagesContract,
       a_sound_image_that_is_verified_is_not_talked_about_and_one_that_has_rotted_is_fetched_anew) {
  ready({0});
  world_->verify({world_->digest()});
  world_->verify({std::string(64, 'e')});
  world_->pass(1s);
  EXPECT_EQ(world_->answers().size(), 1U);
  world_->rot();
  const ImageFailed rotten = next<ImageFailed>([&] { world_->verify({world_->digest()}); });
  EXPECT_EQ(rotten.why, Why::rotten);
  EXPECT_FALSE(rotten.detail.empty());
  ready({0});
  EXPECT_EQ(world_->asked(0), 2U);
}

}  // namespace metalmesh::contract
