// Who runs next. Jobs queue, they never bounce: they wait for their time, their credential, their profile
// and image, a place at the site and their BMC, in the order in which they were accepted; one that cannot
// run yet does not stand in the way of the next. Whatever a job waits for except its turn is told once
// (Held).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "agents/core/blob_cache.h"
#include "agents/core/image_desk.h"
#include "agents/core/job_runner.h"

namespace metalmesh::agent {

class JobQueue {
 public:
  JobQueue(JobContext context, JobRunner& runner, BlobCache& blobs, ImageDesk& images)
      : c_(context), runner_(runner), blobs_(blobs), images_(images) {}

  /// Starts every job that may run now, ends those whose time has passed, and arms the timer "queue" for the
  /// next moment that matters.
  void review(const Now& now, Outcome& out);
  /// Only a place or a login has become free: starts those who are next, without looking at all who wait.
  void fill(const Now& now, Outcome& out);

 private:
  void review(JobSlot& slot, const Now& now, Outcome& out);
  /// That the disk is low is told for all who wait in one event, and not again while it only flaps.
  void tell_disk_low(const Now& now, Outcome& out);
  void count_room();
  /// How many more of its credential's logins may be under way.
  std::int64_t& logins_left(const std::string& credential, const Now& now);
  /// What stands in the way, whoever waits.
  [[nodiscard]] std::optional<wire::Fault> why_held(const JobSlot& slot, const Now& now) const;
  struct Preparation {
    bool here = false;                   // all that it needs
    std::optional<wire::Fault> trouble;  // why one of it is not coming
  };
  [[nodiscard]] std::optional<wire::Fault> trouble(const work::Materials& needs) const;
  Preparation prepare(JobSlot& slot, const work::Materials& needs, const Now& now, Outcome& out);
  [[nodiscard]] bool can_serve(const JobSlot& slot) const;
  void hold(JobSlot& slot, wire::Fault fault, const Now& now, Outcome& out);
  void wake_at(MonoTime at);
  void arm(Outcome& out);

  JobContext c_;
  JobRunner& runner_;
  BlobCache& blobs_;
  ImageDesk& images_;
  std::optional<MonoTime> wake_;
  std::optional<MonoTime> armed_;  // timer "queue"
  bool disk_low_ = false;          // as of the last review
  bool disk_low_told_ = false;
  std::optional<MonoTime> disk_low_until_;
  // Counted once per review.
  std::int64_t places_left_ = 0;
  std::map<std::string, std::int64_t> logins_left_;  // by credential
};

}  // namespace metalmesh::agent
