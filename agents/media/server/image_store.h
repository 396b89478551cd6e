// The site's images on disk: fetched once (mirrors in order, resumed after a cut), their SHA-256 verified,
// probed for what the media fence needs, and only then ready; verified again by and by for as long as they
// stay.
//
// One thread checks what is there, others download, so an image that is present never waits for one that
// is not; one more looks after what is ready while nothing else goes on: it takes in what was imported, and
// hashes the image that has not been verified for the longest. One that the disk cannot give is tried again a
// few times; one that cannot be trusted any more is put aside, not deleted: launched installers read it, and
// no source may have what was imported. Several fetches of one image are one job. Stopping (the destructor)
// cancels transfers; parts stay and are resumed. Events reach the sink from the store's threads, or from the
// caller of `fetch` when the image is known to be ready.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "agents/media/pacer.h"
#include "agents/media/server/image_download.h"
#include "agents/media/server/image_folder.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/ports/bandwidth_plan.h"
#include "common/ports/image_files.h"
#include "common/ports/sink.h"

namespace metalmesh::media {

struct ImageStoreOptions {
  std::string folder;
  DownloadOptions download;
  DiskShare share;         // until `limit` says otherwise
  unsigned downloads = 2;  // side by side
  std::chrono::milliseconds look_every =
      std::chrono::seconds(5);  // for imported images and for what to verify
  std::chrono::seconds verify_every = std::chrono::hours(24 * 7);   // each image
  std::uint64_t verify_rate = 20'000'000;                           // bytes per second
  unsigned read_tries = 3;                                          // of an image that the disk does not give
  std::chrono::milliseconds read_again = std::chrono::seconds(30);  // between them
  std::chrono::milliseconds aside_again =
      std::chrono::hours(1);  // what was put aside is looked at again: a disk may come back
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
  void limit(ImageLimit limit) override;
  void verify(ImageVerify verify) override;

 private:
  struct Job {
    ImageFetch fetch;
    std::atomic<bool> cancelled = false;
    bool found = false;  // nobody asked for it: it lies in the folder
    bool drop_after = false;
    std::optional<ImageFetch> again;  // asked for meanwhile, to be done after this
  };
  using JobPtr = std::shared_ptr<Job>;
  enum class Next { finished, download };
  /// What the sources of one download said, and which of them lie.
  struct Trial;

  ImageStore(ImageStoreOptions options, ImageFolder folder, Sink& sink, LogSink& log);
  void work(std::deque<JobPtr>& lane, Next (ImageStore::*step)(Job&));
  Next check(Job& job);
  Next download(Job& job);
  Status try_sources(Job& job, Trial& trial);
  Status try_source(Job& job, const std::string& url, Trial& trial);
  void finish(const JobPtr& job);
  void enqueue(ImageFetch fetch, bool found = false);
  bool announce(Job& job);
  void tell_ready(const std::string& sha256, wire::ImageFacts facts);
  void give_up(const Job& job, ImageFailed failed);
  [[nodiscard]] DiskShare share();

  /// Waits; false when the store stops.
  bool pause(Duration time);
  void pace_download(std::size_t bytes, const std::atomic<bool>& cancelled);

  void look_after();
  [[nodiscard]] bool wait_for_work();
  void take_in_found();
  std::optional<std::string> due_for_verification();
  void verify_again(const std::string& sha256);
  void look_at_aside(const std::string& sha256);
  /// Nothing when something better to do came between, of which there is nothing for one that is doubted; one
  /// thing is hashed at a time, slowly.
  std::optional<Result<std::string>> digest_quietly(const std::string& path, bool doubted);
  /// A read of the disk failed. True when it was tried often enough.
  bool given_up(const std::string& sha256, const Error& error);
  [[nodiscard]] bool rests(const std::string& sha256) const;
  void rotten(const std::string& sha256, const std::string& seen);

  ImageStoreOptions options_;
  ImageFolder folder_;
  FileSources files_;
  Sink& sink_;
  LogSink& log_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  DiskShare share_;
  BandwidthPlan bandwidth_;
  Pacer line_;
  std::deque<JobPtr> checks_;
  std::deque<JobPtr> downloads_;
  std::map<std::string, JobPtr> jobs_;             // under way or queued, by digest
  std::map<std::string, wire::ImageFacts> ready_;  // verified in this life
  std::set<std::string> doubted_;                  // to be verified before anything else
  std::set<std::string> imported_;                 // those of them that were told to be imported
  struct Unread {
    unsigned tries = 0;
    MonoTime next;
  };
  std::map<std::string, Unread> unread_;  // images that the disk did not give
  std::optional<MonoTime> aside_due_;
  std::vector<std::thread> threads_;
};

}  // namespace metalmesh::media
