#include "common/adapters/credential_body.h"

#include <algorithm>
#include <string>

#include "common/ports/http_client.h"

namespace metalmesh::adapters {
namespace {

constexpr std::string_view user_mark = credential_user_placeholder;
constexpr std::string_view password_mark = credential_password_placeholder;
/// The longest escape is \u00XX: six bytes for one.
constexpr std::size_t escape_growth = 6;

void append_escaped(std::string& out, std::string_view value) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += digits[c >> 4];
      out += digits[c & 15];
    } else {
      out += c;
    }
  }
}

std::size_t count(std::string_view text, std::string_view mark) {
  std::size_t found = 0;
  for (auto at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + mark.size()))
    ++found;
  return found;
}

}  // namespace

bool wants_credential(std::string_view body) {
  return body.find(user_mark) != std::string_view::npos || body.find(password_mark) != std::string_view::npos;
}

Secret fill_credential(std::string_view body, std::string_view user, const Secret& password) {
  std::string out;
  // Reserved once for the worst case: growing would leave half-written copies in freed memory.
  out.reserve(body.size() +
              escape_growth * (count(body, user_mark) * user.size() +
                               count(body, password_mark) * password.reveal().size()) +
              32);
  while (!body.empty()) {
    const std::size_t user_at = body.find(user_mark);
    const std::size_t password_at = body.find(password_mark);
    const std::size_t at = std::min(user_at, password_at);
    out += body.substr(0, at);
    if (at == std::string_view::npos) break;
    append_escaped(out, at == user_at ? user : password.reveal());
    body.remove_prefix(at + (at == user_at ? user_mark.size() : password_mark.size()));
  }
  return Secret(std::move(out));
}

}  // namespace metalmesh::adapters
