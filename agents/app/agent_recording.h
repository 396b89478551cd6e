// What the flight recorder must know of an agent, and how a recording becomes an agent's core again.
#pragma once

#include <memory>
#include <string>

#include "agents/app/agent_config.h"
#include "common/recording/player.h"
#include "common/recording/recorder.h"

namespace metalmesh::agent {

/// `settings` are the ones the core runs with.
recording::NodeTraits recording_traits(const config::Agent& config, const AgentSettings& settings);
/// Rows whose contents a recording does not keep.
std::vector<recording::BlankedRows> blanked_rows();
/// A core as the recorded one was made. Fails with `corrupt` when the head does not tell how.
Result<std::unique_ptr<DecisionCore>> recorded_agent(const record::RecordingHead& head, const RowReader& rows,
                                                     recording::Oracles& oracles);

}  // namespace metalmesh::agent
