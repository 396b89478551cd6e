#include "common/ports/input.h"

#include <array>
#include <string_view>

namespace metalmesh {

std::string_view name_of(const Input& input) {
  static constexpr std::array<std::string_view, std::variant_size_v<Input>> names = {
      "Started",         "Committed",          "BusUp",         "BusDown",        "MessageArrived",
      "TimerFired",      "HttpReplied",        "HttpFailed",    "ExchangeOpened", "ExchangeClosed",
      "ExchangeDrained", "ImageReady",         "ImageProgress", "ImageFailed",    "MediaReported",
      "ProbeAnswered",   "CredentialsChanged", "DiskLevel",     "BackupReported", "RevocationsRead"};
  return names[input.index()];
}

}  // namespace metalmesh
