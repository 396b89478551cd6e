// What every transfer to the controller has in common. For .cc files of this room only.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "common/base/result.h"
#include "controller/cli/api_client.h"

namespace metalmesh::cli {

struct CurlFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlHandle = std::unique_ptr<CURL, CurlFree>;
using HeaderList = std::unique_ptr<curl_slist, CurlFree>;

void append_header(HeaderList& list, const std::string& line);
/// URL, TLS verification, bearer token, connect timeout. `headers` must live as long as the transfer.
void set_up(CURL* handle, const Target& target, const std::string& path, HeaderList& headers);
/// The controller was not reached, and what to look at.
Error transport_error(CURLcode code, const Target& target, const char* detail);
/// What a status other than 2xx says; understands problem+json.
Error refusal(long status, const std::string& body);

}  // namespace metalmesh::cli
