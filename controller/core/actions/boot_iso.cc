// A start from any image, once: a rescue system, a memory test, a vendor's diagnostics. It installs nothing, so that it says
// nothing of what a server holds; but what is booted can write every disk there is. Whoever orders it for servers in
// use says so, and one that its own manifest protects is never in it.
#include <algorithm>
#include <array>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/action.h"
#include "controller/core/actions/grounds.h"
#include "controller/core/actions/install_order.h"
#include "controller/core/object_rules.h"
#include "controller/core/order_builder.h"
#include "controller/core/server_phases.h"

namespace metalmesh::controller {
namespace {

using rules::Verdict;

constexpr std::int64_t day = 24 * 3600;  // seconds
constexpr std::int64_t longest = 7 * day;
constexpr std::chrono::seconds max_run_default = std::chrono::hours(4);

constexpr std::array own_fields = {
    SpecField{"spec.image", [](const rest::RolloutSpec& s) { return !s.image().empty(); }},
    SpecField{"spec.poweredOn", [](const rest::RolloutSpec& s) { return !s.powered_on().empty(); }},
    SpecField{"spec.replaceForeignMedia",
              [](const rest::RolloutSpec& s) { return s.replace_foreign_media(); }},
    SpecField{"spec.launchWithin", [](const rest::RolloutSpec& s) { return s.has_launch_within(); }},
    SpecField{"spec.bootIso", [](const rest::RolloutSpec& s) { return s.has_boot_iso(); }},
    failed_field};

/// Not lifted by an unprotect that is over.
bool kept_by_manifest(const rest::Server& server, const Now& now) {
  const auto& status = server.status();
  return server.spec().protected_() &&
         !(status.has_unprotected_until() && now.wall_high < from_wire(status.unprotected_until()));
}

Ground is_guarded(const Candidate& c) {
  if (planted(Defect::boot_guard_ignored)) return std::nullopt;
  const std::string& name = c.server.metadata().name();
  if (kept_by_manifest(c.server, c.plan.now))
    return "its manifest protects it, and what is booted can write its disks: " + commands::unprotect(name);
  if (c.plan.spec.boot_iso().in_use() || !is_protected(c.server, c.plan.now)) return std::nullopt;
  return "it is in use or protected, and what is booted can write its disks; if it is meant all the same: " +
         commands::boot_iso(c.plan.spec.image(), name, "--in-use");
}

/// In the order in which people want to be told.
constexpr std::array against_it = {
    Rule<Candidate>{"EXCLUDED", grounds::excluded_by_name},
    Rule<Candidate>{"RETIRED", grounds::retired},
    Rule<Candidate>{"SITE_UNKNOWN", grounds::site_unknown},
    Rule<Candidate>{"BMC_NOT_ALLOWED", grounds::bmc_not_allowed},
    Rule<Candidate>{"OPEN_DEPLOYMENT", grounds::busy},
    Rule<Candidate>{"BLOCKED", grounds::blocked},
    Rule<Candidate>{"NOT_FENCED", grounds::not_fenced},
    Rule<Candidate>{"MAY_STILL_RUN", grounds::may_still_run},
    Rule<Candidate>{"PROTECTED", is_guarded},
    Rule<Candidate>{"IDENTITY_INSUFFICIENT", grounds::not_identified},
    Rule<Candidate>{"NOT_READY", grounds::never_inspected, true},
    Rule<Candidate>{"KEY_UNKNOWN", grounds::key_unknown},
    Rule<Candidate>{"NO_VIRTUAL_MEDIA", grounds::no_virtual_media, true},
    Rule<Candidate>{"POWERED_ON", grounds::powered_on, true},
    Rule<Candidate>{"NO_SHUTDOWN", grounds::no_shutdown, true},
};

wire::BootIso::Afterwards afterwards_of(const std::string& word) {
  if (word == "off") return wire::BootIso::SWITCH_OFF;
  return word == "restart" ? wire::BootIso::RESTART : wire::BootIso::STAY;
}

class BootIsoPlanning final : public Planning {
 public:
  explicit BootIsoPlanning(const PlanInput& input) : input_(input) {}

  [[nodiscard]] std::optional<Exclusion> exclusion_of(const rest::Server& server) const override {
    return first_of(against_it, Candidate{input_, server});
  }
  void agree(const rest::Server&, wire::Agreed& agreed) const override {
    const rest::RolloutSpec& spec = input_.spec;
    wire::BootIso& boot = *agreed.mutable_boot_iso();
    *boot.mutable_image() = without_urls(image_ref(input_.mesh.images.at(spec.image())));
    boot.set_power(power_policy(spec.powered_on()));
    boot.set_replace_foreign_media(spec.replace_foreign_media());
    *boot.mutable_max_run() = spec.boot_iso().max_run();
    boot.set_afterwards(afterwards_of(spec.boot_iso().afterwards()));
  }
  void show(rest::Plan& plan, const PlanFigures& figures) const override {
    if (figures.kept > 0)
      plan.add_warnings(
          "what is booted can write disks; in use or protected: " + std::to_string(figures.kept) +
          " of the " + std::to_string(plan.server_count()) + " servers");
  }

 private:
  const PlanInput& input_;
};

class BootIso final : public Action {
 public:
  BootIso()
      : Action({.name = "bootIso",
                .work = wire::Agreed::kBootIso,
                .changes = true,
                .has_canary = true,
                .runs_anything = true}) {}

  [[nodiscard]] std::span<const SpecField> fields() const override { return own_fields; }

  Verdict check(rest::RolloutSpec& spec, const MeshState& mesh) const override {
    rules::default_to(*spec.mutable_powered_on(), "refuse");
    if (!spec.has_launch_within()) *spec.mutable_launch_within() = to_wire(defaults::launch_within);
    rest::RolloutBootIso& boot = *spec.mutable_boot_iso();
    rules::default_to(*boot.mutable_afterwards(), "stay");
    if (!boot.has_max_run()) *boot.mutable_max_run() = to_wire(max_run_default);
    if (auto bad = rules::required("spec.image", !spec.image().empty())) return bad;
    if (!mesh.images.contains(spec.image())) return rules::missing("spec.image", "Image", spec.image());
    return rules::first_of(
        {rules::one_of("spec.poweredOn", spec.powered_on(), {"refuse", "graceful", "force"}),
         rules::one_of("spec.bootIso.afterwards", boot.afterwards(), {"stay", "off", "restart"}),
         rules::duration("spec.bootIso.maxRun", boot.max_run(), longest),
         rules::duration("spec.launchWithin", spec.launch_within(), day)});
  }

  [[nodiscard]] std::unique_ptr<Planning> plan(const PlanInput& input) const override {
    return std::make_unique<BootIsoPlanning>(input);
  }
  void issue(const MeshState& mesh, const rest::RolloutSpec& spec, wire::Issue& issue) const override {
    *issue.mutable_image_urls() = mesh.images.at(spec.image()).spec().iso().urls();
    *issue.mutable_launch_by() = to_wire(from_wire(issue.start_by()) + from_wire(spec.launch_within()));
  }
  [[nodiscard]] std::vector<Threshold> thresholds(const rest::RolloutStop& stop,
                                                  const EndTally& tally) const override {
    return failures_alike(stop, tally);
  }
  [[nodiscard]] Duration longest_run(const record::Order* order, const rest::Deployment&,
                                     const Now& now) const override {
    if (order == nullptr) return defaults::launch_within + max_run_default;
    return from_wire(agreed_in(*order).boot_iso().max_run()) +
           std::max(Duration(), from_wire(order->order().issue().launch_by()) - now.wall_low);
  }
  [[nodiscard]] std::string again(const wire::Agreed& agreed) const override {
    return commands::boot_iso(agreed.boot_iso().image().name(), agreed.server());
  }
};

}  // namespace

const Action& boot_iso_action() {
  static const BootIso action;
  return action;
}

}  // namespace metalmesh::controller
