// An operating system on a server, by its own installer from an image: the action that wipes.
#include <algorithm>
#include <array>

#include "common/answer/answer_order.h"
#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/families/family_catalogue.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/action.h"
#include "controller/core/actions/install_end.h"
#include "controller/core/actions/install_forecast.h"
#include "controller/core/actions/install_grounds.h"
#include "controller/core/actions/install_order.h"
#include "controller/core/actions/install_roles.h"
#include "controller/core/hardware_types.h"
#include "controller/core/object_rules.h"
#include "controller/core/order_builder.h"
#include "controller/state/version_bounds.h"

namespace metalmesh::controller {
namespace {

using rules::Verdict;

constexpr std::int64_t day = 24 * 3600;         // seconds
constexpr std::uint32_t stop_after_wipe = 3;    // at least, or 3 %
constexpr std::uint32_t stop_unproven = 3;      // at least, or 3 %
constexpr std::uint32_t stop_before_wipe = 10;  // at least, or 10 %

constexpr std::array own_fields = {
    SpecField{"spec.image", [](const rest::RolloutSpec& s) { return !s.image().empty(); }},
    SpecField{"spec.profile", [](const rest::RolloutSpec& s) { return !s.profile().empty(); }},
    SpecField{"spec.reinstall", [](const rest::RolloutSpec& s) { return s.reinstall(); }},
    SpecField{"spec.poweredOn", [](const rest::RolloutSpec& s) { return !s.powered_on().empty(); }},
    SpecField{"spec.replaceForeignMedia",
              [](const rest::RolloutSpec& s) { return s.replace_foreign_media(); }},
    SpecField{"spec.launchWithin", [](const rest::RolloutSpec& s) { return s.has_launch_within(); }},
    SpecField{"spec.vars", [](const rest::RolloutSpec& s) { return !s.vars().empty(); }},
    SpecField{"spec.host", [](const rest::RolloutSpec& s) { return s.has_host(); }},
    SpecField{"spec.stopAfter.afterWipe",
              [](const rest::RolloutSpec& s) { return !s.stop_after().after_wipe().empty(); }},
    SpecField{"spec.stopAfter.beforeWipe",
              [](const rest::RolloutSpec& s) { return !s.stop_after().before_wipe().empty(); }},
    SpecField{"spec.stopAfter.unproven",
              [](const rest::RolloutSpec& s) { return !s.stop_after().unproven().empty(); }},
};

Verdict no_profile(const std::string& reference, const MeshState& mesh) {
  const std::size_t at = reference.find('@');
  if (at == std::string::npos || !mesh.profiles.contains(reference.substr(0, at)))
    return rules::missing("spec.profile", "Profile", reference);
  return rules::refusal(ErrorKind::not_found, "spec.profile",
                        "Profile \"" + reference.substr(0, 80) + "\" is not there: the last " +
                            std::to_string(versions_of_a_profile) + " versions of a profile are kept",
                        "name one of those, or apply it again");
}

/// Image and profile are there and go together.
Verdict check_what(const rest::RolloutSpec& spec, const MeshState& mesh) {
  if (auto bad = rules::first_of({rules::required("spec.image", !spec.image().empty()),
                                  rules::required("spec.profile", !spec.profile().empty())})) {
    return bad;
  }
  const rest::Profile* profile = find_profile(mesh, spec.profile());
  if (profile == nullptr) return no_profile(spec.profile(), mesh);
  const std::string& name = profile->metadata().name();
  if (!mesh.profiles.contains(name))
    return rules::refusal(ErrorKind::invalid, "spec.profile",
                          "Profile \"" + name + "\" was deleted: of its versions only the history is left",
                          "apply the profile again, or name another one");
  if (auto bad = check_image(mesh, *profile, spec.image())) return bad;
  const std::string& role = profile->spec().disk().role();
  if (!role.empty() && spec.host().disk().ByteSizeLong() != 0)
    return rules::refusal(ErrorKind::invalid, "spec.host.disk",
                          "names a disk, and profile " + spec.profile() + " takes the disk by role " + role +
                              ": leave out one of them");
  const std::string& packages_image = profile->spec().packages_image();
  if (!packages_image.empty() && !mesh.images.contains(packages_image))
    return rules::missing("spec.profile.packagesImage", "Image", packages_image);
  return std::nullopt;
}

class InstallPlanning final : public Planning {
 public:
  explicit InstallPlanning(const PlanInput& input)
      : input_(input), profile_(*find_profile(input.mesh, input.spec.profile())) {}

  void meet(const rest::Server& server) override { add_owner(owners_, input_, profile_, server); }

  [[nodiscard]] std::optional<Exclusion> exclusion_of(const rest::Server& server) const override {
    return against_install(input_, profile_, owners_, server);
  }
  void agree(const rest::Server& server, wire::Agreed& agreed) const override {
    const rest::ServerHardware hardware = hardware_of(input_.mesh, input_.rows, server);
    *agreed.mutable_install() =
        install_of(input_.mesh, input_.spec, profile_, server, ordered(server, hardware).host);
  }
  void show(const rest::Server& server, rest::PlanServer& shown) const override {
    const rest::ServerHardware hardware = hardware_of(input_.mesh, input_.rows, server);
    shown.set_hardware_type(hardware.type());
    for (rest::RoleChoice& role : ordered(server, hardware).roles) *shown.add_roles() = std::move(role);
    for (const rest::HardwareDeviation& each : hardware.deviations()) shown.add_remarks(each.message());
    if (hardware.types_size() > 1)
      shown.add_remarks("hardware types " + hardware.types(0) + " and " + hardware.types(1) +
                        " both match it: it was held against neither");
  }
  void show(rest::Plan& plan, const PlanFigures& figures) const override {
    plan.set_image(input_.spec.image());
    plan.set_image_sha256(input_.mesh.images.at(input_.spec.image()).spec().iso().sha256());
    plan.set_profile(version_of(profile_));
    *plan.mutable_media() = forecast_media(input_.mesh, plan, figures);
    warn_of_the_silent(plan);
  }

 private:
  [[nodiscard]] OrderedHost ordered(const rest::Server& server, const rest::ServerHardware& hardware) const {
    return ordered_host(input_.mesh, hardware, profile_, input_.spec, server);
  }

  /// Whose installer will not show its machine although the profile would like it to; who must is left out.
  void warn_of_the_silent(rest::Plan& plan) const {
    if (input_.spec.profile().find('@') != std::string::npos)
      return;  // old versions are kept without template
    const auto& catalogue = input_.mesh.catalogue;
    const config::OsFamily* family =
        catalogue == nullptr ? nullptr : catalogue->find(profile_.spec().family());
    if (profile_.spec().verify_in_installer() != "ifReachable" || family == nullptr) return;
    if (auto why = answer::why_it_cannot_ask(*family, profile_.spec().template_().inline_()))
      plan.add_warnings(std::to_string(plan.server_count()) + " cannot ask: " + *why);
  }

  const PlanInput& input_;
  const rest::Profile profile_;  // its own: the mesh's may be deleted meanwhile
  AddressOwners owners_;
};

class Install final : public Action {
 public:
  Install()
      : Action({.name = "install",
                .work = wire::Agreed::kInstall,
                .changes = true,
                .wipes = true,
                .has_canary = true}) {}

  [[nodiscard]] std::span<const SpecField> fields() const override { return own_fields; }

  Verdict check(rest::RolloutSpec& spec, const MeshState& mesh) const override {
    rules::default_to(*spec.mutable_powered_on(), "refuse");
    if (!spec.has_launch_within()) *spec.mutable_launch_within() = to_wire(defaults::launch_within);
    if (spec.has_host()) {
      if (auto bad = check_host(spec.mutable_host())) return bad;
    }
    if (auto bad = check_what(spec, mesh)) return bad;
    return rules::first_of(
        {rules::one_of("spec.poweredOn", spec.powered_on(), {"refuse", "graceful", "force"}),
         rules::duration("spec.launchWithin", spec.launch_within(), day),
         rules::variables("spec.vars", spec.vars())});
  }

  [[nodiscard]] std::unique_ptr<Planning> plan(const PlanInput& input) const override {
    return std::make_unique<InstallPlanning>(input);
  }

  void issue(const MeshState& mesh, const rest::RolloutSpec& spec, wire::Issue& issue) const override {
    *issue.mutable_image_urls() = mesh.images.at(spec.image()).spec().iso().urls();
    if (const rest::Image* packages = package_image(mesh, *find_profile(mesh, spec.profile()), spec.image()))
      *issue.mutable_package_image_urls() = packages->spec().iso().urls();
    *issue.mutable_launch_by() = to_wire(from_wire(issue.start_by()) + from_wire(spec.launch_within()));
  }

  [[nodiscard]] std::vector<Threshold> thresholds(const rest::RolloutStop& stop,
                                                  const EndTally& tally) const override {
    // A new system without its proof is no success: it counts with the failures, unless it has a limit of its own.
    const std::uint32_t unproven = planted(Defect::unproven_not_counted) ? 0 : tally.unproven;
    const std::uint32_t unproven_too = stop.unproven().empty() ? unproven : 0;
    std::vector<Threshold> all = {
        {unproven_too > 0 ? "failed after the wipe or ended without their proof" : "failed after the wipe",
         tally.failed_after_wipe + unproven_too,
         threshold(stop.after_wipe(), stop_after_wipe, 3, stop, tally)},
        {"ended without their proof", unproven, threshold(stop.unproven(), stop_unproven, 3, stop, tally)}};
    if (!planted(Defect::before_wipe_ignored))
      all.push_back({"failed before the wipe", tally.failed_before_wipe,
                     threshold(stop.before_wipe(), stop_before_wipe, 10, stop, tally)});
    return all;
  }

  [[nodiscard]] Duration longest_run(const record::Order* order, const rest::Deployment& deployment,
                                     const Now& now) const override {
    if (order == nullptr) return defaults::launch_within + defaults::max_run;
    const Duration run = from_wire(agreed_in(*order).install().max_run());
    if (deployment.launched()) return run;
    return run + std::max(Duration(), from_wire(order->order().issue().launch_by()) - now.wall_low);
  }

  [[nodiscard]] std::string again(const wire::Agreed& agreed) const override {
    return commands::install(agreed.server());
  }
  void handed_out(Work& work, const rest::Deployment& deployment) const override {
    mark_installing(work, deployment);
  }
  void ended(Work& work, const rest::Deployment& deployment) const override {
    settle_installed(work, deployment);
  }
};

}  // namespace

const Action& install_action() {
  static const Install action;
  return action;
}

}  // namespace metalmesh::controller
