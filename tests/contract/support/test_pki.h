// Throw-away certificates for contract tests, made by the product's own "pki init".
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "common/adapters/pki.h"

namespace metalmesh::contract {

inline void make_pki(const std::filesystem::path& folder) {
  adapters::PkiOptions options;
  options.sites = {{"berlin", {"127.0.0.1"}}, {"oslo", {"127.0.0.1"}}};
  options.hosts = {"127.0.0.1"};
  const WallTime now(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
  const auto written = adapters::init_pki(folder, options, now);
  ASSERT_TRUE(written) << written.error().message;
}

}  // namespace metalmesh::contract
