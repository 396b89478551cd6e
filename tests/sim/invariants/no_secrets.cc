// I9: no password of a BMC and no session token on the bus, in a store or in a log line. In this world all of
// them begin with one word.
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class NoSecrets final : public Invariant {
 public:
  explicit NoSecrets(Court& court) : Invariant("no_secrets", court) {}

  void on_frame(const Frame& frame) override { look(frame.node, "on the bus", frame.message.payload); }
  void on_agent_rows(const std::string& node, const Batch& batch) override { look(node, batch); }
  void on_controller_rows(const Batch& batch) override { look("controller", batch); }
  void on_log_line(const std::string& node, std::string_view line) override {
    look(node, "in its log", line);
  }

 private:
  void look(std::string_view node, const Batch& batch) {
    for (const RowWrite& row : batch) {
      if (row.value) look(node, "in its store", *row.value);
    }
  }
  void look(std::string_view node, std::string_view where, std::string_view text) {
    if (text.find(secret_word) != std::string_view::npos)
      object("a secret of a BMC stands " + std::string(where) + ": " + std::string(node));
  }
};

}  // namespace

std::unique_ptr<Invariant> no_secrets(Court& court) { return std::make_unique<NoSecrets>(court); }

}  // namespace metalmesh::sim
