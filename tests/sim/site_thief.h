// Whoever has one site's box: he signs as that site, and tells whatever he likes. He hears what the site would hear.
#pragma once

#include <string>

#include "schemas/wire/frames.pb.h"
#include "tests/sim/mesh.h"

namespace metalmesh::sim {

class SiteThief {
 public:
  /// `claims_losses`: he also says what only a controller that was put back explains, for which all wait.
  SiteThief(Mesh& mesh, Random random, std::string site, bool claims_losses)
      : mesh_(mesh), random_(random), site_(std::move(site)), claims_losses_(claims_losses) {}
  void begin();
  void on_revoked() { revoked_ = true; }
  static std::span<const std::string_view> classes();

 private:
  void hear(const Input& input);
  void take_commands(const std::string& payload);
  void speak();
  void lie();
  [[nodiscard]] wire::Hello hello();
  void send(std::string_view kind, const google::protobuf::MessageLite& message);
  void tell(const wire::Event& event);
  void tell_impossible_numbers();
  void tell_of_losses();
  void tell_of_gaps();
  void tell_for_others();
  void tell_of_his_own();
  void flood(unsigned frames);
  void babble();
  std::string noise(std::size_t most);
  void mark(std::string_view what) { mesh_.witness.marks().hit(what); }

  Mesh& mesh_;
  Random random_;
  std::string site_;
  bool claims_losses_;
  bool revoked_ = false;
  wire::Welcome heard_;
  std::uint64_t last_ = 0;  // event that he has told
  std::string last_hash_;
  std::uint64_t command_ = 0;  // that he has heard
  std::string command_hash_;
};

}  // namespace metalmesh::sim
