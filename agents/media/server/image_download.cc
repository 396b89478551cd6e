#include "agents/media/server/image_download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include "agents/media/server/file_handle.h"

namespace metalmesh::media {
namespace {

constexpr std::uint64_t space_check_every = 16ULL << 20;
constexpr std::size_t header_limit = 1024;  // longer fields are none of ours

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
  const DownloadWatch& watch;
  std::optional<PartOrigin> before;  // of the bytes that are there
  std::uint64_t resumed_from = 0;
  CURL* easy = nullptr;
  FileHandle file{};
  std::uint64_t at = 0;    // where the next byte goes
  std::uint64_t size = 0;  // as far as known
  std::uint64_t next_space_check = 0;
  bool set_aside = false;  // the disk gave room for the whole image
  bool began = false;
  bool range_refused = false;
  bool discard = false;  // the body of an error answer
  bool slow = false;
  std::string etag;
  std::string modified;
  std::optional<std::uint64_t> range_start;  // of Content-Range
  std::optional<std::uint64_t> range_total;
  Status verdict;  // why a callback stopped the transfer
  std::chrono::steady_clock::time_point told_at{};

  [[nodiscard]] const std::string& validator() const { return etag.empty() ? modified : etag; }
  /// What is there is this source's, and it can tell whether its content is still the same.
  [[nodiscard]] bool can_prove() const {
    return before && before->url == order.url && !before->validator.empty();
  }
};

Status system_failure(const std::string& what) {
  const ErrorKind kind = errno == ENOSPC || errno == EDQUOT ? ErrorKind::exhausted : ErrorKind::unavailable;
  return fail(kind, what + ": " + std::error_code(errno, std::generic_category()).message());
}

Status set_aside(Transfer& transfer) {
  auto done = transfer.folder.set_aside(transfer.file, transfer.watch.share, transfer.size);
  if (!done) return std::unexpected(std::move(done.error()));
  transfer.set_aside = *done;  // otherwise the disk is asked again and again while bytes come
  return {};
}

Status wrong_size(const Transfer& transfer, std::uint64_t offered) {
  return fail(ErrorKind::corrupt, "the source offers " + std::to_string(offered) + " bytes, expected " +
                                      std::to_string(transfer.order.size));
}

/// A whole content instead of the range that was asked for.
Status begin_anew(Transfer& transfer) {
  const bool changed = transfer.can_prove() && transfer.validator() != transfer.before->validator;
  // Bytes of a content that its source has replaced are worth nothing; others are read over, and stay for the
  // case that this source is cut before it gets as far.
  if ((changed || transfer.order.size == 0) && ::ftruncate(transfer.file.get(), 0) != 0)
    return fail(ErrorKind::unavailable, "the part cannot be emptied");
  if (changed || transfer.order.size == 0) transfer.before.reset();
  transfer.at = 0;
  return {};
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
  const bool ranged = status == 206 || (status == 0 && transfer.at > 0);  // a file has no status
  if (status == 206 && transfer.range_start.value_or(transfer.at) != transfer.at) {
    return fail(ErrorKind::unavailable, "the source answers with another range than it was asked for");
  }
  const std::uint64_t behind = ranged ? transfer.at : 0;
  std::optional<std::uint64_t> offered = transfer.range_total;
  if (!offered && length >= 0) offered = behind + static_cast<std::uint64_t>(length);
  if (offered && transfer.order.size > 0 && *offered != transfer.order.size)
    return wrong_size(transfer, *offered);
  if (!ranged && transfer.at > 0) {
    if (auto begun = begin_anew(transfer); !begun) return begun;
  }
  if (offered) transfer.size = *offered;
  const bool proven = transfer.can_prove() && transfer.validator() == transfer.before->validator;
  const bool mixed = transfer.before && (transfer.before->mixed || !proven);
  transfer.folder.remember_origin(transfer.order.sha256, {transfer.order.url, transfer.validator(), mixed});
  return set_aside(transfer);
}

Status store(Transfer& transfer, const char* bytes, std::size_t length) {
  if (!transfer.began) {
    if (auto begun = begin_body(transfer); !begun) return begun;
  }
  if (transfer.discard) return {};
  if (transfer.size > 0 && transfer.at + length > transfer.size)
    return fail(ErrorKind::corrupt,
                "the source sends more than the expected " + std::to_string(transfer.size) + " bytes");
  if (!transfer.set_aside && transfer.at >= transfer.next_space_check) {
    if (auto room = transfer.folder.room_for(transfer.watch.share, length); !room) return room;
    transfer.next_space_check = transfer.at + space_check_every;
  }
  transfer.watch.pace(length);
  for (std::size_t done = 0; done < length;) {
    const auto put =
        ::pwrite(transfer.file.get(), bytes + done, length - done, static_cast<off_t>(transfer.at + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_failure("writing the image");
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

/// "bytes 1000-1999/2000" -> 1000 and 2000; a total of "*" is none.
void read_content_range(std::string_view value, Transfer& transfer) {
  const auto number = [](std::string_view text) -> std::optional<std::uint64_t> {
    std::uint64_t parsed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    return error == std::errc() && end != text.data() ? std::optional(parsed) : std::nullopt;
  };
  constexpr std::string_view unit = "bytes ";
  if (!value.starts_with(unit)) return;
  value.remove_prefix(unit.size());
  transfer.range_start = number(value);
  if (const auto slash = value.find('/'); slash != std::string_view::npos)
    transfer.range_total = number(value.substr(slash + 1));
}

std::size_t on_header(char* bytes, std::size_t one, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(bytes, one * count);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // a redirect's fields do not count
    transfer.etag.clear();
    transfer.modified.clear();
    transfer.range_start.reset();
    transfer.range_total.reset();
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || line.size() > header_limit) return one * count;
  const std::string name(line.substr(0, colon));
  std::string_view value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  // If-Range needs a strong validator: no W/"...".
  if (curl_strequal(name.c_str(), "ETag") != 0 && value.starts_with('"')) transfer.etag = value;
  if (curl_strequal(name.c_str(), "Last-Modified") != 0) transfer.modified = value;
  if (curl_strequal(name.c_str(), "Content-Range") != 0) read_content_range(value, transfer);
  return one * count;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.watch.cancelled) return 1;
  const auto now = std::chrono::steady_clock::now();
  if (transfer.began && !transfer.discard && now - transfer.told_at >= std::chrono::seconds(1)) {
    transfer.told_at = now;
    transfer.watch.told(transfer.at, transfer.size);
    if (transfer.folder.has(transfer.order.sha256)) return 1;  // somebody brought the image meanwhile
  }
  return 0;
}

Status judge(const Transfer& transfer, CURLcode code, const char* text) {
  if (!transfer.verdict) return transfer.verdict;
  if (transfer.watch.cancelled) return fail(ErrorKind::unavailable, "stopped");
  long status = 0;  // NOLINT(google-runtime-int): libcurl's type
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 300) {
    return fail(status == 404 || status == 410 ? ErrorKind::not_found : ErrorKind::unavailable,
                "the source answered HTTP " + std::to_string(status));
  }
  if (code == CURLE_FILE_COULDNT_READ_FILE) return fail(ErrorKind::not_found, "the file cannot be read");
  if (code == CURLE_OPERATION_TIMEDOUT && transfer.began)
    return fail(
        ErrorKind::unavailable,
        "the source gives less than " + std::to_string(transfer.options.least_rate) + " bytes per second");
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
  set(CURLOPT_LOW_SPEED_LIMIT, transfer.options.least_rate);
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
    if (transfer.can_prove()) {
      fields.reset(curl_slist_append(nullptr, ("If-Range: " + transfer.before->validator).c_str()));
      set(CURLOPT_HTTPHEADER, fields.get());
    }
  }
  const CURLcode code = curl_easy_perform(easy.get());
  long status = 0;  // NOLINT(google-runtime-int): libcurl's type
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  transfer.range_refused = status == 416 || code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME;
  transfer.slow = code == CURLE_OPERATION_TIMEDOUT;
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

DownloadEnd download_image(ImageFolder& folder, const DownloadOrder& order, const DownloadOptions& options,
                           const DownloadWatch& watch) {
  if (!order.url.starts_with("https://") && !order.url.starts_with("http://") &&
      !order.url.starts_with("file:")) {
    return {fail(ErrorKind::invalid, "only https:, http: and file: sources are supported")};
  }
  const auto begin = [&]() -> Transfer {
    Transfer transfer{
        folder, order, options, watch, folder.origin(order.sha256), folder.part_size(order.sha256)};
    transfer.size = order.size;
    const bool strange = order.alone && (!transfer.can_prove() || transfer.before->mixed);
    const bool too_long = order.size > 0 && transfer.resumed_from > order.size;
    if (transfer.resumed_from > 0 && !strange && !too_long) return transfer;
    folder.remove_part(order.sha256);
    transfer.before.reset();
    transfer.resumed_from = 0;
    return transfer;
  };
  Transfer transfer = begin();
  const std::uint64_t have = transfer.resumed_from;
  if (order.size > 0 && have == order.size) return {};  // complete, not verified yet
  DownloadEnd end;
  end.status = attempt(transfer);
  end.slow = transfer.slow;
  end.size = transfer.size;
  // A source that refuses the range (416, or a file that shrank) is asked once more from the start, unless
  // the size is known: then it is the source that is wrong, not what is there.
  if (!end.status && have > 0 && transfer.range_refused && order.size == 0 && !watch.cancelled) {
    folder.remove_part(order.sha256);
    Transfer again = begin();
    end.status = attempt(again);
    end.slow = again.slow;
    end.size = again.size;
  }
  const std::uint64_t now = folder.part_size(order.sha256);
  end.gained = now > have ? now - have : 0;
  return end;
}

}  // namespace metalmesh::media
