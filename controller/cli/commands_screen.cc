// bmc screen, and what a deployment kept of one: what a host shows, as the file that its BMC made of it.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "common/base/base64.h"
#include "common/base/command_words.h"
#include "common/os/files.h"
#include "controller/cli/commands.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

/// With what ends it.
std::string_view next_said(std::string_view& transcript) {
  const std::size_t end = transcript.find('\n');
  const std::string_view line = transcript.substr(0, end == std::string_view::npos ? end : end + 1);
  transcript.remove_prefix(line.size());
  return line;
}

/// The one kept last; empty: none.
std::string picture_in(std::string_view transcript) {
  std::string found;
  while (!transcript.empty()) {
    boost::system::error_code wrong;
    const boost::json::value said = boost::json::parse(next_said(transcript), wrong);
    const boost::json::value* screen =
        !wrong && said.is_object() ? said.as_object().if_contains("screen") : nullptr;
    if (screen != nullptr && screen->is_string())
      found = from_base64(std::string(screen->as_string())).value_or(found);
  }
  return found;
}

}  // namespace

std::string without_screen(std::string_view transcript) {
  std::string out;
  while (!transcript.empty()) {
    const std::string_view line = next_said(transcript);
    if (picture_in(line).empty()) out += line;
  }
  return out;
}

CommandResult write_screen(Session& session, std::string_view transcript, const std::string& deployment,
                           const std::string& file) {
  const std::string picture = picture_in(transcript);
  if (picture.empty())
    return fail(ErrorKind::not_found, fmt::format("deployment {} kept no screen\n  next: {}", deployment,
                                                  commands::transcript(deployment)));
  constexpr mode_t mine = 0600;  // whatever stood on it
  if (auto written = os::write_file(file, picture, mine); !written) return std::unexpected(written.error());
  session.console().print(fmt::format("{}: {} bytes, as the BMC made it\n", file, picture.size()));
  return ExitCode::ok;
}

CommandResult show_screen(Session& session, const std::string& server, const std::string& file) {
  FleetOptions options;
  options.action = "inspect";
  options.servers = {server};
  options.screen = true;
  const auto ran = run_fleet(session, options);
  if (!ran) return std::unexpected(ran.error());
  const auto failed = [&](const std::string& why) {
    return fail(ErrorKind::conflict, fmt::format("{}: {}", server, why));
  };
  const std::string look = "\n  next: " + commands::describe("server", server);
  if (!ran->excluded.empty()) return failed(ran->excluded.front().message() + look);
  if (ran->deployments.empty()) return failed("its BMC was not asked" + look);
  const rest::Deployment& asked = ran->deployments.front();
  if (!has_succeeded(asked)) return failed("\n" + failure_text(asked, 2));
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const auto transcript = fetch_transcript(**api, asked.id());
  if (!transcript) return std::unexpected(transcript.error());
  return write_screen(session, *transcript, asked.id(), file);
}

}  // namespace metalmesh::cli
