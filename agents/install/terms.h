// What the stages need of an order: those of an install, or of a start from any image, which is agreed to in fewer words.
#pragma once

#include "schemas/record/job.pb.h"

namespace metalmesh::install {

/// Nothing is installed: what is booted is somebody's own, and runs until its time is over or somebody says so.
inline bool only_boots(const record::Job& job) { return job.agreed().has_boot_iso(); }

inline wire::Install terms_of(const wire::Agreed& agreed) {
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
