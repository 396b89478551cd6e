#include "agents/care/certificates.h"

#include "common/text/letters.h"

namespace metalmesh::care {
namespace {

constexpr std::string_view first_line = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view last_line = "-----END CERTIFICATE-----";

/// What stands between them, in one line.
std::string body_of(std::string_view pem) {
  const std::size_t from = pem.find(first_line);
  if (from != std::string_view::npos) pem.remove_prefix(from + first_line.size());
  std::string out;
  for (const char c : pem.substr(0, pem.find(last_line)))
    if (is_alnum(c) || c == '+' || c == '/' || c == '=') out += c;
  return out;
}

}  // namespace

std::vector<std::string> certificates_in(std::string_view pem) {
  std::vector<std::string> out;
  for (std::size_t at = pem.find(first_line); at != std::string_view::npos;
       at = pem.find(first_line, at + 1)) {
    const std::size_t end = pem.find(last_line, at);
    if (end == std::string_view::npos) break;
    out.push_back(std::string(pem.substr(at, end + last_line.size() - at)) + "\n");
  }
  return out;
}

bool same_certificate(std::string_view one, std::string_view other) {
  const std::string body = body_of(one);
  return !body.empty() && body == body_of(other);
}

}  // namespace metalmesh::care
