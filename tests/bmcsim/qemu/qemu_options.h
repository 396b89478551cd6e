// One real machine: what it is made of, where its files are, and how its BMC treats media. The identity
// (UUID, serial, first MAC) is the BMC's own, so that firmware and Redfish tell the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::bmcsim {

struct QemuOptions {
  std::string name;    // of the server
  std::string folder;  // everything that is not named otherwise; made when missing
  std::string disk;    // default: <folder>/disk.img; made when missing
  std::uint32_t disk_mib = 128;
  std::uint32_t memory_mib = 512;
  std::string serial_log;            // default: <folder>/serial.log; appended to
  bool secure_boot = false;          // the firmware starts only what Microsoft signed
  bool report_media_errors = false;  // false: a read that fails is tried again until it works (rerror=stop)
  std::string media_ca;              // the only CA that its media reader trusts; empty: it trusts anything
};

/// "NAME[,disk=FILE][,disk-mib=N][,memory-mib=N][,serial=FILE][,rerror=stop|report][,secure-boot=on|off]";
/// folder and media_ca are the caller's. Kinds: invalid.
Result<QemuOptions> parse_qemu_options(std::string_view text);

}  // namespace metalmesh::bmcsim
