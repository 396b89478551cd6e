// One simulated BMC: a standards-shaped Redfish service in front of a Host. Pure; the program
// (metalmesh-bmcsim) and the whole-mesh simulation put it on their own transport and clock.
//
// It shows only what real BMCs show, and remembers what they would not: sessions left open, calls that
// disturbed an install, a medium that installed twice. What real BMCs do beside the standard are its faults
// (fault.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/bmcsim/model/computer_system.h"
#include "tests/bmcsim/model/costume.h"
#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/media_slots.h"

namespace metalmesh::bmcsim {

class BmcModel {
 public:
  /// Makes the machine behind the BMC; the options it is given live as long as the model.
  using MakeHost = std::function<std::unique_ptr<Host>(const BmcOptions&)>;

  /// In front of a TimerHost.
  explicit BmcModel(BmcOptions options);
  BmcModel(BmcOptions options, const MakeHost& make_host);
  BmcModel(const BmcModel&) = delete;
  BmcModel& operator=(const BmcModel&) = delete;

  /// It shows itself as this one, and behaves like it, from now on: before anything was asked of it.
  void wear(std::shared_ptr<const Personality> personality);
  /// What it can be registered by; where it tells no number, a MAC stands for that.
  struct KnownBy {
    std::string uuid, serial, mac;
  };
  [[nodiscard]] KnownBy known_by() const;
  RedfishReply handle(const RedfishRequest& asked, MonoTime now);
  std::vector<HostWish> advance(MonoTime now);
  [[nodiscard]] std::optional<MonoTime> next_due() const;
  void answered(std::uint64_t ticket, int status, std::string_view bytes, std::uint64_t size, MonoTime now);

  /// Live settings; take effect with the next request or boot.
  BmcOptions& options() { return options_; }
  [[nodiscard]] const BmcOptions& options() const { return options_; }
  [[nodiscard]] const ComputerSystem& system() const { return system_; }
  Host& host() { return *host_; }
  [[nodiscard]] const Host& host() const { return *host_; }
  /// The BMC restarts: its sessions and tasks are gone, and what was inserted too when `drops_media`. The
  /// host does not notice.
  void restart(MonoTime now, bool drops_media);
  /// Somebody else logs in `count` times and stays; `release_sessions` makes them leave.
  void occupy_sessions(std::size_t count) { sessions_.occupy(count); }
  void release_sessions() { sessions_.release(); }
  /// Disturbs single calls, whatever else is wrong.
  void add_fault(FaultRule rule) { rules_.push_back(std::move(rule)); }
  /// Held answers are sent; how often that was said.
  void let_go() { ++let_go_; }
  [[nodiscard]] unsigned times_let_go() const { return let_go_; }
  /// False when there is no fault of this name. One that is set already begins anew.
  bool set_fault(std::string_view name);
  void clear_fault(std::string_view name);
  void clear_faults();
  [[nodiscard]] std::vector<std::string_view> faults() const;
  /// Those that made the last reply another one.
  [[nodiscard]] const std::vector<std::string_view>& met() const { return met_; }
  /// Puts somebody else's medium into the CD slot.
  void insert_foreign(std::string url, MonoTime now) { host_->insert(now, std::move(url)); }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  /// Those that nobody but us can have opened.
  [[nodiscard]] std::size_t own_sessions() const { return sessions_.size() - sessions_.strangers(); }
  [[nodiscard]] std::uint64_t requests() const { return requests_; }
  /// The first requests, in order, as "GET /redfish/v1/...".
  struct Asked {
    MonoTime at;
    std::string what;
  };
  [[nodiscard]] const std::vector<Asked>& asked() const { return asked_; }

 private:
  struct Active {
    const Fault* fault;
    FaultMemory memory;
  };
  RedfishReply answer(RedfishRequest& request, MonoTime now);
  RedfishReply dispatch(const RedfishRequest& request, MonoTime now);
  RedfishReply reset_manager(const RedfishRequest& request, MonoTime now);
  FaultRule* match(Op op, const RedfishRequest& request, FaultRule::When when);
  RedfishReply disturbed(const FaultRule& rule, Op op, MonoTime now);
  /// Keeps the times of changes, and ends what waited for them.
  void take_note(MonoTime now);
  [[nodiscard]] std::string media_link(bool under_systems) const;

  BmcOptions options_;
  std::unique_ptr<Host> host_;
  Sessions sessions_;
  Tasks tasks_;
  MediaSlots slots_;
  ComputerSystem system_;
  std::optional<Costume> costume_;
  std::vector<Active> active_;
  std::vector<std::string_view> met_;
  std::vector<FaultRule> rules_;
  unsigned let_go_ = 0;
  bool was_on_ = false;
  std::string had_medium_;
  MonoTime away_until_{};
  MonoTime power_changed_;
  MonoTime medium_changed_;
  std::uint64_t requests_ = 0;
  std::vector<Asked> asked_;
};

}  // namespace metalmesh::bmcsim
