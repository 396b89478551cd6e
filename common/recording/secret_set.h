// The secrets that a recorder knows, and their removal from bytes of any form.
//
// Each secret has one placeholder of its own length and kind (digits for digits, letters for letters, hex for
// hex, a MAC for a MAC), so that messages, rows and JSON stay well formed, equal secrets stay equal, and a core that copies
// and compares decides on placeholders as it did on secrets. Placeholders are made with a key that is kept
// nowhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace metalmesh::recording {

class SecretSet {
 public:
  /// Shorter ones are not learned: too much would look like them.
  static constexpr std::size_t shortest = 6;
  /// When there are more, the oldest are forgotten: those are tokens of sessions that are long over.
  static constexpr std::size_t most = 32768;
  /// Likewise when they are larger than that together.
  static constexpr std::size_t most_bytes = std::size_t{8} << 20U;
  /// A longer one is known by its pieces.
  static constexpr std::size_t longest = 4096;

  explicit SecretSet(std::uint64_t key);

  /// Also learns the form that it has inside a JSON string, if that is another.
  void learn(std::string_view secret);
  /// One of which a part may stay: `stands_for_it` is as long as it.
  void learn_as(std::string_view secret, std::string stands_for_it);
  /// What stands for `secret` (which need not be known).
  [[nodiscard]] std::string placeholder(std::string_view secret) const;

  [[nodiscard]] bool found_in(std::string_view bytes) const;
  /// Replaces every known secret, by its placeholder or for people by `with` all along; says how many it found.
  std::size_t mask(std::string& bytes, std::optional<char> with = {}) const;

  [[nodiscard]] std::size_t size() const { return known_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Known {
    std::string_view secret;  // the key it has in the map
    std::string placeholder;
  };
  void learn_piece(std::string_view secret);
  void add(std::string secret, std::string placeholder);
  void forget_oldest();
  /// The longest known secret at the front of `bytes`.
  [[nodiscard]] const Known* match(std::string_view bytes) const;
  /// The next position from `at` on where one may begin.
  [[nodiscard]] std::size_t candidate(std::string_view bytes, std::size_t at) const;

  std::uint64_t key_;
  std::unordered_map<std::string, Known> known_;
  std::unordered_map<std::uint64_t, std::vector<const Known*>> by_start_;
  std::deque<const Known*> order_;
  std::size_t bytes_ = 0;            // of all secrets
  std::vector<std::uint64_t> bits_;  // a set bit: some secret begins so
};

}  // namespace metalmesh::recording
