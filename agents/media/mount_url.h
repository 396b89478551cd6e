// The URLs that BMCs, installed systems and installers dial: "/m/<token>.iso" (".img" for a medium that is a
// disk: BMCs tell one from the other by the name), "/c/<token>", "/v/<token>" (an installer asks for its go) and, for the files of a package tree,
// "/p/<token>/...". The first two are short and plain, because BMCs refuse '?', '=',
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
std::string check_path(std::string_view token);
std::string packages_path(std::string_view token);
/// "https://" + address + path; `address` is host[:port].
std::string mount_url(std::string_view address, std::string_view token, MediumKind kind = MediumKind::cd,
                      bool tls = true);
std::string callback_url(std::string_view address, std::string_view token, bool tls = true);
std::string check_url(std::string_view address, std::string_view token, bool tls = true);

struct MediaTarget {
  enum class Kind { mount, callback, check, packages };
  Kind kind = Kind::mount;
  std::string token;
  std::string path;  // of a package tree: what follows the token, without a query
  bool operator==(const MediaTarget&) const = default;
};
/// Nothing else is ever served. A query changes nothing, nor do escapes of characters that need none: URLs
/// pass through firmware that adds the one and the other.
std::optional<MediaTarget> parse_media_target(std::string_view asked);

}  // namespace metalmesh::media
