// Who may have a connection to the HTTP server when not everybody can. Pure: which one ends for a newcomer is a function of
// those that are open.
//
// A stranger has not shown a token that is known; a caller has. Who asks nothing makes room: first who was answered and has
// only its own close left, then strangers, then callers, the oldest of each first. So nothing that costs nothing keeps
// anybody out. Where nobody is idle, a few places are left for requests that stop something.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace metalmesh::adapters {

struct HttpPlaceLimits {
  std::size_t ordinary = 512;
  std::size_t reserved = 16;               // beside them, for requests that stop something
  std::size_t strangers_of_address = 128;  // at a time
  std::size_t of_caller = 256;
  std::size_t local = 16;  // over the socket on this host: nobody else's places, and nobody else has theirs
};

/// One that is open.
struct HttpPlace {
  std::string address;  // of the other side, without its port
  std::string caller;   // empty: a stranger
  bool local = false;
  bool reserved = false;
  /// Since when a complete request is waited for; nothing while there is one; since ever once the last was answered.
  std::optional<std::chrono::steady_clock::time_point> idle_since;
};

struct PlaceVerdict {
  enum class Kind { ordinary, reserved, none };
  Kind kind = Kind::ordinary;
  std::optional<std::size_t> ends;  // of those that are open, this one makes room
};

/// For a connection that just came.
PlaceVerdict place_for(const HttpPlace& newcomer, std::span<const HttpPlace> open,
                       const HttpPlaceLimits& limits);

/// For the open connection `own`, which has just shown whose it is. Kind none: its caller has too many, all at work.
PlaceVerdict place_of_caller(std::size_t own, const std::string& caller, std::span<const HttpPlace> open,
                             const HttpPlaceLimits& limits);

/// The first to make room, whoever it is; nothing if all are at work.
std::optional<std::size_t> first_to_end(std::span<const HttpPlace> open);

}  // namespace metalmesh::adapters
