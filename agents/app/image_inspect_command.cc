#include "agents/app/image_inspect_command.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <iostream>
#include <string>

#include "agents/core/image_findings.h"
#include "agents/media/image_probe.h"
#include "agents/media/server/file_reader.h"
#include "common/adapters/family_files.h"
#include "common/families/image_words.h"

namespace metalmesh::agent {
namespace {

namespace json = google::protobuf::util;

constexpr int done = 0;
constexpr int failed = 1;
constexpr int misused = 2;

struct Inspection {
  wire::ImageFindings found;
  std::string family;  // for which it is judged; empty: for none
  std::string obstacle;
};

Result<Inspection> inspect(const AgentOptions& options) {
  const auto families = adapters::load_families(options.families.string());
  if (!families) return std::unexpected(families.error());
  if (!options.family.empty() && families->find(options.family) == nullptr)
    return fail(ErrorKind::invalid, families->unknown(options.family));
  auto image = media::FileReader::open(options.images.front());
  if (!image) return std::unexpected(image.error());
  const auto facts = media::probe_image(*image);
  if (!facts) return std::unexpected(facts.error());
  Inspection out{.found = image_findings(*facts, *families), .family = options.family, .obstacle = {}};
  if (out.family.empty()) out.family = families::likely_family(out.found);
  out.obstacle = families::image_obstacle(out.found, out.family);
  return out;
}

/// The findings, as REST shows them, and what is asked first.
std::string json_of(const Inspection& image) {
  google::protobuf::Struct document;
  std::string text;
  json::JsonPrintOptions all;
  all.always_print_primitive_fields = true;
  if (!json::MessageToJsonString(image.found, &text, all).ok() ||
      !json::JsonStringToMessage(text, &document).ok())
    return "{}\n";
  auto& fields = *document.mutable_fields();
  fields["family"].set_string_value(image.family);
  fields["installable"].set_bool_value(image.obstacle.empty());
  fields["obstacle"].set_string_value(image.obstacle);
  text.clear();
  return json::MessageToJsonString(document, &text).ok() ? text + "\n" : "{}\n";
}

}  // namespace

int inspect_image_command(const AgentOptions& options) {
  const auto image = inspect(options);
  if (!image) {
    std::cerr << "metalmesh-agent: " << image.error().message << '\n';
    return misused;
  }
  std::cout << (options.json ? json_of(*image) : families::image_words(image->found, image->family));
  return image->obstacle.empty() ? done : failed;
}

}  // namespace metalmesh::agent
