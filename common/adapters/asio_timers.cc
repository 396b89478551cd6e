#include "common/adapters/asio_timers.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <ctime>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/os/clocks.h"

namespace metalmesh::adapters {
namespace {

int open_timer() {
  const int descriptor = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  MM_CHECK(descriptor >= 0);
  return descriptor;
}

}  // namespace

struct AsioTimers::State : std::enable_shared_from_this<AsioTimers::State> {
  State(boost::asio::io_context& context, Sink& where) : descriptor(context, open_timer()), sink(&where) {}

  // The caller holds `mutex`. An absolute time in the past fires at once; zero would disarm.
  void set_alarm() {
    itimerspec alarm{};
    if (!by_time.empty()) {
      const auto at = std::max<std::int64_t>(1, by_time.begin()->first.time_since_epoch().count());
      alarm.it_value.tv_sec = at / 1'000'000'000;
      alarm.it_value.tv_nsec = at % 1'000'000'000;
    }
    MM_CHECK(timerfd_settime(descriptor.native_handle(), TFD_TIMER_ABSTIME, &alarm, nullptr) == 0);
  }

  void erase(const std::string& token) {
    const auto found = by_token.find(token);
    if (found == by_token.end()) return;
    by_time.erase({found->second, token});
    by_token.erase(found);
  }

  void wait() {
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                            if (!error && self->fire()) self->wait();
                          });
  }

  bool fire() {
    // Delivering under the lock is what lets the destructor promise silence; a sink never calls back.
    const std::scoped_lock lock(mutex);
    if (sink == nullptr) return false;
    std::uint64_t expirations = 0;
    [[maybe_unused]] const auto drained =
        ::read(descriptor.native_handle(), &expirations, sizeof expirations);
    const MonoTime now = os::boot_time();
    while (!by_time.empty() && by_time.begin()->first <= now) {
      std::string token = by_time.begin()->second;
      erase(token);
      sink->deliver(TimerFired{std::move(token)});
    }
    set_alarm();
    return true;
  }

  boost::asio::posix::stream_descriptor descriptor;  // used on the runtime's thread only, but for its number
  std::mutex mutex;
  Sink* sink;  // null once the owner is gone
  std::map<std::string, MonoTime> by_token;
  std::set<std::pair<MonoTime, std::string>> by_time;
};

MonoTime alarm_of(MonoTime at, MonoTime now) {
  constexpr Duration least = std::chrono::milliseconds(64);
  constexpr Duration most = std::chrono::milliseconds(256);
  const Duration slack = std::min((at - now) / 16, most);
  if (slack < least) return at;
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(slack).count();
  const Duration grid = std::chrono::milliseconds(std::bit_floor(static_cast<std::uint64_t>(whole)));
  if (at > MonoTime::max() - grid) return at;
  return MonoTime((at.time_since_epoch() + grid - Duration(1)) / grid * grid);
}

AsioTimers::AsioTimers(AsioRuntime& runtime, Sink& sink)
    : runtime_(runtime), state_(std::make_shared<State>(runtime.context(), sink)) {
  runtime_.post([state = state_] { state->wait(); });
}

AsioTimers::~AsioTimers() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->sink = nullptr;
  }
  runtime_.post([state = std::move(state_)] {
    boost::system::error_code ignored;
    state->descriptor.close(ignored);
  });
}

void AsioTimers::arm(TimerArm timer) {
  const MonoTime at = alarm_of(timer.at, os::boot_time());
  const std::scoped_lock lock(state_->mutex);
  state_->erase(timer.token);
  state_->by_time.emplace(at, timer.token);
  state_->by_token.emplace(std::move(timer.token), at);
  state_->set_alarm();
}

void AsioTimers::disarm(TimerDisarm timer) {
  const std::scoped_lock lock(state_->mutex);
  state_->erase(timer.token);
  state_->set_alarm();
}

}  // namespace metalmesh::adapters
