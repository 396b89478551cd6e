// Many objects applied by one decision. First all are weighed, some at a time, as if they were applied one after the other,
// and nothing changes by that. What is to change is written down beside the mesh, and then one row decides it: from then on it
// happens, also when this process dies. It is carried out some at a time as well; each object goes the way of a single
// one (object_apply.h). What fits one slice is carried out in one go, with no decision of its own: one commit it is anyway.
//
// As long as one is under way, other requests wait (apply_desk.h), so that what was weighed holds; what a site tells
// meanwhile may still be against an object, which is then told as refused.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/core/object_apply.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

/// Who applies, for the audit log.
struct Applicant {
  std::string actor;
  std::string token;
};

class ApplyAct {
 public:
  ApplyAct(ApplyMany request, Applicant who);
  /// One that was decided by an earlier life of this controller, and not carried out to its end; nullptr: there is none.
  /// What was written down and never decided is dropped.
  static std::unique_ptr<ApplyAct> left_over(Work& work);

  /// The next `objects` of it. What became of all, once it is done.
  std::shared_ptr<const ApplyReport> go_on(Work& work, std::size_t objects);
  /// One sentence for the audit log; empty: nothing changed.
  [[nodiscard]] std::string audit() const;

 private:
  enum class Phase : std::uint8_t { begin, weigh, write, decide, carry_out, done };

  void begin(const Work& work);
  void refuse_twins();
  void weigh(const Work& work, std::size_t index);
  void look_at_change(const Work& work, const Weighed& weighed, WishResult& result);
  /// What follows when all are weighed.
  void judge(std::size_t objects);
  void write(Work& work, std::size_t place);
  void decide(Work& work) const;
  void carry_out(Work& work, std::size_t place);

  ApplyMany request_;
  Applicant who_;
  std::shared_ptr<ApplyReport> report_ = std::make_shared<ApplyReport>();
  Phase phase_ = Phase::begin;
  std::vector<std::size_t> order_;   // of wishes: what others refer to comes first
  std::vector<std::size_t> wanted_;  // those that change something, in that order
  std::size_t next_ = 0;             // of order_ or wanted_
  std::vector<std::string> rows_;    // by place in wanted_: where it is written down; empty: nowhere
  std::unique_ptr<MeshState>
      references_;  // what may be referred to, when the request itself brings some of it
  IdentitiesToBe to_be_;
};

/// An object from its row; nothing: its kind is none, or the row cannot be read.
std::optional<Object> object_of(const std::string& kind, const std::string& row);

}  // namespace metalmesh::controller
