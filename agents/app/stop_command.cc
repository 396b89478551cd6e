#include "agents/app/stop_command.h"

#include <curl/curl.h>

#include <iostream>
#include <memory>

#include "agents/app/agent_config.h"
#include "common/os/files.h"

namespace metalmesh::agent {
namespace {

namespace fs = std::filesystem;

constexpr int done = 0;
constexpr int failed = 1;
constexpr int misconfigured = 2;
constexpr std::size_t reason_limit = 1024;
constexpr long seconds_most = 30;  // NOLINT(google-runtime-int): libcurl's type

fs::path stop_file(const fs::path& data_dir) { return data_dir / "stopped"; }

std::size_t append(char* bytes, std::size_t one, std::size_t count, void* user) {
  static_cast<std::string*>(user)->append(bytes, one * count);
  return one * count;
}

/// What the running agent answers. Kind unavailable: none runs.
Result<std::string> ask(const fs::path& data_dir, const std::string& path, const std::string& body) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(curl_easy_init(), &curl_easy_cleanup);
  if (!easy) return fail(ErrorKind::internal, "libcurl cannot start");
  std::string answer;
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy.get(), option, value); };
  const std::string socket = agent_socket(data_dir).string();
  const std::string url = "http://agent" + path;
  set(CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));  // NOLINT(google-runtime-int): libcurl's type
  set(CURLOPT_POSTFIELDS, body.c_str());
  set(CURLOPT_TIMEOUT, seconds_most);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_WRITEFUNCTION, &append);
  set(CURLOPT_WRITEDATA, &answer);
  const CURLcode code = curl_easy_perform(easy.get());
  if (code == CURLE_OK) return answer;
  return fail(code == CURLE_COULDNT_CONNECT ? ErrorKind::unavailable : ErrorKind::internal,
              socket + ": " + curl_easy_strerror(code));
}

int report(const std::string& what, int exit_code) {
  std::cerr << "metalmesh-agent: " << what << '\n';
  return exit_code;
}

/// The file says it already; now who runs is told.
int tell(const fs::path& data_dir, const std::string& path, const std::string& body,
         const std::string& without) {
  const auto answer = ask(data_dir, path, body);
  if (!answer && answer.error().kind == ErrorKind::unavailable) {
    std::cout << "no agent runs here (" << answer.error().message << "): " << without << '\n';
    return done;
  }
  if (!answer)
    return report("the running agent did not answer: " + answer.error().message +
                      ". It hears it at its next start: stop it (SIGTERM, else SIGKILL) and start it again",
                  failed);
  std::cout << *answer << '\n';
  return done;
}

}  // namespace

fs::path agent_socket(const fs::path& data_dir) { return data_dir / "agent.sock"; }

std::optional<ExchangeOpened> standing_stop(const fs::path& data_dir) {
  const fs::path file = stop_file(data_dir);
  const auto text = os::read_file(file, reason_limit);
  if (!text && text.error().kind == ErrorKind::not_found) return std::nullopt;
  ExchangeOpened word;
  word.method = "POST";
  word.target = "/stop-all";
  word.body = text && !text->empty() ? *text : file.string() + " cannot be read";
  word.peer = file.string();
  return word;
}

int stop_all_command(const AgentOptions& options) {
  const auto config = load_store_config(options);
  if (!config) return report(config.error().message, misconfigured);
  const std::string reason = options.note.substr(0, reason_limit);
  if (reason.empty()) return report("--reason: say why, for those who find it stopped", misconfigured);
  if (auto written = os::write_file(stop_file(config->data_dir()), reason, 0600); !written)
    return report("it cannot be kept over a restart: " + written.error().message, failed);
  return tell(config->data_dir(), "/stop-all", reason,
              "it will begin stopped; what it had handed to servers before is not touched");
}

int resume_command(const AgentOptions& options) {
  const auto config = load_store_config(options);
  if (!config) return report(config.error().message, misconfigured);
  std::error_code code;
  const fs::path file = stop_file(config->data_dir());
  fs::remove(file, code);
  if (code) return report(file.string() + ": " + code.message(), failed);
  if (auto synced = os::sync_folder(config->data_dir()); !synced)
    return report(synced.error().message, failed);
  return tell(config->data_dir(), "/resume", "go on", "it will take orders when it starts");
}

}  // namespace metalmesh::agent
