#include "tests/bmcsim/qemu/qemu_host.h"

#include <boost/json.hpp>
#include <chrono>
#include <fstream>
#include <utility>

#include "common/os/clocks.h"

namespace metalmesh::bmcsim {
namespace json = boost::json;
namespace {

using namespace std::chrono_literals;

constexpr auto look_gap = 500ms;
constexpr auto continue_gap = 1s;
/// An install that neither read nor wrote for so long has ended, or hangs: what is done to it does no harm.
constexpr auto quiet = 10s;
/// More than a firmware that only looks what is in the tray.
constexpr std::uint64_t booted_from_it = 1U << 20;
constexpr int media_timeout_seconds = 30;
constexpr int media_read_ahead = 1 << 20;  // installers read in small pieces; BMCs do likewise

std::string_view text_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string_view(value->as_string()) : std::string_view();
}

bool flag_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_bool() && value->as_bool();
}

std::uint64_t counter(const json::object& device, std::string_view name) {
  const auto* stats = device.if_contains("stats");
  const auto* value = stats && stats->is_object() ? stats->as_object().if_contains(name) : nullptr;
  return value ? value->to_number<std::uint64_t>() : 0;
}

/// "https://host/m/<name>.iso" -> "<name>"
std::string medium_name(std::string_view url) {
  url.remove_prefix(std::min(url.rfind('/') + 1, url.size()));
  return std::string(url.substr(0, url.rfind(".iso")));
}

std::string last_line(const std::string& path) {
  std::ifstream in(path);
  std::string line, last;
  while (std::getline(in, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace

QemuHost::QemuHost(boost::asio::io_context& io, QemuOptions options, const BmcOptions& identity)
    : identity_(identity), options_(std::move(options)), io_(io), looks_(io), continues_(io) {}

Status QemuHost::start() {
  if (auto prepared = prepare_files(options_); !prepared) return prepared;
  auto process = QemuProcess::start(qemu_command(options_, identity_), options_);
  if (!process) return std::unexpected(process.error());
  process_.emplace(*std::move(process));
  qmp_ = std::make_unique<Qmp>(
      io_, process_->take_monitor(),
      [this](std::string_view name, const json::object& data) { on_event(name, data); },
      [this] { on_end(); });
  qmp_->send("query-uuid", {}, [this](const Result<json::value>& reply) { check_identity(reply); });
  return {};
}

void QemuHost::check_identity(const Result<json::value>& reply) {
  if (!reply) return;  // it ended: on_end says why
  const auto uuid = reply->is_object() ? text_at(reply->as_object(), "UUID") : std::string_view();
  if (uuid == identity_.uuid) {
    ready_ = Status();
  } else {
    ready_ = fail(ErrorKind::unavailable, "QEMU says it is " + std::string(uuid) + ", not " + identity_.uuid);
  }
}

void QemuHost::on_end() {
  const auto why = last_line(options_.folder + "/qemu.log");
  ready_ =
      fail(ErrorKind::unavailable, "QEMU of " + identity_.name + " ended" + (why.empty() ? "" : ": " + why));
  note(os::steady_time(), "QEMU ended", why);
  state_ = HostState::off;
  looks_.cancel();
  continues_.cancel();
}

// ---- orders

void QemuHost::power_on(MonoTime now, bool by_redfish) {
  if (on()) return;
  note(now, by_redfish ? "power on" : "power on by itself");
  state_ = HostState::powering_on;
  reset(now, by_redfish);
}

void QemuHost::reset(MonoTime now, bool by_redfish) {
  if (state_ != HostState::powering_on) note(now, by_redfish ? "reset" : "reset by itself");
  if (busy(now) && by_redfish) violate(now, "reset during an install");
  ordered_next_ = by_redfish;
  if (given_up_ || replacing_) return replace_drive(false, [this] { start_over(); });
  start_over();
}

/// The firmware's boot order is latched by the reset; its event comes before `cont` is answered.
void QemuHost::start_over() {
  if (!on()) return;
  set_boot_order();
  qmp_->send("system_reset");
  qmp_->send("cont");
}

void QemuHost::power_off(MonoTime now, bool forced) {
  if (!on()) return;
  note(now, forced ? "power off, forced" : "power off");
  state_ = HostState::off;
  qmp_->send("stop", {}, [this](const Result<json::value>&) {
    if (state_ == HostState::running) state_ = HostState::off;  // a power-on was still under way
  });
  look([this, forced] {
    if (busy(os::steady_time()) && forced) violate(os::steady_time(), "powered off during an install");
    end_install(false);
  });
}

void QemuHost::shut_down(MonoTime now) {
  note(now, "power button");
  qmp_->send("system_powerdown");
}

void QemuHost::set_override(std::string enabled) {
  Host::set_override(std::move(enabled));
  set_boot_order();
}

bool QemuHost::cd_is_first() const {
  return identity_.cd_first || (override_ != "Disabled" && !identity_.once_ignored);
}

void QemuHost::set_boot_order() {
  qmp_->send("qom-set", {{"path", "/machine/peripheral/" + std::string(cd_device)},
                         {"property", "bootindex"},
                         {"value", cd_is_first() ? cd_first : cd_last}});
}

void QemuHost::insert(MonoTime now, std::string url) {
  note(now, "insert", url);
  insert_result_.reset();
  inserting_ = std::move(url);
  if (given_up_ || replacing_) return replace_drive(false, [this] { open_medium(inserting_); });
  open_medium(inserting_);
}

/// QEMU asks for the URL here: what is wrong with it is an error at once.
void QemuHost::open_url(const std::string& node, const std::string& url, Qmp::OnReply on_reply) {
  const std::string driver = url.substr(0, url.find(':'));
  if (driver != "https" && driver != "http")
    return on_reply(fail(ErrorKind::invalid, "only http and https media can be inserted"));
  json::object reader{
      {"driver", driver},  {"node-name", node + "-url"},    {"url", url},
      {"read-only", true}, {"readahead", media_read_ahead}, {"timeout", media_timeout_seconds}};
  if (driver == "https") reader["sslverify"] = !options_.media_ca.empty();
  qmp_->send("blockdev-add", std::move(reader),
             [this, node, on_reply = std::move(on_reply)](const Result<json::value>& opened) {
               if (!opened) return on_reply(opened);
               qmp_->send(
                   "blockdev-add",
                   {{"driver", "raw"}, {"node-name", node}, {"file", node + "-url"}, {"read-only", true}},
                   on_reply);
             });
}

void QemuHost::open_medium(const std::string& url) {
  medium_ = "medium" + std::to_string(next_medium_++);
  open_url(medium_, url, [this](const Result<json::value>& opened) {
    if (opened) return load_tray();
    medium_.clear();
    insert_ended(opened.error().message);
  });
}

void QemuHost::load_tray() {
  qmp_->send("blockdev-open-tray", {{"id", cd_device}, {"force", true}});
  qmp_->send("blockdev-insert-medium", {{"id", cd_device}, {"node-name", medium_}},
             [this](const Result<json::value>& inserted) {
               if (!inserted) {
                 close_medium();
                 return insert_ended(inserted.error().message);
               }
               url_ = inserting_;
               insert_ended({});
             });
  qmp_->send("blockdev-close-tray", {{"id", cd_device}});
}

void QemuHost::insert_ended(std::string failure) {
  if (!failure.empty()) note(os::steady_time(), "insert failed", failure);
  insert_result_ = std::move(failure);
}

void QemuHost::close_medium() { close_node(std::exchange(medium_, {})); }

void QemuHost::close_node(const std::string& node) {
  qmp_->send("blockdev-del", {{"node-name", node}});
  qmp_->send("blockdev-del", {{"node-name", node + "-url"}});
}

void QemuHost::insert_second(MonoTime now, std::string url) {
  note(now, "insert second", url);
  insert_result_.reset();
  second_medium_ = "second" + std::to_string(next_medium_++);
  open_url(second_medium_, url, [this, url](const Result<json::value>& opened) {
    if (!opened) return insert_ended(opened.error().message);
    json::object drive{
        {"bus", "scsi0.0"}, {"id", second_device}, {"drive", second_medium_}, {"rerror", "report"}};
    const bool cd = identity_.second_slot == SecondSlot::cd;
    drive["driver"] = cd ? "scsi-cd" : "scsi-hd";
    if (!cd) drive["removable"] = true;
    qmp_->send("device_add", std::move(drive), [this, url](const Result<json::value>& added) {
      if (added) second_url_ = url;
      if (!added) close_node(second_medium_);
      insert_ended(added ? std::string() : added.error().message);
    });
  });
}

void QemuHost::eject_second(MonoTime now) {
  note(now, "eject second", second_url_);
  qmp_->send("device_del", {{"id", second_device}});
}

void QemuHost::on_second_gone() {
  second_url_.clear();
  close_node(second_medium_);
}

void QemuHost::eject(MonoTime now) {
  note(now, "eject", url_);
  if (busy(now)) violate(now, "medium ejected during an install");
  qmp_->send("blockdev-open-tray", {{"id", cd_device}, {"force", true}});
  qmp_->send("blockdev-remove-medium", {{"id", cd_device}}, [this](const Result<json::value>& removed) {
    if (!removed) return note(os::steady_time(), "eject failed", removed.error().message);
    url_.clear();
    close_medium();
  });
  qmp_->send("blockdev-close-tray", {{"id", cd_device}});
}

// ---- events

void QemuHost::on_event(std::string_view name, const json::object& data) {
  const MonoTime now = os::steady_time();
  if (name == "RESET") {
    on_reset(now, flag_at(data, "guest"));
  } else if (name == "RESUME") {
    if (!on()) note(now, "power on by itself");
    state_ = HostState::running;
    look_regularly();
  } else if (name == "SHUTDOWN") {
    on_guest_off(now);
  } else if (name == "STOP") {
    on_stop();
  } else if (name == "BLOCK_IO_ERROR") {
    on_read_error(now, text_at(data, "action") == "stop");
  } else if (name == "DEVICE_DELETED" && text_at(data, "device") == cd_device) {
    on_drive_gone();
  } else if (name == "DEVICE_DELETED" && text_at(data, "device") == second_device) {
    on_second_gone();
  } else if (name == "DEVICE_TRAY_MOVED" && flag_at(data, "tray-open")) {
    note(now, "tray open");
  }
}

void QemuHost::on_reset(MonoTime now, bool by_guest) {
  end_install(by_guest);  // there are installers that restart the machine instead of powering it off
  const bool from_cd = cd_is_first() && media_inserted();
  note(now, from_cd ? "boots the medium" : "boots the disk", from_cd ? url_ : "");
  boot_ = {};
  failing_since_.reset();
  boot_.ordered = std::exchange(ordered_next_, false);
  if (override_ == "Once") set_override("Disabled");
}

void QemuHost::on_guest_off(MonoTime now) {
  if (!on()) return;
  note(now, "powered itself off");
  state_ = HostState::off;
  look([this] { end_install(true); });
}

/// Because of a read that failed, because the guest powered off, by us, or by somebody else at the monitor.
void QemuHost::on_stop() {
  qmp_->send("query-status", {}, [this](const Result<json::value>& reply) {
    if (!reply || !reply->is_object() || text_at(reply->as_object(), "status") != "paused" || !on()) return;
    note(os::steady_time(), "power off by itself");
    state_ = HostState::off;
    look([this] { end_install(false); });
  });
}

void QemuHost::on_read_error(MonoTime now, bool stopped) {
  note(now, "medium not readable", stopped ? "trying again" : "told the guest");
  if (!stopped) return;
  if (!failing_since_) failing_since_ = now;
  if (now - *failing_since_ < identity_.media_give_up) return continue_soon();
  note(now, "gave the medium up", url_);
  replace_drive(true, [this] {
    if (on()) qmp_->send("cont");
  });
}

/// The old drive is gone when its event comes, not when the command is answered.
void QemuHost::replace_drive(bool report_errors, std::function<void()> then) {
  after_replacing_.push_back(std::move(then));
  const bool under_way = replacing_.has_value();
  replacing_ = report_errors;
  if (!under_way) qmp_->send("device_del", {{"id", cd_device}});
}

void QemuHost::on_drive_gone() {
  if (!replacing_) return;
  given_up_ = *replacing_;
  failing_since_.reset();
  json::object drive{{"driver", "scsi-cd"},
                     {"bus", "scsi0.0"},
                     {"id", cd_device},
                     {"bootindex", cd_is_first() ? cd_first : cd_last},
                     {"rerror", given_up_ ? "report" : "stop"}};
  if (media_inserted()) drive["drive"] = medium_;
  qmp_->send("device_add", std::move(drive), [this](const Result<json::value>& added) {
    if (!added) violate(os::steady_time(), "the drive could not be replaced: " + added.error().message);
    replacing_.reset();
    for (const auto& then : std::exchange(after_replacing_, {})) then();
  });
}

/// A read that QEMU holds back is done again when the machine goes on.
void QemuHost::continue_soon() {
  continues_.expires_after(continue_gap);
  continues_.async_wait([this](boost::system::error_code ec) {
    if (!ec && on()) qmp_->send("cont");
  });
}

// ---- what can be seen of an install

void QemuHost::look_regularly() {
  looks_.expires_after(look_gap);
  looks_.async_wait([this](boost::system::error_code ec) {
    if (ec || !on()) return;
    look([this] { look_regularly(); });
  });
}

void QemuHost::look(std::function<void()> then) {
  qmp_->send("query-blockstats", {}, [this, then = std::move(then)](const Result<json::value>& reply) {
    if (!reply || !reply->is_array()) return;
    Counters seen;
    for (const auto& entry : reply->as_array()) {
      const auto& device = entry.as_object();
      if (text_at(device, "qdev") == cd_device) seen.cd_read = counter(device, "rd_bytes");
      if (text_at(device, "node-name") == disk_node) seen.disk_written = counter(device, "wr_bytes");
    }
    account(seen);
    if (then) then();
  });
}

void QemuHost::account(const Counters& seen) {
  const MonoTime now = os::steady_time();
  if (seen != counters_) boot_.last_change = now;
  if (seen.cd_read < counters_.cd_read) counters_.cd_read = 0;  // a new drive
  if (seen.cd_read > counters_.cd_read) failing_since_.reset();
  boot_.read += seen.cd_read - counters_.cd_read;
  boot_.written += seen.disk_written - counters_.disk_written;
  counters_ = seen;
  if (boot_.read >= booted_from_it && !std::exchange(boot_.read_noted, true))
    note(now, "reads the medium", url_);
  if (boot_.written == 0 || boot_.installed || !boot_.read_noted) return;
  const std::string name = medium_name(url_);
  for (const auto& earlier : installs_) {
    if (earlier.deployment == name) violate(now, "second install by medium " + name);
  }
  boot_.installing = boot_.installed = true;
  installs_.push_back({name, "", now, false, false, !boot_.ordered});
  note(now, "launch", name);
}

bool QemuHost::busy(MonoTime now) const { return boot_.installing && now - boot_.last_change < quiet; }

void QemuHost::end_install(bool completed) {
  if (!std::exchange(boot_.installing, false)) return;
  auto& install = installs_.back();
  install.completed = completed;
  install.died = !completed;
  note(os::steady_time(), completed ? "installed" : "install died", install.deployment);
}

std::vector<std::pair<std::string, std::string>> QemuHost::files() const {
  return {{"disk", options_.disk},
          {"serialLog", options_.serial_log},
          {"qmp", options_.folder + "/qmp.sock"},
          {"qemuLog", options_.folder + "/qemu.log"}};
}

}  // namespace metalmesh::bmcsim
