// What is known of an installer's medium before it runs: its names, and the texts of its boot configuration.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

enum class Truth { no, yes, unknown };

Truth negated(Truth truth);

/// Names count without their case, as plain ISO 9660 has them. Points into the survey.
class MenuMedium {
 public:
  explicit MenuMedium(const wire::ImageFacts& facts);

  /// Nothing: the medium has no such file, or its text was not taken.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view path) const;
  [[nodiscard]] Truth has_file(std::string_view path) const;
  [[nodiscard]] Truth has_folder(std::string_view path) const;
  /// All of them, by the name that the medium has; texts that were not taken are empty.
  [[nodiscard]] const std::map<std::string, std::string>& names() const { return names_; }
  [[nodiscard]] const std::string& volume_id() const { return volume_id_; }
  /// A menu of the boot partition inside the image alone: a loader that finds it there was started from that partition.
  [[nodiscard]] bool in_boot_partition(const std::string& path) const {
    return in_boot_partition_.contains(path);
  }
  /// As GRUB calls it: x86_64, arm64.
  [[nodiscard]] std::string_view cpu() const { return arm_ ? "arm64" : "x86_64"; }

  /// Another text under that name, as the medium will have it.
  void replace(const std::string& path, std::string text);

 private:
  std::map<std::string, std::string> names_;  // in small letters -> as the medium has it
  std::map<std::string, std::string> texts_;  // in small letters ->
  std::set<std::string> in_boot_partition_;   // in small letters
  std::string volume_id_;
  bool complete_ = false;
  bool arm_ = false;
};

}  // namespace metalmesh::media
