// The site's images on disk: fetched once (mirrors in order, resumed after a cut), their SHA-256 verified,
// probed for what the media fence needs, and only then ready.
//
// One thread checks what is there, others download, so an image that is present never waits for one that
// is not. Several fetches of one image are one job. Stopping (the destructor) cancels transfers; parts stay
// and are resumed. Events reach the sink from the store's threads, or from the caller of `fetch` when the
// image is known to be ready.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agents/media/server/image_download.h"
#include "agents/media/server/image_folder.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/ports/image_files.h"
#include "common/ports/sink.h"

namespace metalmesh::media {

struct ImageStoreOptions {
  std::string folder;
  std::string ca_file;                       // PEM for https sources; empty: the system's
  std::uint64_t reserve_bytes = 1ULL << 30;  // disk space that images never take
  unsigned downloads = 2;                    // side by side
  long silence_seconds = 60;                 // NOLINT(google-runtime-int): libcurl's type
};

class ImageStore final : public ImageFiles {
 public:
  /// `sink` and `log` must outlive the store.
  static Result<std::unique_ptr<ImageStore>> open(ImageStoreOptions options, Sink& sink, LogSink& log);
  ~ImageStore() override;
  ImageStore(const ImageStore&) = delete;
  ImageStore& operator=(const ImageStore&) = delete;

  void fetch(ImageFetch fetch) override;
  void drop(ImageDrop drop) override;

 private:
  struct Job {
    ImageFetch fetch;
    std::atomic<bool> cancelled = false;
    bool drop_after = false;
    std::optional<ImageFetch> again;  // asked for after the drop
  };
  using JobPtr = std::shared_ptr<Job>;
  enum class Next { finished, download };

  ImageStore(ImageStoreOptions options, ImageFolder folder, Sink& sink, LogSink& log);
  void work(std::deque<JobPtr>& lane, Next (ImageStore::*step)(Job&));
  Next check(Job& job);
  Next download(Job& job);
  void finish(const JobPtr& job);
  void enqueue(ImageFetch fetch);
  bool announce(Job& job);
  void give_up(const Job& job, bool corrupt, const std::string& detail);

  ImageStoreOptions options_;
  ImageFolder folder_;
  Sink& sink_;
  LogSink& log_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::deque<JobPtr> checks_;
  std::deque<JobPtr> downloads_;
  std::map<std::string, JobPtr> jobs_;             // under way or queued, by digest
  std::map<std::string, wire::ImageFacts> ready_;  // verified in this life
  std::vector<std::thread> threads_;
};

}  // namespace metalmesh::media
