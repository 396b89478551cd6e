#include "common/recording/secret_set.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <cstring>
#include <utility>

#include "common/base/digest.h"
#include "common/base/random.h"
#include "common/text/letters.h"

namespace metalmesh::recording {
namespace {

constexpr std::size_t bit_count = std::size_t{1} << 17U;

/// The first `shortest` bytes as a number; `bytes` has that many.
std::uint64_t start_of(const char* bytes) {
  std::uint64_t start = 0;
  std::memcpy(&start, bytes, SecretSet::shortest);
  return start;
}

std::size_t bit_of(std::uint64_t start) { return (start * 0x9e3779b97f4a7c15ULL) >> (64U - 17U); }

bool separates(char c) { return c == ':' || c == '-'; }

/// Digits and hex letters of one case, as digests, UUIDs and MACs are.
bool is_hex(std::string_view text) {
  const bool lower = std::ranges::all_of(text, [](char c) { return is_lower_hex(c) || separates(c); });
  const bool upper = std::ranges::all_of(
      text, [](char c) { return (is_lower_hex(to_lower(c)) && !is_lower(c)) || separates(c); });
  const bool parted = std::ranges::any_of(text, separates);
  return (lower && !parted) || ((lower || upper) && parted && std::ranges::any_of(text, is_letter));
}

/// Its first byte tells its kind, and names nobody.
bool is_mac(std::string_view text) {
  return text.size() == 17 && is_hex(text) && std::ranges::count_if(text, separates) == 5;
}

std::string json_form(std::string_view text) {
  const std::string quoted = boost::json::serialize(boost::json::value(boost::json::string(text)));
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

SecretSet::SecretSet(std::uint64_t key) : key_(key), bits_(bit_count / 64) {}

std::string SecretSet::placeholder(std::string_view secret) const {
  Sha256Stream stream;
  stream.update({reinterpret_cast<const char*>(&key_), sizeof key_});
  stream.update(secret);
  const std::string digest = stream.finish();
  std::uint64_t seed = 0;
  std::memcpy(&seed, digest.data(), sizeof seed);
  Random random(seed);
  const auto from = [&](char first, std::uint64_t count) {
    return static_cast<char>(first + static_cast<char>(random.below(count)));
  };
  const bool hex = is_hex(secret);
  const std::string_view digits =
      std::ranges::any_of(secret, is_upper) ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out(secret);
  for (std::size_t i = is_mac(secret) ? 2 : 0; i < out.size(); ++i) {
    char& c = out[i];
    if (hex && is_alnum(c)) {
      c = digits[random.below(16)];
    } else if (is_digit(c)) {
      c = from('0', 10);
    } else if (is_lower(c) || static_cast<unsigned char>(c) >= 0x80) {
      c = from('a', 26);
    } else if (is_upper(c)) {
      c = from('A', 26);
    }
  }
  return out;
}

void SecretSet::learn(std::string_view secret) {
  // Pieces of about one size: no rest is too short to be known.
  const std::size_t count = std::max<std::size_t>(1, (secret.size() + longest - 1) / longest);
  const std::size_t piece = (secret.size() + count - 1) / count;
  for (; secret.size() > piece; secret.remove_prefix(piece)) learn_piece(secret.substr(0, piece));
  learn_piece(secret);
}

void SecretSet::learn_piece(std::string_view secret) { learn_as(secret, placeholder(secret)); }

void SecretSet::learn_as(std::string_view secret, std::string stands_for_it) {
  if (secret.size() < shortest || known_.contains(std::string(secret))) return;
  std::string escaped = json_form(secret);
  if (escaped != secret) {
    std::string escaped_placeholder = json_form(stands_for_it);
    if (escaped_placeholder.size() == escaped.size()) add(std::move(escaped), std::move(escaped_placeholder));
  }
  add(std::string(secret), std::move(stands_for_it));
}

void SecretSet::add(std::string secret, std::string placeholder) {
  if (known_.contains(secret)) return;
  bytes_ += secret.size();
  while (known_.size() >= most || (bytes_ > most_bytes && !order_.empty())) forget_oldest();
  const std::uint64_t start = start_of(secret.data());
  const std::size_t bit = bit_of(start);
  bits_[bit / 64] |= std::uint64_t{1} << (bit % 64);
  const auto at = known_.try_emplace(std::move(secret)).first;
  at->second = {at->first, std::move(placeholder)};
  order_.push_back(&at->second);
  by_start_[start].push_back(&at->second);
}

void SecretSet::forget_oldest() {
  const Known* oldest = order_.front();
  order_.pop_front();
  bytes_ -= oldest->secret.size();
  const auto starts = by_start_.find(start_of(oldest->secret.data()));
  std::erase(starts->second, oldest);
  if (starts->second.empty()) by_start_.erase(starts);
  known_.erase(std::string(oldest->secret));  // its bit stays: that only costs a look
}

std::size_t SecretSet::candidate(std::string_view bytes, std::size_t at) const {
  for (; at + shortest <= bytes.size(); ++at) {
    const std::size_t bit = bit_of(start_of(bytes.data() + at));
    if ((bits_[bit / 64] >> (bit % 64) & 1U) != 0) return at;
  }
  return std::string_view::npos;
}

const SecretSet::Known* SecretSet::match(std::string_view bytes) const {
  const auto found = by_start_.find(start_of(bytes.data()));
  if (found == by_start_.end()) return nullptr;
  const Known* best = nullptr;
  for (const Known* known : found->second) {
    if (bytes.starts_with(known->secret) && (best == nullptr || known->secret.size() > best->secret.size()))
      best = known;
  }
  return best;
}

bool SecretSet::found_in(std::string_view bytes) const {
  if (known_.empty()) return false;
  for (std::size_t at = candidate(bytes, 0); at != std::string_view::npos; at = candidate(bytes, at + 1)) {
    if (match(bytes.substr(at)) != nullptr) return true;
  }
  return false;
}

std::size_t SecretSet::mask(std::string& bytes, std::optional<char> with) const {
  if (known_.empty()) return 0;
  std::size_t count = 0;
  for (std::size_t at = candidate(bytes, 0); at != std::string_view::npos;) {
    const Known* known = match(std::string_view(bytes).substr(at));
    if (known != nullptr) {
      const std::size_t length = known->placeholder.size();
      bytes.replace(at, length, with ? std::string(length, *with) : known->placeholder);
      ++count;
    }
    at = candidate(bytes, at + (known == nullptr ? 1 : known->placeholder.size()));
  }
  return count;
}

}  // namespace metalmesh::recording
