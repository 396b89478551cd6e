#include "common/adapters/paho_bus.h"

#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <string_view>
#include <thread>
#include <utility>

#include "common/adapters/openssl_handles.h"
#include "common/adapters/paho_link.h"
#include "common/os/files.h"

namespace metalmesh::adapters {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Kind = LinkEvent::Kind;

/// Messages that wait for the sink; the stream above asks again for what is dropped.
constexpr std::size_t inbound_bytes_limit = 16U << 20;
/// A connection that held so long was good: the next attempt starts with the shortest delay again.
constexpr auto proven_after = std::chrono::seconds(10);
constexpr auto goodbye_limit = std::chrono::seconds(2);

Result<std::string> common_name_of(const std::string& certificate_file) {
  const auto pem = os::read_file(certificate_file);
  if (!pem) return std::unexpected(pem.error());
  const auto certificate = parse_certificate(*pem, certificate_file);
  if (!certificate) return std::unexpected(certificate.error());
  std::array<char, 128> name{};
  const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate->get()), NID_commonName,
                                               name.data(), static_cast<int>(name.size()));
  if (length <= 0)
    return fail(ErrorKind::invalid, certificate_file + " has no common name to use as client id");
  return std::string(name.data(), static_cast<std::size_t>(length));
}

/// mqtts:// and mqtt:// in Paho's spelling; empty for anything else.
std::string paho_uri(std::string_view uri) {
  if (uri.starts_with("mqtts://")) return "ssl://" + std::string(uri.substr(8));
  if (uri.starts_with("mqtt://")) return "tcp://" + std::string(uri.substr(7));
  return {};
}

}  // namespace

class PahoBus::Worker {
 public:
  Worker(PahoBusOptions options, std::string uri, Sink& sink)
      : options_(std::move(options)), uri_(std::move(uri)), sink_(sink), random_(std::random_device{}()) {
    thread_ = std::thread([this] { run(); });
  }
  ~Worker() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    news_.notify_all();
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void publish(Publish message) {
    const std::scoped_lock lock(mutex_);
    if (message.payload.size() > bus_payload_limit)
      ++counts_.dropped_too_long;
    else if (!up_)
      ++counts_.dropped_down;
    else if (outgoing_.size() >= options_.queue)
      ++counts_.dropped_full;
    else {
      outgoing_.push_back(std::move(message));
      news_.notify_all();
    }
  }

  BusCounts counts() {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }

 private:
  using Lock = std::unique_lock<std::mutex>;

  // On Paho's thread.
  void arrived(LinkEvent event) {
    const std::scoped_lock lock(mutex_);
    if (event.kind == Kind::message) {
      const std::size_t size = event.message.payload.size();
      if (size > bus_payload_limit) {
        ++counts_.dropped_too_long;
        return;
      }
      if (inbound_bytes_ + size > inbound_bytes_limit) {
        ++counts_.dropped_inbound;
        return;
      }
      inbound_bytes_ += size;
    }
    events_.push_back(std::move(event));
    news_.notify_all();
  }

  void run() {
    unsigned attempt = 0;
    while (!is_stopping()) {
      const auto began = SteadyClock::now();
      std::string reason = session();
      take_down();
      if (is_stopping()) break;
      if (reason != last_reason_ || was_up_) sink_.deliver(BusDown{reason});
      attempt = was_up_ && SteadyClock::now() - began > proven_after ? 1 : attempt + 1;
      last_reason_ = std::move(reason);
      was_up_ = false;
      Lock lock(mutex_);
      news_.wait_for(lock, options_.backoff.delay(attempt, random_), [this] { return stopping_; });
    }
    goodbye();
    link_.reset();
  }

  /// One connection from connect to its end; returns why it ended.
  std::string session() {
    if (!link_)
      link_ =
          std::make_unique<PahoLink>(options_, uri_, [this](LinkEvent event) { arrived(std::move(event)); });
    ++generation_;
    {
      const std::scoped_lock lock(mutex_);
      events_.clear();
      inbound_bytes_ = 0;
    }
    // Paho is to give up by itself; one that does not is replaced.
    const auto connect_limit = options_.connect_timeout + std::chrono::seconds(5);
    if (auto error = link_->connect(generation_)) {
      link_is_suspect_ = true;
      return leave(*error);
    }
    if (auto error = await(Kind::connected, 1, connect_limit)) return leave(*error);
    connected_ = true;
    for (const std::string& filter : options_.subscriptions) {
      if (auto error = link_->subscribe(filter)) return leave("subscribing to " + filter + ": " + *error);
    }
    if (auto error = await(Kind::subscribed, options_.subscriptions.size(), connect_limit)) {
      return leave("subscribing: " + *error);
    }
    {
      const std::scoped_lock lock(mutex_);
      up_ = true;
    }
    was_up_ = true;
    sink_.deliver(BusUp{});
    for (MessageArrived& message : early_) deliver(std::move(message));
    early_.clear();
    return leave(serve());
  }

  /// Waits for `count` events of one kind. Nothing means they came.
  std::optional<std::string> await(Kind kind, std::size_t count, Duration at_most) {
    const auto deadline = SteadyClock::now() + at_most;
    while (count > 0) {
      Lock lock(mutex_);
      if (!news_.wait_until(lock, deadline, [this] { return stopping_ || !events_.empty(); })) {
        link_is_suspect_ = true;
        return "no answer from the broker in time";
      }
      if (stopping_) return "stopping";
      LinkEvent event = pop_event();
      lock.unlock();
      if (event.generation != generation_) continue;
      if (event.kind == kind) --count;
      if (event.kind == Kind::message) early_.push_back(std::move(event.message));
      if (event.kind == Kind::lost) connected_ = false;
      if (event.kind == Kind::failed || event.kind == Kind::lost) return event.reason;
    }
    return std::nullopt;
  }

  /// Sends and delivers until the connection ends; returns why.
  std::string serve() {
    std::size_t in_flight = 0;
    auto last_progress = SteadyClock::now();
    while (true) {
      Lock lock(mutex_);
      const auto can_send = [&] { return in_flight < options_.window && !outgoing_.empty(); };
      const auto ready = [&] { return stopping_ || !events_.empty() || can_send(); };
      if (in_flight == 0) {
        news_.wait(lock, ready);
      } else {
        news_.wait_until(lock, last_progress + options_.stall, ready);
        if (SteadyClock::now() - last_progress > options_.stall) return "the broker acknowledges nothing";
      }
      if (stopping_) return "stopping";
      if (!events_.empty()) {
        LinkEvent event = pop_event();
        lock.unlock();
        if (event.generation != generation_) continue;
        if (event.kind == Kind::message) deliver(std::move(event.message));
        if (event.kind == Kind::lost) {
          connected_ = false;
          return event.reason;
        }
        if (event.kind == Kind::published || event.of_publish) {
          if (in_flight > 0) --in_flight;
          last_progress = SteadyClock::now();
        }
        continue;
      }
      const Publish message = std::move(outgoing_.front());
      outgoing_.pop_front();
      // Paho's callbacks hold Paho's lock and want ours, so ours must be free while we call Paho.
      lock.unlock();
      if (in_flight == 0) last_progress = SteadyClock::now();
      if (auto error = link_->publish(message)) return *error;
      ++in_flight;
      const std::scoped_lock counting(mutex_);
      ++counts_.sent;
    }
  }

  void deliver(MessageArrived message) {
    {
      const std::scoped_lock lock(mutex_);
      inbound_bytes_ -= std::min(inbound_bytes_, message.payload.size());
      ++counts_.received;
    }
    sink_.deliver(std::move(message));
  }

  /// Ends what is left of the connection, so that the next attempt starts clean.
  std::string leave(std::string reason) {
    early_.clear();
    take_down();
    goodbye();
    return reason;
  }

  void goodbye() {
    if (std::exchange(connected_, false) && link_ && !link_->disconnect()) {
      const auto deadline = SteadyClock::now() + goodbye_limit;
      Lock lock(mutex_);
      link_is_suspect_ = true;
      while (link_is_suspect_ && news_.wait_until(lock, deadline, [this] { return !events_.empty(); })) {
        const LinkEvent event = pop_event();
        if (event.generation == generation_ && event.kind == Kind::disconnected) link_is_suspect_ = false;
      }
    }
    if (std::exchange(link_is_suspect_, false)) link_.reset();
  }

  void take_down() {
    const std::scoped_lock lock(mutex_);
    up_ = false;
    counts_.dropped_down += outgoing_.size();
    outgoing_.clear();
  }

  // The caller holds mutex_.
  LinkEvent pop_event() {
    LinkEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  bool is_stopping() {
    const std::scoped_lock lock(mutex_);
    return stopping_;
  }

  const PahoBusOptions options_;
  const std::string uri_;
  Sink& sink_;

  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<LinkEvent> events_;
  std::deque<Publish> outgoing_;
  std::size_t inbound_bytes_ = 0;
  BusCounts counts_;
  bool up_ = false;
  bool stopping_ = false;

  // thread_ only.
  Random random_;
  std::unique_ptr<PahoLink> link_;
  std::uintptr_t generation_ = 0;
  std::vector<MessageArrived> early_;  // came between CONNACK and the last SUBACK
  std::string last_reason_;
  bool connected_ = false;
  bool was_up_ = false;
  bool link_is_suspect_ = false;  // did not answer: replaced before it is used again

  std::thread thread_;
};

Result<std::unique_ptr<PahoBus>> PahoBus::open(PahoBusOptions options, Sink& sink) {
  std::string uri = paho_uri(options.uri);
  if (uri.empty())
    return fail(ErrorKind::invalid, "broker URI '" + options.uri + "' does not begin with mqtts://");
  const bool tls = options.uri.starts_with("mqtts://");
  if (!tls && !options.allow_plain)
    return fail(ErrorKind::invalid, "broker URI '" + options.uri + "' is not mqtts://");
  if (tls && options.ca_file.empty()) return fail(ErrorKind::invalid, "the broker's CA file is not set");
  if (!tls) options.ca_file.clear();
  if (options.client_id.empty()) {
    auto name = common_name_of(options.certificate_file);
    if (!name) return std::unexpected(std::move(name.error()).with("client certificate of the bus"));
    options.client_id = std::move(*name);
  }
  return std::unique_ptr<PahoBus>(
      new PahoBus(std::make_unique<Worker>(std::move(options), std::move(uri), sink)));
}

PahoBus::PahoBus(std::unique_ptr<Worker> worker) : worker_(std::move(worker)) {}
PahoBus::~PahoBus() = default;

void PahoBus::publish(Publish message) { worker_->publish(std::move(message)); }
BusCounts PahoBus::counts() const { return worker_->counts(); }

}  // namespace metalmesh::adapters
