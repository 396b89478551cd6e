// The agent's whole key layout, in one place. The streams keep theirs below the two prefixes given here.
#pragma once

#include <string>
#include <string_view>

namespace metalmesh::agent::rows {

inline constexpr std::uint32_t version = 4;

inline constexpr char site[] = "a/site";
inline constexpr char clock[] = "a/clock";
inline constexpr char link[] = "a/link";
inline constexpr char blob[] = "blob/";
inline constexpr char bmc[] = "bmc/";
inline constexpr char credential[] = "credential/";
inline constexpr char damaged[] = "damaged/";
inline constexpr char discovery[] = "discovery";
inline constexpr char fence[] = "fence/";
inline constexpr char image[] = "image/";
inline constexpr char inspect[] = "inspect/";
inline constexpr char job[] = "job/";
inline constexpr char reads[] = "reads/";
inline constexpr char shelf[] = "shelf/";
inline constexpr char commands[] = "r/commands";
inline constexpr char events[] = "s/events/";

/// The first key after every key that starts with `prefix` (which ends in '/').
inline std::string after(std::string_view prefix) {
  std::string end(prefix);
  ++end.back();
  return end;
}

}  // namespace metalmesh::agent::rows
