#include "agents/app/image_inspect_command.h"

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "agents/app/image_inspection.h"
#include "agents/media/image_probe.h"
#include "agents/media/iso9660.h"
#include "agents/media/server/file_reader.h"
#include "common/adapters/family_files.h"
#include "common/text/utf8.h"

namespace metalmesh::agent {
namespace {

constexpr int done = 0;
constexpr int failed = 1;
constexpr int misused = 2;

int report(const Error& error) {
  std::cerr << "metalmesh-agent: " << error.message << '\n';
  return misused;
}

/// Whether firmware finds something for UEFI; an image without volume or catalogue has nothing.
Result<bool> has_uefi(media::BlockReader& image) {
  const auto about_device = [](const Error& error) { return error.kind == ErrorKind::unavailable; };
  const auto volume = media::read_iso_volume(image);
  if (!volume) return about_device(volume.error()) ? Result<bool>(std::unexpected(volume.error())) : false;
  const auto boots = media::read_iso_boot_images(image, *volume);
  if (!boots) return about_device(boots.error()) ? Result<bool>(std::unexpected(boots.error())) : false;
  return std::ranges::any_of(*boots, &media::IsoBootImage::efi);
}

Result<ImageInspection> inspect(const AgentOptions& options) {
  const auto families = adapters::load_families(options.families.string());
  if (!families) return std::unexpected(families.error());
  if (!options.family.empty() && families->find(options.family) == nullptr)
    return fail(ErrorKind::invalid, families->unknown(options.family));
  auto image = media::FileReader::open(options.images.front());
  if (!image) return std::unexpected(image.error());
  const auto facts = media::probe_image(*image);
  if (!facts) return std::unexpected(facts.error());
  const auto uefi = has_uefi(*image);
  if (!uefi) return std::unexpected(uefi.error());
  return inspect_image(*facts, *uefi, *families, options.family);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out.empty() ? "none" : out;
}

std::string words_of(const ImageInspection& image) {
  std::string out =
      fmt::format("family   {}\nlabel    {}\nloaders  {}\nUEFI     {}\n", joined(image.recognised),
                  image.label, joined(image.loaders), image.uefi ? "yes" : "no");
  for (const media::MenuEntry& entry : image.menus.entries) {
    out += fmt::format("entry    \"{}\" at {}{}\n", entry.title, entry.at,
                       entry.boot.obstacle.empty() ? "" : ": " + entry.boot.obstacle);
  }
  for (const std::string& trouble : image.menus.troubles) out += fmt::format("trouble  {}\n", trouble);
  for (const media::BootChoice& choice : image.choices)
    out += fmt::format("ours     \"{}\" at {}: {}\n", choice.entry, choice.at, choice.own);
  return out +
         (image.obstacle.empty() ? "servers can be installed from it as family " + image.family
                                 : "servers cannot be installed from it: " + image.obstacle) +
         "\n";
}

std::string json_of(const ImageInspection& image) {
  google::protobuf::Struct document;
  auto& fields = *document.mutable_fields();
  const auto list = [&](const char* name) { return fields[name].mutable_list_value(); };
  fields["label"].set_string_value(valid_utf8(image.label));
  fields["family"].set_string_value(valid_utf8(image.family));
  for (const std::string& name : image.recognised)
    list("recognised")->add_values()->set_string_value(valid_utf8(name));
  for (const std::string& path : image.loaders)
    list("loaders")->add_values()->set_string_value(valid_utf8(path));
  fields["uefi"].set_bool_value(image.uefi);
  list("entries")->mutable_values();  // an empty list is one, too
  for (const media::MenuEntry& entry : image.menus.entries) {
    auto& shown = *list("entries")->add_values()->mutable_struct_value()->mutable_fields();
    shown["title"].set_string_value(valid_utf8(entry.title));
    shown["at"].set_string_value(valid_utf8(entry.at));
    if (!entry.boot.obstacle.empty()) shown["obstacle"].set_string_value(valid_utf8(entry.boot.obstacle));
  }
  for (const std::string& trouble : image.menus.troubles)
    list("troubles")->add_values()->set_string_value(valid_utf8(trouble));
  for (const media::BootChoice& choice : image.choices) {
    auto& shown = *list("ours")->add_values()->mutable_struct_value()->mutable_fields();
    shown["title"].set_string_value(valid_utf8(choice.entry));
    shown["at"].set_string_value(valid_utf8(choice.at));
    shown["kernel"].set_string_value(valid_utf8(choice.own));
  }
  fields["installable"].set_bool_value(image.obstacle.empty());
  if (!image.obstacle.empty()) fields["obstacle"].set_string_value(valid_utf8(image.obstacle));
  std::string text;
  const auto written = google::protobuf::util::MessageToJsonString(document, &text);
  return written.ok() ? text + "\n" : "{}\n";
}

}  // namespace

int inspect_image_command(const AgentOptions& options) {
  const auto image = inspect(options);
  if (!image) return report(image.error());
  std::cout << (options.json ? json_of(*image) : words_of(*image));
  return image->obstacle.empty() ? done : failed;
}

}  // namespace metalmesh::agent
