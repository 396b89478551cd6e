#include "tests/contract/store_contract.h"

#include "tests/contract/store/stores_on_disk.h"
#include "tests/sim/sim_store.h"

namespace metalmesh {
namespace adapters {

class FolderBench final : public StoreBench {
 public:
  explicit FolderBench(std::string engine) : engine_(std::move(engine)) { reopen(); }
  Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    auto opened = open_store(engine_, folder_.path());
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      std::abort();
    }
    store_ = std::move(*opened);
  }
  void rot(const std::string& mark) override {
    store_.reset();
    EXPECT_GT(flip_in_files(folder_.path(), mark), 0) << mark;
    reopen();
  }
  bool rot_key(const std::string& mark) override {
    rot(mark);
    return true;
  }

 private:
  std::string engine_;
  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
};

}  // namespace adapters

std::unique_ptr<StoreBench> sqlite_bench() { return std::make_unique<adapters::FolderBench>("sqlite"); }
std::unique_ptr<StoreBench> rocks_bench() { return std::make_unique<adapters::FolderBench>("rocksdb"); }

class SimBench final : public StoreBench {
 public:
  Store& store() override { return store_; }
  void reopen() override { store_.crash(); }
  void rot(const std::string& mark) override {
    for (const auto& [key, value] : store_.rows()) {
      if (value.find(mark) != std::string::npos) store_.rot(key);
    }
  }

 private:
  sim::SimStore store_;
};
std::unique_ptr<StoreBench> sim_bench() { return std::make_unique<SimBench>(); }
INSTANTIATE_TEST_SUITE_P(Sim, StoreContract, testing::Values(&sim_bench));

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(&sqlite_bench));
INSTANTIATE_TEST_SUITE_P(Rocks, StoreContract, testing::Values(&rocks_bench));

}  // namespace metalmesh
