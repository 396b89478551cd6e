// An image that a reader was not given bytes of is verified at once, whatever its turn.
#include <gmock/gmock.h>

#include <filesystem>

#include "agents/media/server/image_store.h"
#include "common/base/digest.h"
#include "tests/contract/media/media_bench.h"

namespace metalmesh::media {
namespace {

using namespace std::chrono_literals;

template <class T>
std::optional<T> told(test::WaitingSink& sink, std::chrono::milliseconds limit = 20s) {
  return sink.wait<T>(
      [](const Input& input) -> std::optional<T> {
        const auto* found = std::get_if<T>(&input);
        return found == nullptr ? std::nullopt : std::optional(*found);
      },
      limit);
}

TEST(ImageVerify, ADoubtedImageDoesNotWaitForItsTurn) {
  const test::ScratchFolder folder;
  test::WaitingSink sink;
  test::QuietLog log;
  const std::string digest = to_hex(sha256(test::read_file(test::installer_iso())));
  ImageStoreOptions options;  // each image is verified once a week, and looked after every few seconds
  options.folder = folder / "images";
  options.share.reserve = 1 << 20;
  options.look_every = 1h;
  options.download.sources = {{"/"}, {"127.0.0.0/8"}};
  auto store = ImageStore::open(options, sink, log);
  ASSERT_TRUE(store.has_value()) << store.error().message;
  (*store)->fetch({digest, 0, {"file://" + test::installer_iso()}});
  const auto ready = told<ImageReady>(sink);
  ASSERT_TRUE(ready.has_value());
  (*store)->verify({digest});
  (*store)->verify({std::string(64, 'f')});  // never heard of
  EXPECT_FALSE(told<ImageFailed>(sink, 700ms).has_value()) << "it is sound";

  const std::string path = ready->facts.path();
  const auto before = std::filesystem::last_write_time(path);
  std::string rotten = test::read_file(path);
  rotten[1'000'000] ^= 1;
  test::write_file(path, rotten);
  std::filesystem::last_write_time(path, before);
  (*store)->verify({digest});
  const auto failed = told<ImageFailed>(sink);
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->why, ImageFailed::Why::rotten);
}

}  // namespace
}  // namespace metalmesh::media
