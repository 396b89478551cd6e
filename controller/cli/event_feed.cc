#include "controller/cli/event_feed.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "common/base/check.h"
#include "controller/cli/curl_setup.h"

namespace metalmesh::cli {
namespace {

// The controller sends a sign of life at least every 15 s.
constexpr long silence_seconds = 45;

struct MultiFree {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

}  // namespace

struct EventFeed::Transfer {
  std::unique_ptr<CURLM, MultiFree> multi{curl_multi_init()};
  CurlHandle curl{curl_easy_init()};
  HeaderList headers;
  std::array<char, CURL_ERROR_SIZE> detail{};
  SseParser parser;
  std::vector<SseMessage> messages;
  std::string refusal_body;
  bool announced = false;

  ~Transfer() { curl_multi_remove_handle(multi.get(), curl.get()); }

  [[nodiscard]] long status() const {
    long code = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &code);
    return code;
  }

  static std::size_t take(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string_view bytes(data, size * count);
    if (transfer.status() == 200) {
      std::ranges::move(transfer.parser.feed(bytes), std::back_inserter(transfer.messages));
    } else if (transfer.refusal_body.size() < 65536) {
      transfer.refusal_body += bytes;
    }
    return bytes.size();
  }
};

std::chrono::milliseconds reconnect_delay(unsigned attempt) {
  return std::min(std::chrono::milliseconds(10'000),
                  std::chrono::milliseconds(500) * (1U << std::min(attempt, 5U)));
}

EventFeed::EventFeed(const Target& target, std::string path, std::string after)
    : target_(target), path_(std::move(path)), last_id_(std::move(after)) {
  while (target_.server.ends_with('/')) target_.server.pop_back();
}
EventFeed::~EventFeed() = default;

void EventFeed::connect() {
  transfer_ = std::make_unique<Transfer>();
  Transfer& t = *transfer_;
  MM_CHECK(t.multi != nullptr && t.curl != nullptr);
  append_header(t.headers, "Accept: text/event-stream");
  if (!last_id_.empty()) append_header(t.headers, "Last-Event-ID: " + last_id_);
  set_up(t.curl.get(), target_, path_, t.headers);
  curl_easy_setopt(t.curl.get(), CURLOPT_WRITEFUNCTION, &Transfer::take);
  curl_easy_setopt(t.curl.get(), CURLOPT_WRITEDATA, &t);
  curl_easy_setopt(t.curl.get(), CURLOPT_ERRORBUFFER, t.detail.data());
  curl_easy_setopt(t.curl.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(t.curl.get(), CURLOPT_LOW_SPEED_TIME, silence_seconds);
  curl_multi_add_handle(t.multi.get(), t.curl.get());
}

Result<EventFeed::Heard> EventFeed::listen(std::chrono::milliseconds patience) {
  Heard heard;
  if (transfer_ == nullptr) {
    const auto wait = retry_at_ - std::chrono::steady_clock::now();
    if (wait > patience) {
      std::this_thread::sleep_for(patience);
      return heard;
    }
    if (wait.count() > 0) std::this_thread::sleep_for(wait);
    connect();
  }
  Transfer& t = *transfer_;
  int running = 0;
  curl_multi_perform(t.multi.get(), &running);
  if (t.messages.empty() && running > 0) {
    curl_multi_poll(t.multi.get(), nullptr, 0, static_cast<int>(patience.count()), nullptr);
    curl_multi_perform(t.multi.get(), &running);
  }
  if (t.status() == 200 && !t.announced) {
    t.announced = heard.connected_now = true;
    failures_ = 0;
    away_ = false;
  }
  heard.messages = std::exchange(t.messages, {});
  // Of a `reset`, too: it says where the ledger goes on.
  if (!t.parser.last_id().empty()) last_id_ = t.parser.last_id();
  if (running > 0) return heard;

  int left = 0;
  const CURLMsg* done = curl_multi_info_read(t.multi.get(), &left);
  const CURLcode code = done == nullptr ? CURLE_RECV_ERROR : done->data.result;
  const long status = t.status();
  if (code == CURLE_OK && status == 410) {
    heard.begins_again = refusal(status, t.refusal_body).message;
    last_id_ = "0";
    transfer_.reset();
    return heard;
  }
  if (code == CURLE_OK && status >= 400 && status < 500)
    return std::unexpected(refusal(status, t.refusal_body));
  if (!std::exchange(away_, true)) {
    heard.lost = code != CURLE_OK ? transport_error(code, target_, t.detail.data()).message
                 : status == 200  ? "the controller ended the stream"
                                  : refusal(status, t.refusal_body).message;
  }
  transfer_.reset();
  retry_at_ = std::chrono::steady_clock::now() + reconnect_delay(++failures_);
  return heard;
}

}  // namespace metalmesh::cli
