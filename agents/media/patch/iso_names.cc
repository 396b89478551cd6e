#include "agents/media/patch/iso_names.h"

#include <algorithm>

#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t longest_component = 60;  // fits Joliet, and a record without continuation
constexpr std::size_t longest_path = 512;
constexpr std::string_view never_in_names = "\"*/:;<>?\\|";

std::string squeezed(std::string_view text, std::size_t most) {
  std::string out;
  for (const char c : text.substr(0, most)) {
    const char u = to_upper(c);
    out += is_alnum(u) ? u : '_';
  }
  return out;
}

/// Name and extension, each of which sorts as if padded with spaces.
std::pair<std::string, std::string> sort_key(std::string_view identifier) {
  const std::string_view name = identifier.substr(0, identifier.rfind(';'));
  const auto dot = name.rfind('.');
  const auto trim = [](std::string_view part) {
    while (part.ends_with(' ')) part.remove_suffix(1);
    return std::string(part);
  };
  if (dot == std::string_view::npos) return {trim(name), ""};
  return {trim(name.substr(0, dot)), trim(name.substr(dot + 1))};
}

std::string susp_field(std::string_view tag, const std::string& body) {
  return std::string(tag) + static_cast<char>(4 + body.size()) + '\1' + body;
}

}  // namespace

Result<std::vector<std::string>> split_media_path(std::string_view path) {
  const auto refuse = [&](const std::string& why) {
    return fail(ErrorKind::invalid, "path \"" + std::string(path.substr(0, longest_path)) + "\" " + why);
  };
  if (path.size() < 2 || path[0] != '/') return refuse("does not begin with a slash and a name");
  if (path.size() > longest_path) return refuse("is too long");
  std::vector<std::string> components;
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return refuse("has an empty or relative component");
    if (part.size() > longest_component) return refuse("has a component of more than 60 characters");
    for (const char c : part) {
      if (c < ' ' || c > '~' || never_in_names.find(c) != std::string_view::npos) {
        return refuse("has a character that not every file system of the medium can hold");
      }
    }
    components.emplace_back(part);
    at = end + 1;
  }
  return components;
}

std::string to_ucs2(std::string_view ascii) {
  std::string out;
  for (const char c : ascii) {
    out += '\0';
    out += c;
  }
  return out;
}

std::string from_ucs2(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    out += bytes[at] == '\0' && bytes[at + 1] >= ' ' ? bytes[at + 1] : '?';
  }
  return out;
}

std::string short_iso_name(std::string_view name, unsigned attempt) {
  const auto dot = name.rfind('.');
  const bool has_extension = dot != std::string_view::npos && dot > 0;
  const std::string_view stem = has_extension ? name.substr(0, dot) : name;
  const std::string extension = has_extension ? squeezed(name.substr(dot + 1), 3) : "";
  std::string out;
  if (attempt == 0) {
    out = squeezed(stem, 8);
  } else {
    std::string digits = std::to_string(attempt % 1000);
    digits.insert(0, 3 - digits.size(), '0');
    out = squeezed(stem, 5) + digits;
  }
  return extension.empty() ? out : out + '.' + extension;
}

std::string little_bytes(std::uint64_t value, std::size_t width) {
  std::string out;
  for (std::size_t i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

std::string big_bytes(std::uint64_t value, std::size_t width) {
  std::string out = little_bytes(value, width);
  std::reverse(out.begin(), out.end());
  return out;
}

std::string both_bytes(std::uint64_t value, std::size_t width) {
  return little_bytes(value, width) + big_bytes(value, width);
}

bool iso_name_before(std::string_view a, std::string_view b, IsoNaming naming) {
  return naming == IsoNaming::joliet ? a < b : sort_key(a) < sort_key(b);
}

Result<std::string> make_iso_record(const NewRecord& record) {
  std::string bytes(1, '\0');
  bytes += '\0';
  bytes += both_bytes(record.sector, 4) + both_bytes(record.size, 4);
  bytes += record.recorded;
  bytes += record.directory ? '\2' : '\0';
  bytes += std::string(2, '\0');
  bytes += both_bytes(1, 2);
  bytes += static_cast<char>(record.identifier.size());
  bytes += record.identifier;
  if (bytes.size() % 2 == 1) bytes += '\0';
  bytes += record.system_use;
  if (bytes.size() % 2 == 1) bytes += '\0';
  if (bytes.size() > 254) {
    return fail(ErrorKind::unsupported, "a file name is too long for a directory record");
  }
  bytes[0] = static_cast<char>(bytes.size());
  return bytes;
}

std::string make_rock_ridge(std::string_view name, bool directory, std::size_t mode_length,
                            std::uint64_t serial, const std::string& recorded) {
  const std::uint64_t mode = directory ? 0040555 : 0100444;
  std::string body =
      both_bytes(mode, 4) + both_bytes(directory ? 2 : 1, 4) + both_bytes(0, 4) + both_bytes(0, 4);
  if (mode_length == 44) body += both_bytes(serial, 4);
  std::string out = susp_field("PX", body);
  out += susp_field("TF", '\x0e' + recorded + recorded + recorded);  // modify, access, attributes
  if (!name.empty()) out += susp_field("NM", '\0' + std::string(name));
  return out;
}

}  // namespace metalmesh::media
