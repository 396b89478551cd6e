#include "tests/bmcsim/media_reader.h"

#include <curl/curl.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

namespace metalmesh::bmcsim {
namespace {

struct Transfer {
  std::string url;
  std::string range;
  bool post = false;
  bool glance = false;
  bool distrusts = false;
  std::string from;  // address; empty: any
  MediaAnswer answer;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* to) {
  auto& transfer = *static_cast<Transfer*>(to);
  transfer.answer.bytes.append(data, size * count);
  return transfer.glance ? CURL_WRITEFUNC_ERROR : size * count;  // it has seen enough
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* to) {
  const std::string_view line(data, size * count);
  auto& size_told = static_cast<Transfer*>(to)->answer.size;
  const auto is = [&](std::string_view name) {
    return line.size() > name.size() && curl_strnequal(line.data(), name.data(), name.size());
  };
  const auto number_from = [&](std::size_t at) {
    return std::strtoull(std::string(line.substr(at)).c_str(), nullptr, 10);
  };
  constexpr std::string_view length = "content-length:";
  if (is("content-range:")) {
    if (const auto slash = line.find('/'); slash != std::string_view::npos)
      size_told = number_from(slash + 1);
  } else if (is(length) && size_told == 0) {
    size_told = number_from(length.size());
  }
  return size * count;
}

}  // namespace

struct MediaReader::Impl {
  std::string ca_file;
  std::function<void(MediaAnswer)> deliver;
  CURLM* multi = curl_multi_init();
  std::mutex mutex;
  std::vector<std::unique_ptr<Transfer>> waiting;
  std::atomic<bool> stop{false};
  std::jthread thread;

  void add(std::unique_ptr<Transfer> transfer) {
    {
      const std::lock_guard lock(mutex);
      waiting.push_back(std::move(transfer));
    }
    curl_multi_wakeup(multi);
  }

  void begin(std::unique_ptr<Transfer> transfer) {
    CURL* easy = curl_easy_init();
    Transfer* raw = transfer.release();
    curl_easy_setopt(easy, CURLOPT_URL, raw->url.c_str());
    curl_easy_setopt(easy, CURLOPT_PRIVATE, raw);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 20000L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 3000L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, raw);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, raw);
    if (raw->post) {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "booted");
    } else if (!raw->range.empty()) {
      curl_easy_setopt(easy, CURLOPT_RANGE, raw->range.c_str());
    }
    if (!raw->from.empty()) curl_easy_setopt(easy, CURLOPT_INTERFACE, ("host!" + raw->from).c_str());
    if (raw->distrusts) {
      // The system's bundle stands.
    } else if (ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    } else {
      curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file.c_str());
    }
    curl_multi_add_handle(multi, easy);
  }

  void finish(CURL* easy, CURLcode code) {
    Transfer* raw = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &raw);
    const std::unique_ptr<Transfer> transfer(raw);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    if (transfer->distrusts) return;
    const bool cut = code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR;
    const bool plain = transfer->range.empty() && !transfer->post;
    const bool answered =
        code == CURLE_OK || (plain && cut) || (transfer->glance && code == CURLE_WRITE_ERROR);
    transfer->answer.status = answered ? static_cast<int>(status) : 0;
    deliver(std::move(transfer->answer));
  }

  void run() {
    while (!stop) {
      std::vector<std::unique_ptr<Transfer>> fresh;
      {
        const std::lock_guard lock(mutex);
        fresh.swap(waiting);
      }
      for (auto& transfer : fresh) begin(std::move(transfer));
      int running = 0;
      curl_multi_perform(multi, &running);
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
        if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
      }
      curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
    }
  }
};

MediaReader::MediaReader(std::string ca_file, std::function<void(MediaAnswer)> deliver)
    : impl_(std::make_unique<Impl>()) {
  impl_->ca_file = std::move(ca_file);
  impl_->deliver = std::move(deliver);
  impl_->thread = std::jthread([this] { impl_->run(); });
}

MediaReader::~MediaReader() {
  impl_->stop = true;
  curl_multi_wakeup(impl_->multi);
  impl_->thread.join();
  curl_multi_cleanup(impl_->multi);
}

void MediaReader::glance(std::size_t member, std::uint64_t ticket, std::string url) {
  auto transfer = std::make_unique<Transfer>();
  transfer->url = std::move(url);
  transfer->glance = true;
  transfer->answer.member = member;
  transfer->answer.ticket = ticket;
  impl_->add(std::move(transfer));
}

void MediaReader::read(std::size_t member, std::uint64_t ticket, std::string url, std::uint64_t offset,
                       std::uint64_t length) {
  auto transfer = std::make_unique<Transfer>();
  transfer->url = std::move(url);
  if (length > 0) transfer->range = std::to_string(offset) + "-" + std::to_string(offset + length - 1);
  transfer->answer.member = member;
  transfer->answer.ticket = ticket;
  impl_->add(std::move(transfer));
}

void MediaReader::callback(std::size_t member, std::uint64_t ticket, std::string url) {
  auto transfer = std::make_unique<Transfer>();
  transfer->url = std::move(url);
  transfer->answer.member = member;
  transfer->answer.ticket = ticket;
  transfer->post = true;
  impl_->add(std::move(transfer));
}

void MediaReader::distrust(std::size_t member, std::string url, const std::string& address) {
  auto transfer = std::make_unique<Transfer>();
  transfer->url = std::move(url);
  transfer->answer.member = member;
  transfer->distrusts = true;
  transfer->from = address;
  impl_->add(std::move(transfer));
}

}  // namespace metalmesh::bmcsim
