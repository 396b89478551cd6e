// A real UEFI machine behind a simulated BMC: one QEMU process with an empty CD tray, a disk, a network card
// and a serial console. Orders become monitor commands, which QEMU takes in order; what happens to the
// machine comes back as events, also when somebody else speaks to its monitor.
//
// What it knows of an install is what can be seen from outside: a boot in which the medium was read and then
// the disk was written is one, by the name of the medium; it ends when the guest powers off or restarts.
//
// A read of the medium that fails stops the machine and is done again every second (rerror=stop), as long as
// BmcOptions::media_give_up allows; then the drive is replaced by one that tells the guest, until the next
// medium or the next power-on. (The second slot always tells the guest.) QEMU cannot change a drive's mind
// otherwise, and a dead medium would stop a firmware that only looks what is in the tray for ever.
//
// What is inserted into the second slot is plugged into the machine as a drive of its own, CD or disk.
//
// Everything runs on the io_context's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "tests/bmcsim/model/host.h"
#include "tests/bmcsim/qemu/qemu_options.h"
#include "tests/bmcsim/qemu/qemu_process.h"
#include "tests/bmcsim/qemu/qmp.h"

namespace metalmesh::bmcsim {

class QemuHost final : public Host {
 public:
  /// `identity` must outlive it. Nothing runs before `start`.
  QemuHost(boost::asio::io_context& io, QemuOptions options, const BmcOptions& identity);

  /// Makes the files and starts QEMU; from the main thread. It may still fail afterwards: see `ready`.
  /// Kinds: unavailable.
  Status start();
  /// Nothing until QEMU answered; then whether it is the machine that it should be. QEMU that ends later is a
  /// failure again, and never comes back.
  [[nodiscard]] const std::optional<Status>& ready() const { return ready_; }

  void power_on(MonoTime now, bool by_redfish) override;
  void power_off(MonoTime now, bool forced) override;
  void shut_down(MonoTime now) override;
  void reset(MonoTime now, bool by_redfish) override;
  void insert(MonoTime now, std::string url) override;
  void eject(MonoTime now) override;
  void insert_second(MonoTime now, std::string url) override;
  void eject_second(MonoTime now) override;
  void set_override(std::string enabled) override;
  [[nodiscard]] std::optional<std::string> insert_result() const override { return insert_result_; }
  [[nodiscard]] std::uint64_t bytes_read() const override { return boot_.read; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> files() const override;

 private:
  /// Since the machine was last powered on or reset.
  struct Boot {
    bool ordered = false;
    bool read_noted = false;
    bool installing = false;
    bool installed = false;     // or died: one install in a boot
    std::uint64_t read = 0;     // from the medium
    std::uint64_t written = 0;  // to the disk
    MonoTime last_change;       // of the two
  };
  struct Counters {
    std::uint64_t cd_read = 0;
    std::uint64_t disk_written = 0;
    bool operator==(const Counters&) const = default;
  };

  void on_event(std::string_view name, const boost::json::object& data);
  void on_reset(MonoTime now, bool by_guest);
  void on_stop();
  void on_guest_off(MonoTime now);
  void on_end();
  void check_identity(const Result<boost::json::value>& reply);
  [[nodiscard]] bool cd_is_first() const;
  void set_boot_order();
  void open_url(const std::string& node, const std::string& url, Qmp::OnReply on_reply);
  void open_medium(const std::string& url);
  void load_tray();
  void insert_ended(std::string failure);
  void close_medium();
  void close_node(const std::string& node);
  void on_second_gone();
  /// Reads the counters, then calls `then`.
  void look(std::function<void()> then = {});
  void account(const Counters& now_read);
  void look_regularly();
  void on_read_error(MonoTime now, bool stopped);
  void continue_soon();
  void replace_drive(bool report_errors, std::function<void()> then);
  void on_drive_gone();
  void start_over();
  [[nodiscard]] bool busy(MonoTime now) const;
  void end_install(bool completed);

  const BmcOptions& identity_;
  QemuOptions options_;
  boost::asio::io_context& io_;
  std::optional<QemuProcess> process_;
  std::unique_ptr<Qmp> qmp_;
  std::optional<Status> ready_;
  boost::asio::steady_timer looks_;
  boost::asio::steady_timer continues_;
  std::optional<std::string> insert_result_ = std::string();
  std::string inserting_;      // URL
  std::string medium_;         // node name of the open medium; empty: none
  std::string second_medium_;  // likewise
  std::uint64_t next_medium_ = 1;
  bool given_up_ = false;          // the drive reports errors, although `options_` says that it should not
  std::optional<bool> replacing_;  // whether the next drive reports errors
  std::vector<std::function<void()>> after_replacing_;
  std::optional<MonoTime> failing_since_;
  bool ordered_next_ = false;  // the reset that comes was ordered through the BMC
  Counters counters_;
  Boot boot_;
};

}  // namespace metalmesh::bmcsim
