#include "controller/app/controller_config.h"

#include <charconv>
#include <filesystem>
#include <utility>

#include "common/adapters/config_file.h"

namespace metalmesh::controller {
namespace {

namespace fs = std::filesystem;

Status needed(const char* field, const std::string& value, const char* hint) {
  if (!value.empty()) return {};
  return fail(ErrorKind::invalid, std::string(field) + " is missing" + hint);
}

/// Both or none. Plain HTTP is possible on loopback; the server itself refuses it elsewhere.
template <class Section>
Status check_pair(const std::string& name, const Section& section) {
  if (section.certificate().empty() == section.key().empty()) return {};
  const char* missing = section.key().empty() ? ".key" : ".certificate";
  const char* given = section.key().empty() ? ".certificate" : ".key";
  return fail(ErrorKind::invalid, name + missing + " is missing; " + name + given + " is given");
}

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorKind::invalid, "\"" + std::string(text) +
                                        "\" is no address to listen on; write 127.0.0.1:8443 or [::]:8443");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad();
  std::string_view address = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (address.front() == '[') {
    if (address.back() != ']' || address.size() < 4) return bad();
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string_view::npos) {
    return bad();
  }
  ListenAddress out{std::string(address), 0};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return bad();
  return out;
}

namespace {

/// The file, with what the command line decides.
Result<config::Controller> read_file(const ControllerOptions& options) {
  auto read = adapters::read_config<config::Controller>(options.config);
  if (!read) {
    Error error = std::move(read.error());
    if (error.kind == ErrorKind::not_found)
      error.message += "; name another one with --config, or see --help for its form";
    return std::unexpected(std::move(error));
  }
  config::Controller& config = *read;
  if (!options.data_dir.empty()) {
    std::error_code code;
    const fs::path absolute = fs::absolute(options.data_dir, code);
    config.set_data_dir(code ? options.data_dir.string() : absolute.string());
  }
  return read;
}

Status check_data_dir(const config::Controller& config) {
  return needed("dataDir", config.data_dir(), ": the folder of the store, or --data-dir");
}

}  // namespace

Result<config::Controller> load_store_config(const ControllerOptions& options) {
  auto read = read_file(options);
  if (!read) return read;
  if (auto given = check_data_dir(*read); !given)
    return std::unexpected(std::move(given.error()).with(options.config.string()));
  return read;
}

Result<config::Controller> load_config(const ControllerOptions& options) {
  auto read = read_file(options);
  if (!read) return read;
  config::Controller& config = *read;
  if (!options.listen.empty()) config.mutable_api()->set_listen(options.listen);
  if (config.api().listen().empty()) config.mutable_api()->set_listen("127.0.0.1:8443");

  Status checks[] = {check_data_dir(config),
                     needed("broker.url", config.broker().url(), ": for example mqtts://broker.example:8883"),
                     check_pair("api", config.api()), check_pair("tools", config.tools()),
                     adapters::check_paths(config)};
  for (Status& check : checks) {
    if (!check) return std::unexpected(std::move(check.error()).with(options.config.string()));
  }
  if (auto listen = parse_listen(config.api().listen()); !listen) {
    return std::unexpected(std::move(listen.error()).with("api.listen"));
  }
  return config;
}

}  // namespace metalmesh::controller
