// How the parts of a BMC model say what they say: JSON bodies, extended errors, collections.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bmcsim/model/redfish_message.h"

namespace metalmesh::bmcsim {

inline constexpr std::string_view service_root = "/redfish/v1";

RedfishReply json_reply(boost::json::value value, int status = 200, std::string etag = {});
/// With one extended message, as the Base registry has them.
RedfishReply error_reply(int status, std::string_view id, std::string_view message);
RedfishReply no_content();
RedfishReply no_such_resource();

boost::json::object link(std::string_view path);
boost::json::value collection(std::string_view path, std::string_view type, std::string_view name,
                              const std::vector<std::string>& members);

std::string without_slashes(std::string path);  // at its end
bool reads(const RedfishRequest& request);      // GET or HEAD
/// Empty when absent. `name` in lower case.
std::string header(const Headers& headers, std::string_view name);
/// Null when it is no JSON.
boost::json::value parse_body(const std::string& text);
/// A member's text; empty when there is none.
std::string string_at(const boost::json::value& value, std::string_view key);

/// Changes the JSON object of a reply that tells something; leaves errors and any other body alone, and what
/// another fault has made unfit for the change.
void edit(RedfishReply& reply, const std::function<void(boost::json::object&)>& change);
/// Likewise of an error.
void edit_error(RedfishReply& reply, const std::function<void(boost::json::object&)>& change);

}  // namespace metalmesh::bmcsim
