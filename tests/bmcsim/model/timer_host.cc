#include "tests/bmcsim/model/timer_host.h"

#include <algorithm>
#include <utility>

#include "common/base/digest.h"

namespace metalmesh::bmcsim {
namespace {

constexpr std::string_view deployment_key = "deployment=";
constexpr std::string_view callback_key = "callback=";
constexpr std::string_view passes_key = "passes=";  // a number; else as the machine is
constexpr std::string_view ends_key = "ends=";      // "reboot"; else likewise
constexpr std::string_view check_key = "mm_url=";
constexpr std::string_view required_key = "mm_required=yes";
constexpr Duration asks_again_after = std::chrono::seconds(5);
constexpr unsigned asked_enough = 6;
constexpr std::uint64_t beginning = 4096;
constexpr Duration look_at_orders_every = std::chrono::milliseconds(100);

/// The value behind `key` up to white space or a quote; empty when `key` is not there.
std::string value_after(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return {};
  const auto rest = text.substr(at + key.size());
  return std::string(rest.substr(0, rest.find_first_of(" \t\r\n\"'")));
}

/// As value_after, of a word that a shell may want in quotes.
std::string url_after(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + key.size());
  if (text.starts_with('\'')) text.remove_prefix(1);
  return std::string(text.substr(0, text.find_first_of(" \n'")));
}

}  // namespace

void TimerHost::leave(MonoTime now) {
  if (state_ == HostState::installing && !installs_.empty() && !installs_.back().completed) {
    installs_.back().died = true;
    disk_has_os_ = false;
    new_os_ = false;
    passes_left_ = 0;
    in_pass_ = false;
    note(now, "install died", installs_.back().deployment);
  }
  ticket_ = 0;
  wish_read_ = false;
  callback_wanted_ = false;
  asking_ = check_wanted_ = false;
  failing_since_.reset();
}

void TimerHost::power_on(MonoTime now, bool by_redfish) {
  if (on()) return;
  note(now, by_redfish ? "power on" : "power on by itself");
  ordered_boot_ = by_redfish;
  state_ = HostState::powering_on;
  due_ = now + options_.power_time;
}

void TimerHost::power_off(MonoTime now, bool forced) {
  if (!on()) return;
  if (state_ == HostState::installing && forced) violate(now, "powered off during an install");
  note(now, forced ? "power off, forced" : "power off");
  leave(now);
  state_ = HostState::off;
  due_.reset();
}

void TimerHost::reset(MonoTime now, bool by_redfish) {
  if (state_ == HostState::installing && by_redfish) violate(now, "reset during an install");
  note(now, by_redfish ? "reset" : "reset by itself");
  leave(now);
  ordered_boot_ = by_redfish;
  state_ = HostState::post;
  due_ = now + options_.post_time;
}

void TimerHost::power_cut(MonoTime now, Duration off_for) {
  note(now, "power cut");
  was_cut_ = true;
  leave(now);
  state_ = HostState::off;
  due_.reset();
  if (off_for > Duration::zero()) due_ = now + off_for;
}

void TimerHost::insert(MonoTime now, std::string url) {
  note(now, "insert", url);
  url_ = std::move(url);
  size_ = 0;
  wish_probe_ = !options_.never_reads;
  probe_ticket_ = 0;
  insert_result_ = std::string();
  if (wish_probe_ && options_.insert_reads != InsertReads::volume_descriptor) insert_result_.reset();
}

void TimerHost::eject(MonoTime now) {
  note(now, "eject", url_);
  // In a pass it goes on from its disk and has no more use for the medium, which starts nothing any more.
  if (state_ == HostState::installing && !in_pass_) violate(now, "medium ejected during an install");
  url_.clear();
  probe_ticket_ = 0;
  insert_result_ = std::string();
}

/// BMCs look at the volume descriptor when a medium is inserted; that answer changes nothing here. Others
/// want more.
HostWish TimerHost::first_look() {
  wish_probe_ = false;
  if (options_.distrusts_media) return {next_ticket_++, HostWish::Kind::handshake, url_, 0, 0};
  if (options_.insert_reads == InsertReads::volume_descriptor)
    return {next_ticket_++, HostWish::Kind::read, url_, 32768, 2048};
  probe_ticket_ = next_ticket_++;
  const bool all = options_.insert_reads == InsertReads::everything;
  return {probe_ticket_, all ? HostWish::Kind::read : HostWish::Kind::glance, url_, 0, 0};
}

void TimerHost::looked(int status, std::uint64_t got, std::uint64_t size) {
  probe_ticket_ = 0;
  const bool enough = options_.insert_reads != InsertReads::everything || got >= size;
  if (status / 100 == 2 && enough) {
    insert_result_ = std::string();
    return;
  }
  insert_result_ = "the image could not be read: HTTP " + std::to_string(status) + ", " +
                   std::to_string(got) + " bytes of it";
  url_.clear();
}

std::vector<HostWish> TimerHost::advance(MonoTime now) {
  while (due_ && *due_ <= now) {
    const MonoTime at = *due_;
    due_.reset();
    switch (state_) {
      case HostState::powering_on:
        state_ = HostState::post;
        due_ = at + options_.post_time;
        break;
      case HostState::post:
        choose_boot(at);
        break;
      case HostState::installing:
        if (std::exchange(in_pass_, false)) {
          installer_ends(at);
          break;
        }
        if (options_.waits_at_launch) {
          due_ = at + look_at_orders_every;
          break;
        }
        [[fallthrough]];
      case HostState::booting_media:
        if (asking_) {
          check_wanted_ = true;
          break;
        }
        if (size_ > 0 && position_ >= size_) {
          read_all(at);
        } else {
          want_read(at);
        }
        break;
      case HostState::new_system:
        callback_wanted_ = options_.calls_back && !callback_url_.empty();
        break;
      case HostState::off:
        power_on(at, false);
        break;
      case HostState::stuck:
      case HostState::boot_manager:
      case HostState::old_system:
      case HostState::running:
        break;
    }
  }
  std::vector<HostWish> wishes;
  if (wish_probe_) wishes.push_back(first_look());
  if (std::exchange(wish_look_, false))  // whatever the answer
    wishes.push_back({next_ticket_++, HostWish::Kind::read, url_, 0, beginning});
  if (wish_read_) {
    wish_read_ = false;
    ticket_ = next_ticket_++;
    const std::uint64_t left = size_ > position_ ? size_ - position_ : options_.read_chunk;
    wishes.push_back({ticket_, HostWish::Kind::read, url_, position_, std::min(options_.read_chunk, left)});
  }
  if (std::exchange(check_wanted_, false)) {
    ticket_ = next_ticket_++;
    wishes.push_back({ticket_, HostWish::Kind::check, check_url_, 0, 0, shown()});
  }
  if (callback_wanted_) {
    callback_wanted_ = false;
    ticket_ = next_ticket_++;
    wishes.push_back({ticket_, HostWish::Kind::callback, callback_url_, 0, 0});
  }
  return wishes;
}

void TimerHost::choose_boot(MonoTime now) {
  const bool overridden = override_ != "Disabled" && !options_.once_ignored;
  if (override_ == "Once") override_ = "Disabled";
  const bool by_itself = options_.cd_first || (!disk_has_os_ && options_.falls_back_to_cd);
  const bool from_cd = media_inserted() && (overridden || by_itself);
  wish_look_ = !from_cd && media_inserted() && options_.looks_at_media;
  if (!from_cd) return boot_disk(now);
  state_ = HostState::booting_media;
  position_ = 0;
  launched_ = false;
  tail_.clear();
  deployment_.clear();
  answer_.clear();
  check_url_.clear();
  ++boots_;
  note(now, "boots the medium", url_);
  want_read(now);
}

void TimerHost::boot_disk(MonoTime now) {
  if (!disk_has_os_) {
    state_ = HostState::boot_manager;
    note(now, "nothing to boot");
    return;
  }
  if (passes_left_ > 0) {
    state_ = HostState::installing;
    --passes_left_;
    in_pass_ = true;
    note(now, "the installer goes on from the disk", installs_.back().deployment);
    due_ = now + options_.install_time;
    return;
  }
  state_ = new_os_ ? HostState::new_system : HostState::old_system;
  note(now, new_os_ ? "boots the new system" : "boots the old system");
  if (new_os_) due_ = now + options_.os_boot_time;
}

void TimerHost::want_read(MonoTime now) {
  if (options_.never_reads || options_.distrusts_media || !media_inserted()) return read_failed(now, 0);
  if (options_.stops_reading_at > 0 && size_ > 0 && position_ * 100 >= size_ * options_.stops_reading_at)
    return;
  wish_read_ = true;
}

void TimerHost::answered(std::uint64_t ticket, int status, std::string_view bytes, std::uint64_t size,
                         MonoTime now) {
  if (ticket != 0 && ticket == probe_ticket_) return looked(status, bytes.size(), size);
  if (ticket != ticket_ || ticket_ == 0) return;  // of an earlier boot
  ticket_ = 0;
  if (state_ == HostState::new_system) {
    // As a unit file with Restart=on-failure would: again until somebody took it.
    if (status / 100 != 2) due_ = now + options_.callback_retry;
    return;
  }
  if (asking_) return heard(status, bytes, now);
  if (status != 206 || bytes.empty()) return read_failed(now, status);
  failing_since_.reset();
  size_ = size;
  read_done(now, bytes);
}

void TimerHost::read_failed(MonoTime now, int status) {
  if (!failing_since_) {
    failing_since_ = now;
    note(now, "medium not readable", "HTTP " + std::to_string(status) + " at " + std::to_string(position_));
  }
  if (!options_.never_reads && media_inserted() && now - *failing_since_ < options_.media_give_up) {
    due_ = now + options_.media_retry;
    return;
  }
  failing_since_.reset();
  if (state_ == HostState::installing) {
    leave(now);
    state_ = HostState::stuck;
    return;
  }
  note(now, "boot from the medium failed");
  boot_disk(now);
}

void TimerHost::look_for_answer(std::string_view bytes) {
  if (!deployment_.empty()) return;
  tail_.append(bytes);
  if (const auto at = tail_.find(deployment_key);
      at != std::string::npos && tail_.find('\n', at) != std::string::npos) {
    const auto begin = tail_.rfind('\n', at) == std::string::npos ? 0 : tail_.rfind('\n', at) + 1;
    answer_ = tail_.substr(begin, tail_.find('\n', at) - begin);
    deployment_ = value_after(answer_, deployment_key);
    callback_url_ = value_after(tail_.substr(begin), callback_key);
    const std::string passes = value_after(answer_, passes_key);
    passes_left_ = passes.empty() ? options_.passes : static_cast<std::uint32_t>(passes.front() - '0');
    check_url_ = options_.asks_first ? url_after(tail_.substr(begin), check_key) : std::string();
    check_required_ = tail_.find(required_key, begin) != std::string::npos;
    ends_in_reboot_ = options_.reboots_at_end || value_after(answer_, ends_key) == "reboot";
  }
  if (tail_.size() > 8192) tail_.erase(0, tail_.size() - 8192);
}

void TimerHost::read_done(MonoTime now, std::string_view bytes) {
  if (state_ == HostState::booting_media && position_ == 0 && !bytes.starts_with(options_.boot_mark)) {
    note(now, "boot from the medium failed", "it starts nothing");
    return boot_disk(now);
  }
  look_for_answer(bytes);
  position_ += bytes.size();
  // An installer needs kernel, initrd and answer file: from the answer on, the disk is as good as gone.
  if (state_ == HostState::booting_media && !deployment_.empty()) {
    if (!check_url_.empty()) return ask(now);
    launch(now);
  }
  go_on(now);
}

void TimerHost::go_on(MonoTime now) {
  if (loses_power()) return power_cut(now, options_.power_cut_for);
  const bool waits = state_ == HostState::installing && options_.waits_at_launch;
  if (position_ >= size_ && !waits) return read_all(now);
  const auto chunks = std::max<std::uint64_t>(1, size_ / options_.read_chunk);
  due_ = now + options_.install_time / static_cast<std::int64_t>(chunks);
}

void TimerHost::ask(MonoTime now) {
  asking_ = true;
  asked_ = 0;
  note(now, "asks for its go", deployment_);
  due_ = now;
}

std::string TimerHost::shown() const {
  const BmcOptions& real = options_.behind == nullptr ? options_ : *options_.behind;
  std::string lines = "deployment=" + deployment_ + "\nuuid=" + real.uuid + "\nserial=" + real.serial + "\n";
  for (const std::string& mac : real.macs) lines += "mac=" + mac + "\n";
  return lines + "calls=no\nasker=" + to_hex(sha256(real.name + "/" + std::to_string(boots_))) + "\n";
}

/// A machine without a go stands still for good: to go off would look like an installer's end.
void TimerHost::heard(int status, std::string_view says, MonoTime now) {
  const bool go = status == 200 && says.starts_with("go");
  if (status == 200 && says.starts_with("no:")) {
    asking_ = false;
    note(now, "got no go", deployment_);
    state_ = HostState::stuck;
    due_.reset();
    return;
  }
  if (!go && (check_required_ || ++asked_ < asked_enough)) {
    due_ = now + asks_again_after;
    return;
  }
  asking_ = false;
  note(now, go ? "got its go" : "nobody could be asked", deployment_);
  launch(now);
  go_on(now);
}

void TimerHost::read_all(MonoTime now) {
  if (state_ == HostState::installing) return installer_ends(now);
  // Nobody's installer: a rescue system, a memory test.
  state_ = HostState::running;
  note(now, "runs what is on the medium", url_);
}

bool TimerHost::loses_power() const {
  const bool due = options_.power_cut_at > 0 && position_ * 100 >= size_ * options_.power_cut_at;
  return due && state_ == HostState::installing && !was_cut_;
}

void TimerHost::launch(MonoTime now) {
  for (const auto& earlier : installs_) {
    if (earlier.deployment == deployment_) violate(now, "second install by deployment " + deployment_);
  }
  if (!ordered_boot_) note(now, "launched by a boot nobody ordered", deployment_);
  state_ = HostState::installing;
  disk_has_os_ = false;
  new_os_ = false;
  installs_.push_back({deployment_, answer_, now, false, false, !ordered_boot_});
  note(now, "launch", deployment_);
}

void TimerHost::restart(MonoTime now) {
  state_ = HostState::post;
  ordered_boot_ = false;
  due_ = now + options_.post_time;
}

/// Of what it does from its medium, and of each of its passes.
void TimerHost::installer_ends(MonoTime now) {
  disk_has_os_ = true;
  if (passes_left_ > 0) {
    note(now, "restarts into its next pass", installs_.back().deployment);
    return restart(now);
  }
  installs_.back().completed = true;
  new_os_ = true;
  note(now, "installed", installs_.back().deployment);
  if (ends_in_reboot_) return restart(now);
  state_ = HostState::off;
  due_.reset();
}

}  // namespace metalmesh::bmcsim
