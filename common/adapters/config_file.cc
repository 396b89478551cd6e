#include "common/adapters/config_file.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <string>

#include "common/os/files.h"
#include "common/text/filler/filler.h"
#include "schemas/config/path.pb.h"

namespace metalmesh::adapters {
namespace {

using config::PathMark;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::size_t config_limit = std::size_t{1} << 20;
constexpr std::string_view pki_hint = "; \"metalmesh pki init --dir DIR\" makes it";

bool is_part(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field.is_repeated();
}

const PathMark* mark_of(const FieldDescriptor& field) {
  return field.options().HasExtension(config::path) ? &field.options().GetExtension(config::path) : nullptr;
}

/// An absolute value replaces the folder.
std::string resolved(const std::filesystem::path& folder, const std::string& value) {
  return value.empty() ? value : (folder / value).lexically_normal().string();
}

void resolve_paths(Message& message, const std::filesystem::path& folder) {
  const auto* type = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    if (is_part(field) && reflection->HasField(message, &field)) {
      resolve_paths(*reflection->MutableMessage(&message, &field), folder);
    } else if (mark_of(field) != nullptr && field.is_repeated()) {
      for (int n = 0; n < reflection->FieldSize(message, &field); ++n)
        reflection->SetRepeatedString(&message, &field, n,
                                      resolved(folder, reflection->GetRepeatedString(message, &field, n)));
    } else if (mark_of(field) != nullptr) {
      reflection->SetString(&message, &field, resolved(folder, reflection->GetString(message, &field)));
    }
  }
}

std::string_view hint_for(const PathMark& mark) { return mark.by_pki_init() ? pki_hint : std::string_view(); }

Status check_path(const PathMark& mark, const std::string& name, const std::string& value) {
  if (mark.presence() == PathMark::MADE) return {};
  if (value.empty()) {
    if (mark.presence() == PathMark::IF_GIVEN) return {};
    return fail(ErrorKind::invalid, fmt::format("{} is missing{}", name, hint_for(mark)));
  }
  if (mark.kind() == PathMark::FOLDER) {
    std::error_code code;
    if (std::filesystem::is_directory(value, code)) return {};
    return fail(ErrorKind::not_found, fmt::format("{}: {} is no folder{}", name, value, hint_for(mark)));
  }
  // Opening is the test: it sees permissions, too.
  auto content = os::read_file(value);
  if (content) return {};
  Error error = std::move(content.error()).with(name);
  if (error.kind == ErrorKind::not_found) error.message += hint_for(mark);
  return std::unexpected(std::move(error));
}

}  // namespace

Status read_config_into(const std::filesystem::path& file, Message& message) {
  auto text = os::read_file(file, config_limit);
  if (!text) return std::unexpected(text.error());
  if (auto status = read_yaml_into(*text, file.string(), message); !status) return status;
  std::error_code code;
  const auto absolute = std::filesystem::absolute(file, code);
  resolve_paths(message, (code ? file : absolute).parent_path());
  return {};
}

Status check_paths(const Message& message, std::string_view prefix) {
  const auto* type = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    const std::string name =
        prefix.empty() ? field.json_name() : fmt::format("{}.{}", prefix, field.json_name());
    Status fine;
    if (is_part(field)) {
      fine = check_paths(reflection->GetMessage(message, &field), name);
    } else if (const PathMark* mark = mark_of(field); mark != nullptr && field.is_repeated()) {
      for (int n = 0; fine && n < reflection->FieldSize(message, &field); ++n)
        fine = check_path(*mark, name, reflection->GetRepeatedString(message, &field, n));
    } else if (mark != nullptr) {
      fine = check_path(*mark, name, reflection->GetString(message, &field));
    }
    if (!fine) return fine;
  }
  return {};
}

}  // namespace metalmesh::adapters
