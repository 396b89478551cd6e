#include "agents/app/support_command.h"

#include <cstring>
#include <iostream>
#include <utility>
#include <variant>

#include "agents/app/agent_config.h"
#include "agents/app/machine_id.h"
#include "common/adapters/credential_file.h"
#include "common/adapters/flight_recorder.h"
#include "common/adapters/log_writer.h"
#include "common/adapters/os_entropy.h"
#include "common/adapters/support_bundle.h"
#include "common/adapters/system_clock.h"

namespace metalmesh::agent {
namespace {

namespace fs = std::filesystem;
using Bundle = adapters::SupportBundle;

constexpr int done = 0;
constexpr int failed = 1;

std::uint64_t random_key() {
  adapters::OsEntropy entropy;
  std::uint64_t key = 0;
  std::memcpy(&key, entropy.bytes(sizeof key).data(), sizeof key);
  return key;
}

/// Takes the names out of the one thing the file tells its node.
class NameSink final : public Sink {
 public:
  void deliver(Input input) override {
    if (auto* change = std::get_if<CredentialsChanged>(&input)) names = std::move(*change);
  }
  CredentialsChanged names;
};

/// Passwords go nowhere, and are known from here on: wherever one stands, it is replaced.
void add_credentials(Bundle& bundle, const std::string& path, LogSink& log) {
  NameSink sink;
  const auto file = adapters::CredentialFile::open(path, log);
  if (!file) return bundle.missing("credentials.txt", file.error().message);
  (*file)->watch(sink);
  std::string names;
  for (const auto& entry : sink.names.credentials) {
    if (const auto value = (*file)->lookup(entry.name)) bundle.hide(value->second.reveal());
    names += entry.name + "\n";
  }
  bundle.text("credentials.txt", std::move(names), Bundle::Kind::plain);
}

void add_agent(Bundle& bundle, const AgentOptions& options, LogSink& log) {
  bundle.config_file("config/agent.yaml", options.config);
  const auto config = load_store_config(options);
  if (!config) {
    for (const char* part : {"credentials.txt", "agent/folder.json", "agent/recording"})
      bundle.missing(part, config.error().message);
    return;
  }
  add_credentials(bundle, config->credentials_file(), log);
  const fs::path data = config->data_dir();
  bundle.folder_facts("agent/folder.json", data);
  bundle.recording("agent/recording", data / adapters::recording_folder);
  if (auto machine = read_machine_id(); machine)
    bundle.text("agent/machine-id.txt", *machine + "\n", Bundle::Kind::plain);
}

}  // namespace

int support_bundle_command(const AgentOptions& options, const std::string& version, LogSink& log) {
  adapters::SystemClock clock;
  const WallTime now = clock.now().wall();
  std::string stamp = adapters::rfc3339(now).substr(0, 19);
  std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
  const fs::path path =
      options.bundle.empty() ? fs::path("metalmesh-agent-support-" + stamp + ".tar.gz") : options.bundle;
  Bundle bundle("metalmesh-agent", version, random_key(),
                [](const std::string& line) { std::cerr << "  " << line << '\n'; });
  add_agent(bundle, options, log);
  bundle.machine_facts("machine.json");
  bundle.missing("log",
                 "logs are in the journal of systemd, under the names of its services");
  if (const Status written = bundle.write(path, now); !written) {
    std::cerr << "metalmesh-agent: " << written.error().message << '\n';
    return failed;
  }
  std::cout << path.string() << '\n';
  return done;
}

}  // namespace metalmesh::agent
