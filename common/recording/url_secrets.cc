#include "common/recording/url_secrets.h"

#include <algorithm>

#include "common/recording/secret_finder.h"
#include "common/text/letters.h"

namespace metalmesh::recording {
namespace {

constexpr std::string_view after_scheme = "://";
constexpr std::string_view ends_url = " \t\r\n\"'<>`";
constexpr std::string_view ends_authority = "/?#";

bool is_web(std::string_view before) {
  const auto ends = [&](std::string_view scheme) {
    return before.size() >= scheme.size() && to_lower(before.substr(before.size() - scheme.size())) == scheme;
  };
  return ends("http") || ends("https") || ends("ftp");
}

std::string_view up_to(std::string_view text, std::string_view ends) {
  return text.substr(0, text.find_first_of(ends));
}

bool is_filled_in_later(std::string_view part) { return part.starts_with("{{") || part.starts_with('$'); }

/// X-Amz-Signature, sig, access_token.
bool proves(std::string_view name) {
  const std::string word = to_lower(name);
  return variable_names_a_secret(name) || word == "sig" || word.contains("signature");
}

/// Without a colon all that is before the @ is what lets in, as tokens do.
std::string_view password_of(std::string_view authority) {
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return {};
  const std::string_view user = authority.substr(0, at);
  const std::size_t colon = user.find(':');
  return colon == std::string_view::npos ? user : user.substr(colon + 1);
}

void add(std::string_view part, std::vector<std::string_view>& out) {
  if (!part.empty() && !is_filled_in_later(part)) out.push_back(part);
}

void find_in_query(std::string_view query, std::vector<std::string_view>& out) {
  while (!query.empty()) {
    const std::string_view pair = up_to(query, "&;");
    const std::size_t is = pair.find('=');
    if (is != std::string_view::npos && proves(pair.substr(0, is))) add(pair.substr(is + 1), out);
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
  }
}

}  // namespace

std::vector<std::string_view> secrets_of_urls(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = text.find(after_scheme); at != std::string_view::npos;
       at = text.find(after_scheme, at + 1)) {
    if (!is_web(text.substr(0, at))) continue;
    const std::string_view url = up_to(text.substr(at + after_scheme.size()), ends_url);
    add(password_of(up_to(url, ends_authority)), out);
    const std::string_view before_fragment = url.substr(0, url.find('#'));
    const std::size_t query = before_fragment.find('?');
    if (query != std::string_view::npos) find_in_query(before_fragment.substr(query + 1), out);
  }
  return out;
}

void hide_in_urls(std::string& text) {
  const std::string_view whole = text;
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (const std::string_view part : secrets_of_urls(whole))
    places.emplace_back(static_cast<std::size_t>(part.data() - whole.data()), part.size());
  for (const auto& [begin, size] : places) text.replace(begin, size, std::string(size, '*'));
}

}  // namespace metalmesh::recording
