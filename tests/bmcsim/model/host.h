// The machine behind the BMC: power, firmware, boot choice, an installer that reads its medium, a disk.
// The ground truth of every test: what was wiped, when, by which order. Pure; time is handed in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "tests/bmcsim/model/bmc_options.h"

namespace metalmesh::bmcsim {

/// Something that happened to the machine and cannot be taken back, or that a test must know.
struct Act {
  MonoTime at;
  std::string what;  // "insert", "eject", "reset ForceOff", "launch", "disk written", "installed", ...
  std::string detail;
};

struct Install {
  std::string deployment;  // from the answer file on the medium
  std::string answer;      // the line it was found in
  MonoTime launched;
  bool completed = false;
  bool died = false;
  bool self_started = false;  // the boot was not ordered through the BMC
};

/// A read or a call that the host wants from the outside world; answered through Host::answered.
struct HostWish {
  std::uint64_t ticket = 0;
  enum class Kind { read, callback } kind = Kind::read;
  std::string url;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

enum class HostState {
  off,
  powering_on,
  post,
  booting_media,
  installing,
  stuck,
  boot_manager,
  old_system,
  new_system
};
std::string_view to_string(HostState state);

class Host {
 public:
  explicit Host(const BmcOptions& options) : options_(options) {
    disk_has_os_ = options.disk_has_os;
    state_ = options.powered_on ? (disk_has_os_ ? HostState::old_system : HostState::boot_manager)
                                : HostState::off;
  }

  // ---- what the BMC does to it
  void power_on(MonoTime now, bool by_redfish);
  void power_off(MonoTime now, bool forced);
  void reset(MonoTime now, bool by_redfish);
  void insert(MonoTime now, std::string url);
  void eject(MonoTime now);
  /// "Disabled", "Once" or "Continuous", towards the CD.
  void set_override(std::string enabled) { override_ = std::move(enabled); }
  [[nodiscard]] const std::string& boot_override() const { return override_; }

  // ---- time and the outside world
  /// Runs everything that is due and returns new wishes.
  std::vector<HostWish> advance(MonoTime now);
  [[nodiscard]] std::optional<MonoTime> next_due() const { return due_; }
  /// `status` 0 means no answer at all; `size` is the total from Content-Range.
  void answered(std::uint64_t ticket, int status, std::string_view bytes, std::uint64_t size, MonoTime now);

  // ---- truth
  [[nodiscard]] HostState state() const { return state_; }
  [[nodiscard]] bool on() const { return state_ != HostState::off; }
  [[nodiscard]] bool media_inserted() const { return !url_.empty(); }
  [[nodiscard]] const std::string& media_url() const { return url_; }
  [[nodiscard]] const std::vector<Install>& installs() const { return installs_; }
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] const std::vector<Act>& acts() const { return acts_; }
  [[nodiscard]] bool writing_disk() const { return state_ == HostState::installing; }
  [[nodiscard]] std::uint64_t bytes_read() const { return position_; }

  void note(MonoTime now, std::string what, std::string detail = {}) {
    acts_.push_back({now, std::move(what), std::move(detail)});
  }
  void violate(MonoTime now, std::string what) {
    note(now, "VIOLATION", what);
    violations_.push_back(std::move(what));
  }

 private:
  void choose_boot(MonoTime now);
  void boot_disk(MonoTime now);
  void want_read(MonoTime now);
  void read_failed(MonoTime now, int status);
  void read_done(MonoTime now, std::string_view bytes);
  void launch(MonoTime now);
  void installer_ends(MonoTime now);
  void look_for_answer(std::string_view bytes);
  void leave(MonoTime now);

  const BmcOptions& options_;
  HostState state_ = HostState::off;
  bool disk_has_os_ = false;
  bool new_os_ = false;
  bool ordered_boot_ = false;
  std::string override_ = "Disabled";
  std::string url_;
  std::uint64_t size_ = 0;
  std::optional<MonoTime> due_;

  std::uint64_t ticket_ = 0;  // of the read in flight; 0 = none
  std::uint64_t next_ticket_ = 1;
  std::uint64_t position_ = 0;
  bool launched_ = false;
  std::optional<MonoTime> failing_since_;
  std::string tail_;
  std::string deployment_;
  std::string answer_;
  std::string callback_url_;
  bool callback_wanted_ = false;
  bool wish_read_ = false;
  bool wish_probe_ = false;

  std::vector<Install> installs_;
  std::vector<std::string> violations_;
  std::vector<Act> acts_;
};

}  // namespace metalmesh::bmcsim
