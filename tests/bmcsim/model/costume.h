// The clothes of a recorded BMC on the model: requests that name the recorded BMC's paths become the model's own, and
// what the model shows becomes what was recorded, with the state that acts have changed laid over it. So the faults
// (fault.h) and the ground truth know nothing of it.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/bmcsim/model/machine_names.h"
#include "tests/bmcsim/model/personality.h"
#include "tests/bmcsim/model/redfish_message.h"

namespace metalmesh::bmcsim {

class Costume {
 public:
  /// Worn by `machine`, whose names stand in the place of those that were recorded.
  Costume(std::shared_ptr<const Personality> personality, const BmcOptions& machine);

  /// Makes it the model's request; or the answer that such a BMC gives without looking at anything.
  std::optional<RedfishReply> inward(RedfishRequest& request, bool host_on);
  /// Makes what the model answered to `inner` what this BMC answers to `asked`.
  void outward(const RedfishRequest& asked, const RedfishRequest& inner, RedfishReply& reply) const;

  [[nodiscard]] const Personality& personality() const { return *personality_; }
  /// A slot for a CD that takes a URL.
  [[nodiscard]] bool has_slot() const { return !slot_.empty(); }
  /// That slot has certificates of its own.
  [[nodiscard]] bool has_certificates() const;
  /// Whether it tells how far the start of its host is.
  [[nodiscard]] bool tells_progress() const { return !last_progress_.empty(); }
  /// Whether anything that it shows is a number on its machine's label.
  [[nodiscard]] bool tells_number() const { return tells_number_; }
  /// A MAC that stands for such a machine; empty when it shows none.
  [[nodiscard]] std::string mac() const;

 private:
  using Document = std::optional<boost::json::object>;
  [[nodiscard]] Document recorded(const std::string& path) const;
  [[nodiscard]] boost::json::object at(const std::string& path) const {
    return recorded(path).value_or(boost::json::object{});
  }
  [[nodiscard]] std::string as_recorded(const std::string& path) const;
  [[nodiscard]] std::pair<std::string, boost::json::object> first_system() const;
  void take_names(const BmcOptions& machine);
  void find_system();
  void find_slot();
  void map(std::string outer, std::string_view inner);
  std::optional<RedfishReply> replayed(const RedfishRequest& request);
  [[nodiscard]] std::optional<RedfishReply> refused_boot(const RedfishRequest& request) const;
  [[nodiscard]] std::optional<RedfishReply> refused_reset(RedfishRequest& request, bool host_on) const;
  void lay_over(const RedfishRequest& inner, const boost::json::object& live,
                boost::json::object& shown) const;
  void lay_over_system(const boost::json::object& live, boost::json::object& shown) const;
  void lay_over_boot(const boost::json::object& live, boost::json::object& shown) const;

  std::shared_ptr<const Personality> personality_;
  bool recorded_ = false;  // it stands on a tree
  OwnNames own_;
  std::map<std::string, std::string> recorded_paths_;  // by its own, where those hold a name
  bool label_is_sku_;
  bool tells_number_ = true;
  std::string system_;
  std::string settings_;
  std::string manager_;
  std::string slot_;
  std::vector<std::pair<std::string, std::string>> paths_;  // outer, inner; the longest first
  std::vector<std::string> targets_;                        // what can be booted; empty: not told
  std::vector<std::string> resets_;
  std::string last_progress_;  // it was recorded with a system that ran
  bool has_mode_ = true;
  std::map<std::string, std::pair<std::size_t, unsigned>> replayed_;  // by request: which answer, how often
};

}  // namespace metalmesh::bmcsim
