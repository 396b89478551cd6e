// Disasters that need several things to go wrong at one moment: a backup that was put back while the site that
// knew better lost its folder, a person's word in the middle of a cut, a controller that wakes late. Mere chance
// meets them too seldom. A seed that tells a story has calm weather beside it; the story watches the mesh from
// outside, and strikes when its moment has come.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/random.h"
#include "tests/sim/hostile_broker.h"
#include "tests/sim/mesh.h"
#include "tests/sim/site_thief.h"
#include "tests/sim/swarm.h"

namespace metalmesh::sim {

/// Some seeds tell one, by numbers of their own; `wanted`: this one, in every seed.
void draw_story(Swarm& swarm, Random random, std::string_view wanted);
[[nodiscard]] bool is_story(std::string_view name);

/// What happened, when a story has struck: marks of their own.
std::span<const std::string_view> story_marks();

/// What a story that is told by its name only must have met, each so often over its seeds; empty for others.
std::span<const std::string_view> classes_of(std::string_view story);
inline constexpr std::uint64_t least_of_a_class = 200;
inline constexpr std::uint64_t seeds_of_a_class = 100;  // in fewer it is not asked for

class Stories {
 public:
  Stories(Mesh& mesh, Random random) : mesh_(mesh), random_(random) {}
  void begin();

 private:
  friend struct Tale;
  using Tick = void (Stories::*)();
  void look_again();
  /// The next step, at the earliest after `wait`.
  void go_on(Duration wait = {});
  void is_over() { step_ = over; }
  void struck(std::string_view mark);
  [[nodiscard]] Duration up_to(Duration most);

  void long_cut();
  void both_forgot();
  void unheard_abort();
  void first_heard();
  void both_put_back();
  void folder_lost();
  void second_controller();
  void restart_in_a_cut();
  void word_in_a_cut();
  void word_disproved();
  void installer_stalls();
  void refused_again();
  void one_glimpse();
  void no_proof();
  void forgot_reinstall();
  void woke_late();
  void clock_believed();
  void changed_places();
  void start_cut_off();
  void power_beside();
  void others_medium();
  void put_back_unarmed();
  void older_than_kept();
  void given_up_inserts();
  void rescue_days();
  void site_row_rots();
  void mesh_row_rots();
  void stolen_box();
  void hostile_broker();
  void installers_ask();
  void sick_wave();
  void hangs_and_restarts();

  // ---- what is to be seen from outside
  [[nodiscard]] Site& site_of(const std::string& deployment);
  [[nodiscard]] Machine* machine_of(const std::string& deployment);
  [[nodiscard]] bool is_written(const std::string& deployment) const;
  /// Handed out, and nothing written yet.
  [[nodiscard]] std::optional<std::string> begun();
  /// Waits for its turn in a rollout that runs; `at_one_site`: and nothing is under way elsewhere.
  [[nodiscard]] std::optional<std::string> waiting(bool at_one_site = false);
  /// What the site's agent made durable; nothing when it has not begun.
  [[nodiscard]] const JournalCopy* journal_of(const Site& site) const;
  /// Who is next in its rollout is at the same site.
  [[nodiscard]] bool next_is_here(const std::string& deployment) const;
  /// One whose installer has run for so long.
  [[nodiscard]] Machine* installing(Duration least);
  void restore_controller();
  void person_aborts(const std::string& deployment);
  void person_resolves(const std::string& as);

  static constexpr int over = -1;
  Mesh& mesh_;
  Random random_;
  Tick tick_ = nullptr;
  Duration every_ = std::chrono::seconds(1);
  int step_ = 0;
  unsigned variant_ = 0;
  MonoTime not_before_{};
  std::string id_;  // of the deployment that it is about
  Machine* machine_ = nullptr;
  SimStore::Rows copy_;       // of the controller
  SimStore::Rows site_copy_;  // of the agent's store
  std::uint64_t count_ = 0;
  std::unique_ptr<HostileBroker> broker_;
  std::unique_ptr<SiteThief> thief_;
};

}  // namespace metalmesh::sim
