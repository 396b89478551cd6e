#include "common/adapters/curl_url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "common/text/letters.h"

namespace metalmesh::adapters {
namespace {

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

}  // namespace

Result<Origin> origin_of(const std::string& url) {
  const Url parsed(curl_url(), curl_url_cleanup);
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return fail(ErrorKind::invalid, "not a URL");
  }
  if (!part(parsed, CURLUPART_USER).empty() || !part(parsed, CURLUPART_PASSWORD).empty()) {
    return fail(ErrorKind::invalid, "a URL must not carry a user name or password");
  }
  Origin origin{to_lower(part(parsed, CURLUPART_SCHEME)), to_lower(part(parsed, CURLUPART_HOST)),
                part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT)};
  if (origin.scheme != "http" && origin.scheme != "https")
    return fail(ErrorKind::invalid, "not an http(s) URL");
  return origin;
}

}  // namespace metalmesh::adapters
