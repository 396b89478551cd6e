// profile render: what an install would write, before there is one.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/text/percent.h"
#include "controller/cli/commands.h"
#include "controller/cli/json_text.h"
#include "schemas/rest/rendering.pb.h"

namespace metalmesh::cli {
namespace {

constexpr char placeholder[] = "the image's placeholder";

std::string name_of_file(const rest::RenderedFile& file) {
  return file.path().empty() ? placeholder : file.path();
}

std::string with_line_end(const std::string& text) {
  return text.empty() || text.ends_with('\n') ? text : text + '\n';
}

std::string rendering_text(const rest::Rendering& rendering) {
  std::string out;
  for (const rest::RenderedFile& file : rendering.files()) {
    const std::string member =
        file.cpio_member().empty() ? "" : fmt::format(" (a cpio archive with {})", file.cpio_member());
    out += fmt::format("==> {}{} <==\n{}\n", name_of_file(file), member, with_line_end(file.text()));
  }
  for (const rest::BootArguments& boot : rendering.boot()) {
    out +=
        fmt::format("==> kernel arguments, by {} <==\n{}\n\n", fmt::join(boot.paths(), ", "),
                    boot.arguments().empty() ? "none" : fmt::format("{}", fmt::join(boot.arguments(), " ")));
  }
  for (const std::string& note : rendering.notes()) out += fmt::format("note: {}\n", note);
  return out;
}

}  // namespace

CommandResult render_profile(Session& session, const RenderOrder& order) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  std::string path = fmt::format("{}/render?server={}", object_path(*find_kind("Profile"), order.profile),
                                 percent_encode(order.server));
  if (!order.image.empty()) path += "&image=" + percent_encode(order.image);
  rest::Rendering rendering;
  if (auto status = (*api)->get(path, rendering); !status) return std::unexpected(status.error());
  if (order.file.empty()) {
    session.show(rendering, rendering_text(rendering));
    return ExitCode::ok;
  }
  std::vector<std::string> names;
  for (const rest::RenderedFile& file : rendering.files()) {
    if (file.path() == order.file) {
      session.console().write(file.text());
      return ExitCode::ok;
    }
    names.push_back(name_of_file(file));
  }
  return fail(ErrorKind::not_found,
              fmt::format("no file {} is written; there is: {}", order.file, fmt::join(names, ", ")));
}

}  // namespace metalmesh::cli
