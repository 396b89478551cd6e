#include "controller/up/mesh_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "common/adapters/config_file.h"
#include "common/adapters/pki.h"
#include "controller/up/broker_files.h"
#include "controller/up/mesh_files.h"
#include "controller/up/settings.h"

namespace metalmesh::up {
namespace {

namespace fs = std::filesystem;

constexpr char lock_name[] = "up.lock";  // also the mark of a folder that is ours
constexpr char settings_name[] = "up.yaml";

Error held(const fs::path& folder, const fs::path& lock) {
  const auto pid = os::read_file(lock, 64);
  const std::string number = pid ? pid->substr(0, pid->find('\n')) : "unknown";
  return {ErrorKind::conflict,
          fmt::format("{} is in use: metalmesh up runs there as pid {}\n  next: use it (metalmesh get "
                      "sites), stop it (kill {}), or choose another folder with --data",
                      folder.string(), number, number)};
}

Result<os::Fd> lock_folder(const fs::path& folder) {
  const fs::path path = folder / lock_name;
  auto lock = os::lock_file(path, os::Held::fail);
  if (!lock && lock.error().kind == ErrorKind::conflict) return std::unexpected(held(folder, path));
  if (!lock) return lock;
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock->get(), 0) != 0 ||
      ::pwrite(lock->get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return fail(ErrorKind::exhausted, fmt::format("writing {}: {}", path.string(), os::errno_text(errno)));
  }
  return lock;
}

/// --data ~ must not scatter keys over somebody's home.
bool holds_something_else(const fs::path& folder) {
  std::error_code code;
  return !fs::is_empty(folder, code) && !fs::exists(folder / lock_name, code);
}

adapters::PkiOptions pki_options(const config::Up& settings) {
  adapters::PkiOptions options;
  options.api_url.clear();  // client.yaml is this folder's context
  for (const auto& site : settings.sites()) options.sites.push_back({site.name(), {site.media_address()}});
  return options;
}

}  // namespace

fs::path default_folder() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/')
    return fs::path(state) / "metalmesh";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') return {};
  return fs::path(home) / ".local/state/metalmesh";
}

Result<MeshFolder> MeshFolder::open(const fs::path& path) {
  std::error_code code;
  const fs::path folder = fs::absolute(path, code).lexically_normal();
  if (folder.string().find_first_of("\r\n") != std::string::npos)
    return fail(ErrorKind::invalid, "the folder's name holds a line break");
  fs::create_directories(folder, code);
  if (code) return fail(ErrorKind::denied, fmt::format("creating {}: {}", folder.string(), code.message()));
  if (holds_something_else(folder)) {
    return fail(ErrorKind::conflict,
                fmt::format("{} is not empty and was not made by metalmesh up\n  next: give --data a folder "
                            "of its own",
                            folder.string()));
  }
  fs::permissions(folder, fs::perms::owner_all, code);
  if (code) return fail(ErrorKind::denied, fmt::format("closing {}: {}", folder.string(), code.message()));
  auto lock = lock_folder(folder);
  if (!lock) return std::unexpected(lock.error());
  return MeshFolder(folder, std::move(*lock));
}

fs::path MeshFolder::log_file(const std::string& program) const { return path_ / "log" / (program + ".log"); }
fs::path MeshFolder::agent_file(const std::string& site) const {
  return path_ / "sites" / site / "agent.yaml";
}

Result<config::Up> MeshFolder::settings() const {
  auto read = adapters::read_config<config::Up>(path_ / settings_name);
  if (!read && read.error().kind == ErrorKind::not_found) return config::Up();
  return read;
}

Result<std::vector<std::string>> MeshFolder::write(const config::Up& before, const config::Up& settings,
                                                   WallTime now) {
  std::error_code code;
  // Certificates go before the settings that say they are right: a crash in between makes them once more.
  for (const std::string& site : moved_sites(before, settings)) {
    for (const auto* ending : {".crt", ".key"}) fs::remove(path_ / "pki" / (site + ending), code);
  }
  if (auto made = adapters::init_pki(path_ / "pki", pki_options(settings), now); !made)
    return std::unexpected(made.error());
  if (auto put = os::write_file(path_ / settings_name, settings_text(settings), 0600); !put)
    return std::unexpected(put.error());

  const BrokerFacts broker{path_, ::geteuid() == 0};
  std::vector<std::pair<fs::path, std::string>> files = {
      {client_file(), client_text(settings)},
      {path_ / "mosquitto.acl", std::string(generated_mark) + std::string(broker_acl)},
      {path_ / "mosquitto.conf", broker_text(settings, broker)},
      {path_ / "controller.yaml", controller_text(settings)}};
  fs::create_directories(path_ / "log", code);
  // file: images lie below the folder that this was started in: a person's project, and not the whole machine.
  fs::path images = fs::current_path(code);
  if (code || images == images.root_path()) images.clear();
  for (const auto& site : settings.sites()) {
    fs::create_directories(agent_file(site.name()).parent_path(), code);
    files.emplace_back(agent_file(site.name()), agent_text(settings, site, images));
  }
  std::vector<std::string> kept;
  for (const auto& [file, text] : files) {
    const auto there = os::read_file(file);
    if (there && !there->starts_with(generated_mark)) {
      kept.push_back(file.string());
    } else if (auto put = os::write_file(file, text, 0600); !put) {
      return std::unexpected(put.error());
    }
  }
  return kept;
}

}  // namespace metalmesh::up
