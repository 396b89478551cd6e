#include "agents/app/image_list_command.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <chrono>
#include <iostream>
#include <string>

#include "agents/app/agent_config.h"
#include "agents/media/server/image_folder.h"

namespace metalmesh::agent {
namespace {

constexpr int done = 0;
constexpr int failed = 1;
constexpr int misconfigured = 2;

Result<media::ImageFolder> open_folder(const AgentOptions& options) {
  const auto config = load_store_config(options);
  if (!config) return std::unexpected(config.error());
  return media::ImageFolder::open(config->data_dir() + "/images");
}

int report(const Error& error) {
  std::cerr << "metalmesh-agent: " << error.message << '\n';
  return misconfigured;
}

std::string state_of(const media::StoredImage& image) {
  if (image.aside) return "aside";
  if (!image.whole) return "fetching";
  if (!image.verified_at) return "unverified";
  return image.imported ? "imported" : "ready";
}

std::string time_of(const media::StoredImage& image) {
  if (!image.verified_at) return {};
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(*image.verified_at)));
}

std::string json_of(const std::vector<media::StoredImage>& images) {
  google::protobuf::Struct document;
  auto& list = *(*document.mutable_fields())["images"].mutable_list_value();
  for (const media::StoredImage& image : images) {
    auto& fields = *list.add_values()->mutable_struct_value()->mutable_fields();
    fields["sha256"].set_string_value(image.sha256);
    fields["bytes"].set_number_value(static_cast<double>(image.size));
    fields["state"].set_string_value(state_of(image));
    if (image.verified_at) fields["verifiedAt"].set_string_value(time_of(image));
    if (!image.source.empty()) fields["source"].set_string_value(image.source);
  }
  list.mutable_values();  // an empty list is one, too
  std::string text;
  const auto written = google::protobuf::util::MessageToJsonString(document, &text);
  return written.ok() ? text : "{}";
}

}  // namespace

int list_images_command(const AgentOptions& options) {
  const auto folder = open_folder(options);
  if (!folder) return report(folder.error());
  const auto images = folder->contents();
  if (options.json) {
    std::cout << json_of(images) << '\n';
    return done;
  }
  std::cout << fmt::format("{:64}  {:>14}  {:10}  {}\n", "SHA256", "BYTES", "STATE", "VERIFIED");
  for (const media::StoredImage& image : images) {
    std::cout << fmt::format("{:64}  {:>14}  {:10}  {}\n", image.sha256, image.size, state_of(image),
                             time_of(image));
  }
  return done;
}

int release_images_command(const AgentOptions& options) {
  auto folder = open_folder(options);
  if (!folder) return report(folder.error());
  int code = done;
  for (const std::string& sha256 : options.images) {
    if (!media::is_image_name(sha256))
      return report({ErrorKind::invalid, sha256 + " is no SHA-256: see \"image list\""});
    if (const auto released = folder->release(sha256); !released) {
      report(released.error());
      code = failed;
    } else {
      std::cout << sha256 << " may be removed when its room is needed\n";
    }
  }
  return code;
}

}  // namespace metalmesh::agent
