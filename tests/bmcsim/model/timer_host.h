// The timer-driven machine: power, firmware, boot choice, an installer that reads its medium, a disk, all of
// it states and due times. Pure; time is handed in, so the whole-mesh simulation runs it on a virtual clock.
#pragma once

#include "tests/bmcsim/model/host.h"

namespace metalmesh::bmcsim {

class TimerHost final : public Host {
 public:
  /// `options` must outlive it; changes take effect with the next step.
  explicit TimerHost(const BmcOptions& options) : options_(options) {
    disk_has_os_ = options.disk_has_os;
    state_ = options.powered_on ? (disk_has_os_ ? HostState::old_system : HostState::boot_manager)
                                : HostState::off;
  }

  void power_on(MonoTime now, bool by_redfish) override;
  void power_off(MonoTime now, bool forced) override;
  void shut_down(MonoTime now) override { power_off(now, true); }
  void reset(MonoTime now, bool by_redfish) override;
  void power_cut(MonoTime now, Duration off_for) override;
  void insert(MonoTime now, std::string url) override;
  void eject(MonoTime now) override;

  std::vector<HostWish> advance(MonoTime now) override;
  [[nodiscard]] std::optional<MonoTime> next_due() const override { return due_; }
  void answered(std::uint64_t ticket, int status, std::string_view bytes, std::uint64_t size,
                MonoTime now) override;
  [[nodiscard]] std::uint64_t bytes_read() const override { return position_; }
  [[nodiscard]] std::optional<std::string> insert_result() const override { return insert_result_; }

 private:
  void choose_boot(MonoTime now);
  void boot_disk(MonoTime now);
  void want_read(MonoTime now);
  void read_failed(MonoTime now, int status);
  void read_done(MonoTime now, std::string_view bytes);
  void read_all(MonoTime now);
  void launch(MonoTime now);
  void ask(MonoTime now);
  void heard(int status, std::string_view says, MonoTime now);
  void go_on(MonoTime now);
  [[nodiscard]] std::string shown() const;
  void installer_ends(MonoTime now);
  void restart(MonoTime now);
  [[nodiscard]] bool loses_power() const;
  HostWish first_look();
  void looked(int status, std::uint64_t got, std::uint64_t size);
  void look_for_answer(std::string_view bytes);
  void leave(MonoTime now);

  const BmcOptions& options_;
  bool disk_has_os_ = false;
  bool new_os_ = false;
  bool ordered_boot_ = false;
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
  std::uint32_t passes_left_ = 0;  // of the installer, from the disk
  bool in_pass_ = false;
  bool ends_in_reboot_ = false;
  bool wish_look_ = false;
  bool wish_read_ = false;
  bool wish_probe_ = false;
  std::uint64_t probe_ticket_ = 0;  // of the BMC's own look at the medium, when its answer counts
  std::optional<std::string> insert_result_ = std::string();
  bool was_cut_ = false;
  std::string check_url_;  // where its installer asks for its go
  bool check_required_ = false;
  bool asking_ = false;
  bool check_wanted_ = false;
  unsigned asked_ = 0;  // times that nobody answered
  unsigned boots_ = 0;  // each draws a key of its own
};

}  // namespace metalmesh::bmcsim
