#include "tests/bmcsim/qemu/qemu_options.h"

#include <charconv>

namespace metalmesh::bmcsim {
namespace {

Status set_number(std::string_view key, std::string_view value, std::uint32_t least, std::uint32_t& out) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < least || number > 1U << 20) {
    return fail(ErrorKind::invalid, std::string(key) + " must be a number of MiB from " +
                                        std::to_string(least) + ", not '" + std::string(value) + "'");
  }
  out = number;
  return {};
}

Status set(QemuOptions& options, std::string_view key, std::string_view value) {
  if (value.empty())
    return fail(ErrorKind::invalid, std::string(key) + " needs a value: " + std::string(key) + "=...");
  if (key == "disk-mib") return set_number(key, value, 16, options.disk_mib);
  if (key == "memory-mib") return set_number(key, value, 256, options.memory_mib);
  if (key == "disk") {
    options.disk = value;
  } else if (key == "serial") {
    options.serial_log = value;
  } else if (key == "rerror" && (value == "stop" || value == "report")) {
    options.report_media_errors = value == "report";
  } else if (key == "secure-boot" && (value == "on" || value == "off")) {
    options.secure_boot = value == "on";
  } else {
    return fail(ErrorKind::invalid, "'" + std::string(key) + "=" + std::string(value) +
                                        "' is none of disk=FILE, disk-mib=N, memory-mib=N, serial=FILE, "
                                        "rerror=stop|report, secure-boot=on|off");
  }
  return {};
}

}  // namespace

Result<QemuOptions> parse_qemu_options(std::string_view text) {
  QemuOptions options;
  bool first = true;
  while (first || !text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (std::exchange(first, false)) {
      if (part.empty()) return fail(ErrorKind::invalid, "the name of a server is needed first");
      options.name = part;
      continue;
    }
    const auto equals = std::min(part.find('='), part.size());
    const auto value = part.substr(std::min(equals + 1, part.size()));
    if (auto done = set(options, part.substr(0, equals), value); !done) return std::unexpected(done.error());
  }
  return options;
}

}  // namespace metalmesh::bmcsim
