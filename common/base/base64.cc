#include "common/base/base64.h"

#include <openssl/evp.h>

namespace metalmesh {

std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::size_t group = 4;
  std::string out(text.size() / group * 3, '\0');
  if (text.size() % group != 0 ||
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size())) < 0)
    return std::nullopt;
  // What fills the last group stands for no bytes.
  for (; text.ends_with('='); text.remove_suffix(1)) out.pop_back();
  return out;
}

}  // namespace metalmesh
