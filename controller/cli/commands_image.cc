// image prefetch, image inspect: images at the sites.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/base/command_words.h"
#include "common/families/image_words.h"
#include "controller/cli/commands.h"

namespace metalmesh::cli {

CommandResult prefetch_image(Session& session, const std::string& name,
                             const std::vector<std::string>& sites) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::PrefetchImage body;
  for (const std::string& site : sites) body.add_sites(site);
  rest::Image answer;
  const std::string path = object_path(*find_kind("Image"), name) + "/prefetch";
  if (auto status = (*api)->send("POST", path, body, answer); !status) return std::unexpected(status.error());
  session.show(answer, fmt::format("{} is to be fetched by {}\n", name, fmt::join(sites, ", ")));
  session.suggest(commands::inspect_image(name));
  return ExitCode::ok;
}

CommandResult inspect_image(Session& session, const std::string& name) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::Image image;
  if (auto status = (*api)->get(object_path(*find_kind("Image"), name), image); !status)
    return std::unexpected(status.error());
  const auto& surveys = image.status().surveys();
  std::string words;
  for (const rest::ImageSurvey& survey : surveys)
    words += fmt::format("==> by {} <==\n{}\n", fmt::join(survey.sites(), ", "),
                         families::image_words(survey.findings(), image.spec().family()));
  if (surveys.empty()) words = "no site has looked into it: none had it yet\n";
  session.show(image, words);
  if (surveys.empty()) session.suggest(commands::prefetch_image(name));
  const bool all_can = std::ranges::all_of(surveys, [&](const rest::ImageSurvey& survey) {
    return families::image_obstacle(survey.findings(), image.spec().family()).empty();
  });
  return !surveys.empty() && all_can ? ExitCode::ok : ExitCode::refused;
}

}  // namespace metalmesh::cli
