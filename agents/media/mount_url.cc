#include "agents/media/mount_url.h"

#include <algorithm>

#include "common/text/hex.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t longest_token = 64;
constexpr std::string_view mount_prefix = "/m/";
constexpr std::string_view cd_suffix = ".iso";
constexpr std::string_view disk_suffix = ".img";
static_assert(cd_suffix.size() == disk_suffix.size());
constexpr std::string_view callback_prefix = "/c/";
constexpr std::string_view check_prefix = "/v/";
constexpr std::string_view packages_prefix = "/p/";

std::string url(std::string_view address, const std::string& path, bool tls) {
  return std::string(tls ? "https://" : "http://") + std::string(address) + path;
}

bool is_unreserved(char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~'; }

/// Escapes of characters that need none mean the character itself (RFC 3986, 6.2.2.2); all others stay.
std::string without_idle_escapes(std::string_view path) {
  std::string plain;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const int high = path[i] == '%' && i + 2 < path.size() ? hex_value(path[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(path[i + 2]) : -1;
    const char meant = static_cast<char>(high * 16 + low);
    const bool idle = low >= 0 && is_unreserved(meant);
    plain += idle ? meant : path[i];
    if (idle) i += 2;
  }
  return plain;
}

}  // namespace

bool is_token(std::string_view token) {
  return !token.empty() && token.size() <= longest_token &&
         std::all_of(token.begin(), token.end(), [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

std::string mount_path(std::string_view token, MediumKind kind) {
  const std::string_view suffix = kind == MediumKind::disk ? disk_suffix : cd_suffix;
  return std::string(mount_prefix) + std::string(token) + std::string(suffix);
}

std::string callback_path(std::string_view token) {
  return std::string(callback_prefix) + std::string(token);
}

std::string check_path(std::string_view token) { return std::string(check_prefix) + std::string(token); }

std::string packages_path(std::string_view token) {
  return std::string(packages_prefix) + std::string(token);
}

std::string mount_url(std::string_view address, std::string_view token, MediumKind kind, bool tls) {
  return url(address, mount_path(token, kind), tls);
}

std::string callback_url(std::string_view address, std::string_view token, bool tls) {
  return url(address, callback_path(token), tls);
}

std::string check_url(std::string_view address, std::string_view token, bool tls) {
  return url(address, check_path(token), tls);
}

std::optional<MediaTarget> parse_media_target(std::string_view asked) {
  MediaTarget target;
  const std::size_t query = std::min(asked.find('?'), asked.size());
  const std::string plain = without_idle_escapes(asked.substr(0, query));
  std::string_view path = plain;
  if (path.starts_with(mount_prefix) && (path.ends_with(cd_suffix) || path.ends_with(disk_suffix))) {
    path.remove_prefix(mount_prefix.size());
    if (path.size() < cd_suffix.size()) return std::nullopt;
    path.remove_suffix(cd_suffix.size());
  } else if (path.starts_with(callback_prefix)) {
    path.remove_prefix(callback_prefix.size());
    target.kind = MediaTarget::Kind::callback;
  } else if (path.starts_with(check_prefix)) {
    path.remove_prefix(check_prefix.size());
    target.kind = MediaTarget::Kind::check;
  } else if (path.starts_with(packages_prefix)) {
    path.remove_prefix(packages_prefix.size());
    const std::size_t end = std::min(path.find('/'), path.size());
    target.kind = MediaTarget::Kind::packages;
    target.path = path.substr(end);
    path = path.substr(0, end);
  } else {
    return std::nullopt;
  }
  if (!is_token(path)) return std::nullopt;
  target.token = path;
  return target;
}

}  // namespace metalmesh::media
