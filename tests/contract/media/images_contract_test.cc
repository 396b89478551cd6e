// The suite on the store on disk, fed by a server of its own, and on the images of a simulated box.
#include "tests/contract/media/images_contract.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include "agents/media/server/image_store.h"
#include "common/base/digest.h"
#include "common/os/clocks.h"
#include "tests/contract/media/media_bench.h"
#include "tests/contract/media/source_server.h"
#include "tests/contract/support/collecting_sink.h"
#include "tests/contract/support/puppet_node.h"
#include "tests/sim/sim_images.h"
#include "tests/sim/sim_media.h"

namespace metalmesh::contract {
namespace {

std::vector<Input> only_answers(std::vector<Input> inputs) {
  std::erase_if(inputs, [](const Input& input) {
    return !std::holds_alternative<ImageReady>(input) && !std::holds_alternative<ImageFailed>(input);
  });
  return inputs;
}

class DiskWorld final : public ImagesWorld {
 public:
  DiskWorld() { restart(); }
  std::string digest() override { return digest_; }
  std::uint64_t size() override { return content_.size(); }
  std::string url(std::size_t source) override { return sources_[source].url(); }
  void give(std::size_t source, Gives what) override {
    media::test::SourceServer& server = sources_[source];
    std::string other = content_;
    other[other.size() / 2] ^= 1;
    server.status = what == Gives::nothing ? 503 : 0;
    server.stop_at = what == Gives::half ? content_.size() / 2 : 0;
    if (what == Gives::other_bytes) server.replace(other, "\"other\"");
    if (what == Gives::all) server.replace(content_, "\"one\"");
  }
  std::size_t asked(std::size_t source) override { return sources_[source].requests().size(); }
  std::uint64_t given(std::size_t source) override { return sources_[source].served(); }
  void fetch(ImageFetch fetch) override { store_->fetch(std::move(fetch)); }
  void drop(ImageDrop drop) override { store_->drop(std::move(drop)); }
  void verify(ImageVerify verify) override { store_->verify(std::move(verify)); }
  std::vector<Input> answers() override { return only_answers(sink_.all()); }
  bool wait(const std::function<bool()>& done) override {
    const MonoTime last = os::boot_time() + 30s;
    while (!done()) {
      if (os::boot_time() > last) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }
  void pass(Duration time) override { std::this_thread::sleep_for(time); }
  void restart() override {
    store_.reset();
    media::ImageStoreOptions options;
    options.folder = folder_ / "images";
    options.share.reserve = 1 << 20;
    options.look_every = std::chrono::hours(1);
    options.download.sources = {{"/"}, {"127.0.0.0/8"}};
    auto store = media::ImageStore::open(options, sink_, log_);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }
  void rot() override {
    const std::string path = folder_ / ("images/" + digest_ + ".iso");
    const auto before = std::filesystem::last_write_time(path);
    std::string rotten = content_;
    rotten[1'000'000] ^= 1;
    media::test::write_file(path, rotten);
    std::filesystem::last_write_time(path, before);
  }

 private:
  const std::string content_ = media::test::read_file(media::test::installer_iso());
  const std::string digest_ = to_hex(sha256(content_));
  media::test::ScratchFolder folder_;
  media::test::QuietLog log_;
  std::array<media::test::SourceServer, 2> sources_ = {media::test::SourceServer(content_),
                                                       media::test::SourceServer(content_)};
  CollectingSink sink_;
  std::unique_ptr<media::ImageStore> store_;
};

class SimulatedWorld final : public ImagesWorld {
 public:
  std::string digest() override { return std::string(64, 'a'); }
  std::uint64_t size() override { return sim::image_size; }
  std::string url(std::size_t source) override {
    return "https://images.example.net/" + std::to_string(source);
  }
  void give(std::size_t source, Gives what) override { sources_[source].gives = what; }
  std::size_t asked(std::size_t source) override { return sources_[source].asked; }
  std::uint64_t given(std::size_t source) override { return sources_[source].given; }
  void fetch(ImageFetch fetch) override { node_.tell(std::move(fetch)); }
  void drop(ImageDrop drop) override { node_.tell(std::move(drop)); }
  void verify(ImageVerify verify) override { node_.tell(std::move(verify)); }
  std::vector<Input> answers() override { return only_answers(node_.inputs()); }
  bool wait(const std::function<bool()>& done) override { return node_.wait(done); }
  void pass(Duration time) override { node_.pass(time); }
  void restart() override { node_.restart(); }
  void rot() override { images_.rot(digest()); }

 private:
  struct Mirror {
    Gives gives = Gives::all;
    std::size_t asked = 0;
    std::uint64_t given = 0;
  };
  sim::SimImages::Source ask(const std::string& url, std::uint64_t from) {
    using Source = sim::SimImages::Source;
    Mirror& mirror = sources_[url.back() == '1' ? 1 : 0];
    ++mirror.asked;
    const std::uint64_t rest = sim::image_size - from;
    switch (mirror.gives) {
      case Gives::all:
        mirror.given += rest;
        return {Source::Gives::all, 1min};
      case Gives::half:
        mirror.given += rest / 2;
        return {Source::Gives::half, 1min};
      case Gives::other_bytes:
        return {Source::Gives::other_bytes, 1min};
      case Gives::nothing:
        break;
    }
    return {Source::Gives::nothing, 1min};
  }
  sim::Surroundings around() {
    using Deliver = sim::Surroundings::Deliver;
    sim::Surroundings around;
    around.fetch = [this](const ImageFetch& fetch, Deliver deliver) {
      images_.fetch(fetch, std::move(deliver));
    };
    around.drop = [this](const ImageDrop& drop) { images_.drop(drop); };
    around.verify = [this](const ImageVerify& verify, Deliver deliver) {
      images_.verify(verify, std::move(deliver));
    };
    around.went_down = [this] { images_.agent_down(); };
    return around;
  }

  std::array<Mirror, 2> sources_;
  sim::EventQueue events_;
  sim::SimImages images_{events_,
                         [this](const std::string& url, std::uint64_t from) { return ask(url, from); }};
  PuppetNode node_{events_, around()};
};

INSTANTIATE_TEST_SUITE_P(
    Images, ImagesContract,
    testing::Values(ImagesWorldKind{"disk", [] { return std::make_unique<DiskWorld>(); }},
                    ImagesWorldKind{"simulated", [] { return std::make_unique<SimulatedWorld>(); }}),
    [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace metalmesh::contract
