// An image store in a folder of its own, the image that it is asked for, and what it tells.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/media/server/image_store.h"
#include "common/base/digest.h"
#include "tests/contract/media/media_bench.h"

namespace metalmesh::media::test {

class StoreFixture : public testing::Test {
 protected:
  void SetUp() override {
    content_ = read_file(installer_iso());
    digest_ = to_hex(sha256(content_));
    open();
  }
  void open(std::uint64_t reserve = 1 << 20) {
    options_.share.reserve = reserve;
    reopen();
  }
  void reopen() {
    store_.reset();
    options_.folder = folder_ / "images";
    options_.look_every = std::chrono::milliseconds(50);
    if (options_.download.sources.folders.empty()) options_.download.sources = {{"/"}, {"127.0.0.0/8"}};
    auto store = ImageStore::open(options_, sink_, log_);
    ASSERT_TRUE(store.has_value()) << store.error().message;
    store_ = std::move(*store);
  }
  void fetch(std::vector<std::string> urls, std::uint64_t size = 0) {
    store_->fetch({digest_, size, std::move(urls)});
  }
  std::optional<ImageReady> ready(std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    return sink_.wait<ImageReady>(
        [](const Input& input) -> std::optional<ImageReady> {
          const auto* found = std::get_if<ImageReady>(&input);
          return found == nullptr ? std::nullopt : std::optional(*found);
        },
        limit);
  }
  std::optional<ImageFailed> failed(std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    return sink_.wait<ImageFailed>(
        [](const Input& input) -> std::optional<ImageFailed> {
          const auto* found = std::get_if<ImageFailed>(&input);
          return found == nullptr ? std::nullopt : std::optional(*found);
        },
        limit);
  }
  [[nodiscard]] std::string file(const std::string& suffix) const {
    return folder_ / ("images/" + digest_ + suffix);
  }

  ScratchFolder folder_;
  WaitingSink sink_;
  QuietLog log_;
  std::string content_;
  std::string digest_;
  ImageStoreOptions options_;
  std::unique_ptr<ImageStore> store_;
};

}  // namespace metalmesh::media::test
