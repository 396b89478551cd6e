// "Did you mean": the candidate a mistyped word most likely stands for.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace metalmesh {

/// The closest candidate within two edits (one for words of up to three letters), case ignored; empty when
/// there is none.
std::string near_miss(std::string_view word, std::span<const std::string> candidates);

}  // namespace metalmesh
