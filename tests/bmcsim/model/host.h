// The machine behind a BMC, as its BMC and the tests see it: orders go in, and what happened to it is kept as
// the ground truth of every test: what was wiped, when, from which medium. TimerHost (here) only pretends, on
// any clock; QemuHost (tests/bmcsim/qemu) is a real UEFI machine. Orders return at once and may take effect
// later, as with a real BMC: state(), media_url() and boot_override() say what is true now.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
  std::string deployment;  // from the answer file on the medium; a real machine's: the medium's name
  std::string answer;      // the line it was found in
  MonoTime launched;
  bool completed = false;
  bool died = false;
  bool self_started = false;  // the boot was not ordered through the BMC
};

/// A read or a call that the host wants from the outside world; answered through Host::answered. A glance is a plain
/// GET that ends when its head and some of its body have come. A handshake is ended by the reader, which does not
/// trust the server, and has no answer. A check is what an installer shows of its machine (`body`).
struct HostWish {
  std::uint64_t ticket = 0;
  enum class Kind { read, glance, callback, handshake, check } kind = Kind::read;
  std::string url;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // 0: a plain GET, without Range
  std::string body = {};
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
  new_system,
  running  // what is on its medium, and installs nothing; or a real machine: its BMC cannot tell what
};
std::string_view to_string(HostState state);

class Host {
 public:
  Host() = default;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  virtual ~Host() = default;

  // ---- what the BMC does to it
  virtual void power_on(MonoTime now, bool by_redfish) = 0;
  virtual void power_off(MonoTime now, bool forced) = 0;
  /// Asks the operating system, which may take its time or ignore it.
  virtual void shut_down(MonoTime now) = 0;
  virtual void reset(MonoTime now, bool by_redfish) = 0;
  /// The mains are gone, and come back after `off_for`, when the host goes on by itself; zero: it stays off.
  virtual void power_cut(MonoTime now, Duration /*off_for*/) { power_off(now, false); }
  virtual void insert(MonoTime now, std::string url) = 0;
  virtual void eject(MonoTime now) = 0;
  /// The second slot. A host that pretends has no use for what is in it.
  virtual void insert_second(MonoTime now, std::string url) {
    note(now, "insert second", url);
    second_url_ = std::move(url);
  }
  virtual void eject_second(MonoTime now) { note(now, "eject second", std::exchange(second_url_, {})); }
  /// The medium is gone without anybody's doing.
  void lose_medium(MonoTime now) {
    if (media_inserted()) note(now, "medium lost", std::exchange(url_, {}));
  }
  /// "Disabled", "Once" or "Continuous", towards the CD.
  virtual void set_override(std::string enabled) { override_ = std::move(enabled); }
  /// Of the last insert: nothing while it is under way, then why it failed; empty when it did not.
  [[nodiscard]] virtual std::optional<std::string> insert_result() const { return std::string(); }

  // ---- time and the outside world
  /// Runs everything that is due and returns new wishes.
  virtual std::vector<HostWish> advance(MonoTime) { return {}; }
  [[nodiscard]] virtual std::optional<MonoTime> next_due() const { return std::nullopt; }
  /// `status` 0 means no answer at all; `size` is the total from Content-Range.
  virtual void answered(std::uint64_t /*ticket*/, int /*status*/, std::string_view /*bytes*/,
                        std::uint64_t /*size*/, MonoTime /*now*/) {}

  // ---- truth
  [[nodiscard]] HostState state() const { return state_; }
  [[nodiscard]] bool on() const { return state_ != HostState::off; }
  [[nodiscard]] bool media_inserted() const { return !url_.empty(); }
  [[nodiscard]] const std::string& media_url() const { return url_; }
  [[nodiscard]] const std::string& second_url() const { return second_url_; }
  [[nodiscard]] const std::string& boot_override() const { return override_; }
  [[nodiscard]] const std::vector<Install>& installs() const { return installs_; }
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] const std::vector<Act>& acts() const { return acts_; }
  /// From the medium, since it booted.
  [[nodiscard]] virtual std::uint64_t bytes_read() const = 0;
  /// What a test may want to look at: names and file paths.
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> files() const { return {}; }

  void note(MonoTime now, std::string what, std::string detail = {}) {
    acts_.push_back({now, std::move(what), std::move(detail)});
  }
  void violate(MonoTime now, std::string what) {
    note(now, "VIOLATION", what);
    violations_.push_back(std::move(what));
  }

 protected:
  HostState state_ = HostState::off;
  std::string override_ = "Disabled";
  std::string url_;
  std::string second_url_;
  std::vector<Install> installs_;

 private:
  std::vector<std::string> violations_;
  std::vector<Act> acts_;
};

}  // namespace metalmesh::bmcsim
