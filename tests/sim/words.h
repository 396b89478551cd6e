// Small readings of names, numbers and events that several checkers share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "schemas/wire/event.pb.h"
#include "schemas/wire/order.pb.h"

namespace metalmesh::sim {

inline std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

/// "job/<deployment>/<n>" -> "<deployment>"; empty for other requests.
inline std::string deployment_of_request(std::string_view id) {
  constexpr std::string_view prefix = "job/";
  if (!id.starts_with(prefix)) return {};
  return std::string(id.substr(prefix.size(), id.rfind('/') - prefix.size()));
}

/// The host of an https URL, without its port.
inline std::string host_of_url(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  if (!url.starts_with(scheme)) return {};
  url.remove_prefix(scheme.size());
  return std::string(url.substr(0, url.find_first_of(":/")));
}

/// A URL of one of our media servers.
inline bool is_our_medium(std::string_view url) { return host_of_url(url).starts_with("media."); }

/// Such an order takes no generation.
inline bool only_reads(const wire::Agreed& agreed) { return agreed.has_inspect() || agreed.has_doctor(); }

inline bool is_cancelled(const wire::Event& event) {
  return event.cancel().answer() == wire::CancelAnswer::CANCELLED ||
         event.ended().outcome() == wire::Ended::CANCELLED;
}

}  // namespace metalmesh::sim
