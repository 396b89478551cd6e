#include "agents/media/server/image_download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>

#include "agents/media/server/file_handle.h"

namespace metalmesh::media {
namespace {

constexpr std::uint64_t space_check_every = 16ULL << 20;

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyFree>;

struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// State of one attempt, shared with libcurl's callbacks.
struct Transfer {
  ImageFolder& folder;
  const DownloadOrder& order;
  const DownloadOptions& options;
  const std::atomic<bool>& cancelled;
  const std::function<void(std::uint64_t, std::uint64_t)>& told;
  CURL* easy = nullptr;
  FileHandle file;
  std::uint64_t resumed_from = 0;
  std::uint64_t at = 0;    // bytes in the part
  std::uint64_t size = 0;  // as far as known
  std::uint64_t next_space_check = 0;
  bool began = false;
  bool range_refused = false;
  bool discard = false;  // the body of an error answer
  std::string validator;
  Status verdict;  // why a callback stopped the transfer
  std::chrono::steady_clock::time_point told_at{};
};

Status space_for(const Transfer& transfer, std::uint64_t more) {
  const std::uint64_t free = transfer.folder.free_bytes();
  if (free >= transfer.options.reserve_bytes && free - transfer.options.reserve_bytes >= more) return {};
  return fail(ErrorKind::exhausted, "not enough disk space: the image needs " + std::to_string(more) +
                                        " more bytes, " + std::to_string(free) + " are free, of which " +
                                        std::to_string(transfer.options.reserve_bytes) +
                                        " are reserved; remove images or enlarge the disk");
}

/// First byte of a body: decides between going on and starting over.
Status begin_body(Transfer& transfer) {
  transfer.began = true;
  long status = 0;  // NOLINT(google-runtime-int): libcurl's type
  curl_off_t length = -1;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(transfer.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (status >= 300) {
    transfer.discard = true;
    return {};
  }
  if (status == 200 && transfer.at > 0) {  // the source ignored the range, or the content changed
    if (::ftruncate(transfer.file.get(), 0) != 0)
      return fail(ErrorKind::unavailable, "the part cannot be emptied");
    transfer.at = 0;
  }
  if (length >= 0 && transfer.size == 0) transfer.size = transfer.at + static_cast<std::uint64_t>(length);
  if (length >= 0 && transfer.at + static_cast<std::uint64_t>(length) > transfer.size) {
    return fail(ErrorKind::corrupt, "the source offers " +
                                        std::to_string(transfer.at + static_cast<std::uint64_t>(length)) +
                                        " bytes, expected " + std::to_string(transfer.size));
  }
  if (!transfer.validator.empty()) {
    transfer.folder.remember_origin(transfer.order.sha256, {transfer.order.url, transfer.validator});
  }
  return space_for(transfer, transfer.size > transfer.at ? transfer.size - transfer.at : 0);
}

Status store(Transfer& transfer, const char* bytes, std::size_t length) {
  if (!transfer.began) {
    if (auto begun = begin_body(transfer); !begun) return begun;
  }
  if (transfer.discard) return {};
  if (transfer.size > 0 && transfer.at + length > transfer.size) {
    return fail(ErrorKind::corrupt,
                "the source sends more than the expected " + std::to_string(transfer.size) + " bytes");
  }
  if (transfer.at >= transfer.next_space_check) {
    if (auto space = space_for(transfer, length); !space) return space;
    transfer.next_space_check = transfer.at + space_check_every;
  }
  for (std::size_t done = 0; done < length;) {
    const auto put =
        ::pwrite(transfer.file.get(), bytes + done, length - done, static_cast<off_t>(transfer.at + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const ErrorKind kind =
          errno == ENOSPC || errno == EDQUOT ? ErrorKind::exhausted : ErrorKind::unavailable;
      return fail(kind, "writing the image: " + std::error_code(errno, std::generic_category()).message());
    }
    done += static_cast<std::size_t>(put);
  }
  transfer.at += length;
  return {};
}

std::size_t on_body(char* bytes, std::size_t one, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.verdict = store(transfer, bytes, one * count);
  return transfer.verdict ? one * count : 0;
}

std::size_t on_header(char* bytes, std::size_t one, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string line(bytes, one * count);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.pop_back();
  if (line.starts_with("HTTP/")) transfer.validator.clear();  // a redirect's fields do not count
  if (line.size() > 5 && curl_strnequal(line.c_str(), "etag:", 5) != 0) {
    const std::size_t value = line.find_first_not_of(" \t", 5);
    // If-Range needs a strong validator.
    if (value != std::string::npos && line[value] == '"' && line.size() < 1024)
      transfer.validator = line.substr(value);
  }
  return one * count;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.cancelled) return 1;
  const auto now = std::chrono::steady_clock::now();
  if (transfer.began && !transfer.discard && now - transfer.told_at >= std::chrono::seconds(1)) {
    transfer.told_at = now;
    transfer.told(transfer.at, transfer.size);
  }
  return 0;
}

Status judge(const Transfer& transfer, CURLcode code, const char* text) {
  if (!transfer.verdict) return transfer.verdict;
  if (transfer.cancelled) return fail(ErrorKind::unavailable, "stopped");
  long status = 0;  // NOLINT(google-runtime-int): libcurl's type
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 300) {
    return fail(status == 404 || status == 410 ? ErrorKind::not_found : ErrorKind::unavailable,
                "the source answered HTTP " + std::to_string(status));
  }
  if (code == CURLE_FILE_COULDNT_READ_FILE) return fail(ErrorKind::not_found, "the file cannot be read");
  if (code != CURLE_OK)
    return fail(ErrorKind::unavailable, text[0] != '\0' ? text : curl_easy_strerror(code));
  if (transfer.size > 0 && transfer.at < transfer.size) {
    return fail(ErrorKind::unavailable, "the source ended after " + std::to_string(transfer.at) + " of " +
                                            std::to_string(transfer.size) + " bytes");
  }
  return {};
}

Status attempt(Transfer& transfer) {
  const Easy easy(curl_easy_init());
  if (!easy) return fail(ErrorKind::internal, "libcurl cannot start");
  transfer.easy = easy.get();
  const std::string part = transfer.folder.part(transfer.order.sha256);
  transfer.file = FileHandle(::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!transfer.file) {
    return fail(ErrorKind::unavailable,
                part + ": " + std::error_code(errno, std::generic_category()).message());
  }
  transfer.at = transfer.resumed_from;
  transfer.size = transfer.order.size;

  std::array<char, CURL_ERROR_SIZE> text{};
  std::unique_ptr<curl_slist, ListFree> fields;
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy.get(), option, value); };
  set(CURLOPT_URL, transfer.order.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "https,http,file");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "https,http");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 5L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT, transfer.options.connect_seconds);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, transfer.options.silence_seconds);
  set(CURLOPT_USERAGENT, "metalmesh");
  set(CURLOPT_ERRORBUFFER, text.data());
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, &transfer);
  if (!transfer.options.ca_file.empty()) set(CURLOPT_CAINFO, transfer.options.ca_file.c_str());
  const std::string range = std::to_string(transfer.at) + "-";
  if (transfer.at > 0) {
    set(CURLOPT_RANGE, range.c_str());
    const auto origin = transfer.folder.origin(transfer.order.sha256);
    if (origin && origin->url == transfer.order.url) {
      fields.reset(curl_slist_append(nullptr, ("If-Range: " + origin->validator).c_str()));
      set(CURLOPT_HTTPHEADER, fields.get());
    }
  }
  const CURLcode code = curl_easy_perform(easy.get());
  long status = 0;  // NOLINT(google-runtime-int): libcurl's type
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  transfer.range_refused = status == 416 || code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME;
  return judge(transfer, code, text.data());
}

}  // namespace

std::string printable_url(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t start = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t path = std::min(url.find('/', start), url.size());
  const std::size_t user = url.rfind('@', path);
  std::string out = url.substr(0, start);
  out += url.substr(user == std::string::npos || user < start ? start : user + 1);
  return out.substr(0, out.find('?'));
}

Status download_image(ImageFolder& folder, const DownloadOrder& order, const DownloadOptions& options,
                      const std::atomic<bool>& cancelled,
                      const std::function<void(std::uint64_t, std::uint64_t)>& told) {
  if (!order.url.starts_with("https://") && !order.url.starts_with("http://") &&
      !order.url.starts_with("file:")) {
    return fail(ErrorKind::invalid, "only https:, http: and file: sources are supported");
  }
  std::uint64_t have = folder.part_size(order.sha256);
  if (order.size > 0 && have == order.size) return {};  // complete, not verified yet
  if (order.size > 0 && have > order.size) {
    folder.remove_part(order.sha256);
    have = 0;
  }
  Transfer transfer{folder, order, options, cancelled, told};
  if (auto space = space_for(transfer, order.size > have ? order.size - have : 0); !space) return space;
  transfer.resumed_from = have;
  Status done = attempt(transfer);
  // A source that refuses the range (416, or a file that shrank) is asked once more from the start.
  if (done || have == 0 || !transfer.range_refused || cancelled) return done;
  folder.remove_part(order.sha256);
  Transfer again{folder, order, options, cancelled, told};
  return attempt(again);
}

}  // namespace metalmesh::media
