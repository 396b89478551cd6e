// What of a URL is nobody's business: the password before its @, and what a signed query proves itself with. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metalmesh::recording {

/// The secret parts of all web URLs in the text, in their order; a {{variable}} or $VARIABLE in the place of one is none.
std::vector<std::string_view> secrets_of_urls(std::string_view text);
/// Puts stars in their place, as many as they are long.
void hide_in_urls(std::string& text);

}  // namespace metalmesh::recording
