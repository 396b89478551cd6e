// A broker in somebody else's hands. It has no key, and everything that anybody ever signed: it drops, repeats, delays and
// reorders frames, brings them under other topics, brings old ones and such that nobody signed, and shows one site the past
// while the others go on.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/mesh.h"

namespace metalmesh::sim {

class HostileBroker {
 public:
  HostileBroker(Mesh& mesh, Random random) : mesh_(mesh), random_(random) {}
  void begin();
  static std::span<const std::string_view> classes();

 private:
  bool on_publish(const Publish& message);
  void another_mood();
  void bring_old(const Publish& message);
  void swap(const Publish& message);
  void bring_unsigned(const Publish& message);
  void show_the_past();
  void mark(std::string_view what) { mesh_.witness.marks().hit(what); }

  Mesh& mesh_;
  Random random_;
  std::vector<Publish> kept_;  // all that was ever published
  std::uint32_t drops_ = 0;    // per mille
  std::uint32_t delays_ = 0;
  std::uint32_t meddles_ = 0;
  std::string in_the_past_;  // the topic of a site that hears only what is over
};

}  // namespace metalmesh::sim
