#include "agents/app/agent_recording.h"

#include <utility>

#include "agents/core/agent_core.h"
#include "agents/core/row_keys.h"
#include "common/recording/secret_finder.h"
#include "schemas/record/damage.pb.h"
#include "schemas/record/job.pb.h"

namespace metalmesh::agent {
namespace {

void find_in_row(std::string_view key, std::string_view value, recording::SecretSet& secrets) {
  if (key.starts_with(rows::blob)) recording::find_in_template(value, secrets);
  record::Job job;
  if (key.starts_with(rows::job) && job.ParseFromArray(value.data(), static_cast<int>(value.size())))
    recording::find_in_message(job, secrets);
}

}  // namespace

std::vector<recording::BlankedRows> blanked_rows() {
  using record::Job;
  constexpr auto file_content = static_cast<std::uint32_t>(wire::FileChange::kContentFieldNumber);
  return {{std::string(rows::job),
           {{Job::kAnswerFieldNumber},
            {Job::kChangesFieldNumber, file_content},
            {Job::kSecondFieldNumber, wire::SecondMedium::kFilesFieldNumber, file_content}}},
          {std::string(rows::damaged), {{record::DamagedRow::kFoundFieldNumber}}}};
}

recording::NodeTraits recording_traits(const config::Agent& config, const AgentSettings& settings) {
  recording::NodeTraits traits;
  traits.head.set_node("agent");
  traits.head.set_version(settings.version);
  traits.head.set_config(config.SerializeAsString());
  traits.head.set_machine_id(settings.machine_id);
  traits.head.set_media_ca(settings.media_ca);
  for (const auto& [name, family] : settings.families.all()) *traits.head.add_families() = family;
  for (const auto& [name, row] : settings.quirks.all()) *traits.head.add_quirks() = row;
  traits.find_in_row = find_in_row;
  traits.blanked = blanked_rows();
  return traits;
}

Result<std::unique_ptr<DecisionCore>> recorded_agent(const record::RecordingHead& head, const RowReader& rows,
                                                     recording::Oracles& oracles) {
  config::Agent config;
  if (head.node() != "agent" || !config.ParseFromString(head.config()))
    return fail(ErrorKind::corrupt, "this recording is of no agent");
  AgentSettings settings = settings_of(config, head.machine_id(), head.version());
  settings.media_ca = head.media_ca();
  for (const config::OsFamily& family : head.families()) {
    if (auto added = settings.families.add(family); !added) return std::unexpected(added.error());
  }
  for (const config::BmcQuirks& row : head.quirks()) {
    if (auto added = settings.quirks.add(row, QuirkOrigin::built_in); !added)
      return std::unexpected(added.error());
  }
  return std::make_unique<AgentCore>(rows, oracles, oracles, oracles, std::move(settings));
}

}  // namespace metalmesh::agent
