// What the stages need of an order: those of an install, or of what is agreed to in fewer words: a start from any image,
// and a test of the way to a medium.
#pragma once

#include "schemas/record/job.pb.h"

namespace metalmesh::install {

/// Nothing is installed: what is booted is somebody's own, and runs until its time is over or somebody says so.
inline bool only_boots(const record::Job& job) { return job.agreed().has_boot_iso(); }

/// Nothing is booted: a medium is inserted, seen to be read, and taken.
inline bool only_tests(const record::Job& job) { return job.agreed().has_mount_test(); }

inline wire::Install terms_of(const wire::Agreed& agreed) {
  if (agreed.has_mount_test()) {
    wire::Install terms;
    terms.set_power(agreed.mount_test().in_use() ? wire::FORCE : wire::REFUSE_IF_ON);
    return terms;
  }
  if (!agreed.has_boot_iso()) return agreed.install();
  constexpr std::uint32_t attempts = 3;
  const wire::BootIso& boot = agreed.boot_iso();
  wire::Install terms;
  *terms.mutable_image() = boot.image();
  terms.set_power(boot.power());
  terms.set_replace_foreign_media(boot.replace_foreign_media());
  if (boot.has_max_run()) *terms.mutable_max_run() = boot.max_run();
  terms.set_attempts_before_wipe(attempts);
  return terms;
}

}  // namespace metalmesh::install
