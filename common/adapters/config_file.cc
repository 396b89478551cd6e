#include "common/adapters/config_file.h"

#include <google/protobuf/descriptor.h>

#include <set>
#include <string>
#include <string_view>

#include "common/os/files.h"
#include "common/text/filler/filler.h"

namespace metalmesh::adapters {
namespace {

using google::protobuf::FieldDescriptor;

constexpr std::size_t config_limit = std::size_t{1} << 20;

/// Full names of the fields of schemas/config that hold a path.
const std::set<std::string_view> path_fields = {
    "metalmesh.config.Agent.data_dir",
    "metalmesh.config.Agent.controller_key",
    "metalmesh.config.Agent.signing_key",
    "metalmesh.config.Agent.credentials_file",
    "metalmesh.config.Agent.bmc_ca",
    "metalmesh.config.Agent.families_dir",
    "metalmesh.config.Agent.quirks_dir",
    "metalmesh.config.Tls.ca",
    "metalmesh.config.Tls.certificate",
    "metalmesh.config.Tls.key",
    "metalmesh.config.Media.ca",
    "metalmesh.config.Media.certificate",
    "metalmesh.config.Media.key",
    "metalmesh.config.Controller.data_dir",
    "metalmesh.config.Controller.signing_key",
    "metalmesh.config.Controller.site_keys_dir",
    "metalmesh.config.Api.certificate",
    "metalmesh.config.Api.key",
    "metalmesh.config.Api.tokens_file",
    "metalmesh.config.Client.ca",
    "metalmesh.config.Client.token_file",
};

void resolve_paths(google::protobuf::Message& message, const std::filesystem::path& folder) {
  const auto* type = message.GetDescriptor();
  const auto* reflection = message.GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (field->is_repeated()) continue;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && reflection->HasField(message, field)) {
      resolve_paths(*reflection->MutableMessage(&message, field), folder);
    } else if (path_fields.contains(field->full_name())) {
      const std::string value = reflection->GetString(message, field);
      // An absolute value replaces the folder.
      if (!value.empty())
        reflection->SetString(&message, field, (folder / value).lexically_normal().string());
    }
  }
}

}  // namespace

Status read_config_into(const std::filesystem::path& file, google::protobuf::Message& message) {
  auto text = os::read_file(file, config_limit);
  if (!text) return std::unexpected(text.error());
  if (auto status = read_yaml_into(*text, file.string(), message); !status) return status;
  std::error_code code;
  const auto absolute = std::filesystem::absolute(file, code);
  resolve_paths(message, (code ? file : absolute).parent_path());
  return {};
}

}  // namespace metalmesh::adapters
