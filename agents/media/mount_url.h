// The URLs that BMCs and installed systems dial: "/m/<token>.iso" (".img" for a medium that is a disk: BMCs
// tell one from the other by the name) and "/c/<token>". Short and plain, because BMCs refuse '?', '=',
// escapes and long paths; the token alone is the secret.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metalmesh::media {

/// 1 to 64 characters of letters, digits, '-' and '_'.
bool is_token(std::string_view token);

enum class MediumKind { cd, disk };
std::string mount_path(std::string_view token, MediumKind kind = MediumKind::cd);
std::string callback_path(std::string_view token);
/// "https://" + address + path; `address` is host[:port].
std::string mount_url(std::string_view address, std::string_view token, MediumKind kind = MediumKind::cd,
                      bool tls = true);
std::string callback_url(std::string_view address, std::string_view token, bool tls = true);

struct MediaTarget {
  enum class Kind { mount, callback };
  Kind kind = Kind::mount;
  std::string token;
  bool operator==(const MediaTarget&) const = default;
};
/// Nothing else is ever served: no query, no escapes, no other path.
std::optional<MediaTarget> parse_media_target(std::string_view path);

}  // namespace metalmesh::media
