// What the flight recorder costs: plays a recording through its core, bare and recorded again, and tells the
// CPU time of both. The sink only counts; writing to the page cache is measured by tests/bench/install.
//
//   mm_recording_bench FOLDER [ROUNDS]
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>

#include "agents/app/agent_recording.h"
#include "common/adapters/recording_ring.h"
#include "controller/app/controller_recording.h"

namespace metalmesh {
namespace {

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

class CountingSink final : public recording::RecordSink {
 public:
  void begin_segment(std::uint64_t) override {}
  void write(std::string frame) override { bytes += frame.size(); }
  bool segment_due() override { return false; }
  std::uint64_t bytes = 0;
};

Result<std::unique_ptr<DecisionCore>> make_bare(const record::RecordingHead& head, const RowReader& rows,
                                                recording::Oracles& oracles) {
  if (head.node() == "controller") return controller::recorded_controller(head, rows, oracles);
  return agent::recorded_agent(head, rows, oracles);
}

/// A core that is recorded while it is played.
class Again final : public DecisionCore {
 public:
  Again(std::unique_ptr<DecisionCore> core, std::unique_ptr<recording::Recorder> recorder)
      : core_(std::move(core)), recorder_(std::move(recorder)), recorded_(*core_, *recorder_) {}
  Outcome handle(const Input& input, const Now& now) override { return recorded_.handle(input, now); }

 private:
  std::unique_ptr<DecisionCore> core_;
  std::unique_ptr<recording::Recorder> recorder_;
  recording::RecordedCore recorded_;
};

int run(const std::string& folder, int rounds) {
  const auto segments = adapters::read_recording(folder);
  if (!segments) return fmt::print(stderr, "{}\n", segments.error().message), 2;
  const auto stretches = recording::stretches_of(*segments);
  if (!stretches) return fmt::print(stderr, "{}\n", stretches.error().message), 2;
  CountingSink sink;
  const auto make_recorded = [&](const record::RecordingHead& head, const RowReader& rows,
                                 recording::Oracles& oracles) -> Result<std::unique_ptr<DecisionCore>> {
    recording::NodeTraits traits;
    traits.head = head;
    traits.blanked = agent::blanked_rows();
    auto recorder = std::make_unique<recording::Recorder>(rows, oracles, oracles, sink, std::move(traits), 1);
    auto core = make_bare(head, rows, oracles);
    if (!core) return core;
    return std::make_unique<Again>(std::move(*core), std::move(recorder));
  };
  double bare = 1e9;
  double recorded = 1e9;
  std::uint64_t steps = 0;
  for (int round = 0; round < rounds; ++round) {
    for (const bool record : {false, true}) {
      const double begin = cpu_seconds();
      steps = 0;
      for (const recording::Stretch& stretch : *stretches) {
        const auto report = recording::play(stretch, record ? recording::MakeCore(make_recorded) : make_bare,
                                            agent::blanked_rows(), {});
        if (!report) return fmt::print(stderr, "{}\n", report.error().message), 2;
        steps += report->steps;
      }
      double& best = record ? recorded : bare;
      best = std::min(best, cpu_seconds() - begin);
    }
  }
  fmt::print(
      "{} steps: bare {:.1f} ms, recorded {:.1f} ms; the recorder takes {:.2f} us and {} bytes a step\n",
      steps, bare * 1e3, recorded * 1e3, (recorded - bare) * 1e6 / static_cast<double>(steps),
      sink.bytes / steps / static_cast<std::uint64_t>(rounds));
  return 0;
}

}  // namespace
}  // namespace metalmesh

int main(int argc, char** argv) {
  if (argc < 2) return fmt::print(stderr, "mm_recording_bench FOLDER [ROUNDS]\n"), 2;
  return metalmesh::run(argv[1], argc > 2 ? std::atoi(argv[2]) : 5);
}
