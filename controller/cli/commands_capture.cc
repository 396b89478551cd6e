// inspect --capture: all that a BMC shows and what was said with it, in a file that names nobody.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "common/os/files.h"
#include "common/recording/anonymous.h"
#include "controller/cli/commands.h"

namespace metalmesh::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto fetch_patience = 60s;

struct Talks {
  std::string capture;  // ids of deployments
  std::string failed;   // the last one of another rollout that was kept; empty: none
};

Result<Talks> talks_of(ApiClient& api, const std::string& server, const std::string& rollout) {
  auto objects = fetch_all(api, *find_kind("deployments"), {{"server", server}});
  if (!objects) return std::unexpected(objects.error());
  Talks out;
  std::int64_t newest = 0;
  for (const auto& object : *objects) {
    const auto& deployment = dynamic_cast<const rest::Deployment&>(*object);
    if (!deployment.has_transcript()) continue;
    if (deployment.rollout() == rollout) {
      out.capture = deployment.id();
    } else if (deployment.created().seconds() >= newest) {
      newest = deployment.created().seconds();
      out.failed = deployment.id();
    }
  }
  if (out.capture.empty())
    return fail(
        ErrorKind::conflict,
        fmt::format("{}: its BMC was never asked\n  next: metalmesh describe server {}", server, server));
  return out;
}

}  // namespace

Result<std::string> fetch_transcript(ApiClient& api, const std::string& deployment) {
  const std::string path = object_path(*find_kind("Deployment"), deployment);
  const auto deadline = std::chrono::steady_clock::now() + fetch_patience;
  rest::Deployment ended;
  for (;;) {
    if (auto status = api.get(path, ended); !status) return std::unexpected(status.error());
    const bool coming = ended.transcript().state() == "coming";
    if (!coming || std::chrono::steady_clock::now() > deadline) return api.call("GET", path + "/transcript");
    std::this_thread::sleep_for(300ms);
  }
}

CommandResult capture_server(Session& session, const std::string& name, const std::string& file) {
  FleetOrder order;
  order.options.action = "inspect";
  order.options.servers = {name};
  order.options.capture = true;
  order.confirm = 1;
  order.watch = true;
  std::string rollout;
  const auto ran = order_fleet(session, order, &rollout);
  if (!ran && rollout.empty()) return ran;  // else a BMC that cannot be inspected is what is wanted
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const auto talks = talks_of(**api, name, rollout);
  if (!talks) return std::unexpected(talks.error());
  std::string lines;
  if (!talks->failed.empty()) {
    if (auto talk = fetch_transcript(**api, talks->failed))
      lines += without_screen(*talk);  // it may be gone: then without it
  }
  auto capture = fetch_transcript(**api, talks->capture);
  if (!capture) return std::unexpected(capture.error());
  lines += *capture;
  const std::string given = recording::anonymous(lines, random_key());
  constexpr mode_t mine = 0600;
  if (auto written = os::write_file(file, given, mine); !written) return std::unexpected(written.error());
  session.console().print(
      fmt::format("{}: {} lines about the BMC of {}{}\n", file, std::ranges::count(given, '\n'), name,
                  talks->failed.empty() ? "" : ", with what was said in deployment " + talks->failed));
  session.suggest("look at it before you give it away; metalmesh-bmcsim serve --tree " + file + " plays it");
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
