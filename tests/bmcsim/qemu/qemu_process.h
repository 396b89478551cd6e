// The QEMU process of one machine: its command line, and a child that cannot outlive us. The kernel kills it
// when the thread that started it ends, however it ends, so start it from the main thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/result.h"
#include "tests/bmcsim/model/bmc_options.h"
#include "tests/bmcsim/qemu/qemu_options.h"

namespace metalmesh::bmcsim {

/// The file descriptor at which QEMU finds its monitor.
inline constexpr int monitor_fd = 3;

/// Device names in QEMU, and their places in the firmware's boot order.
inline constexpr char cd_device[] = "cd0";
inline constexpr char second_device[] = "second";
inline constexpr char disk_device[] = "hd0";
inline constexpr char disk_node[] = "disk";
inline constexpr int disk_boot_index = 10;
inline constexpr int cd_first = 1;
inline constexpr int cd_last = 20;

/// Paths in `options` are absolute. The machine starts powered off and stays when its guest powers off.
std::vector<std::string> qemu_command(const QemuOptions& options, const BmcOptions& identity);

/// Makes the folder, an empty disk and fresh firmware variables where they are missing, and fills in the
/// default paths. Kinds: unavailable (the file system; the firmware is not installed).
Status prepare_files(QemuOptions& options);

class QemuProcess {
 public:
  /// With `media_ca`, /etc/ssl/certs/ca-certificates.crt is that file in the child's own mount namespace
  /// (QEMU's HTTPS reader has no option for a CA). What the child prints goes to <folder>/qemu.log. Kinds:
  /// unavailable.
  static Result<QemuProcess> start(const std::vector<std::string>& command, const QemuOptions& options);
  QemuProcess(QemuProcess&& other) noexcept;
  QemuProcess& operator=(QemuProcess&&) = delete;
  ~QemuProcess();

  /// The near end of the monitor socket; the caller owns it from then on.
  int take_monitor();

 private:
  QemuProcess(pid_t pid, int monitor) : pid_(pid), monitor_(monitor) {}
  pid_t pid_ = -1;
  int monitor_ = -1;
};

}  // namespace metalmesh::bmcsim
