// One run of the command line: where the controller is, how results are to look. The connection is set up
// when the first command needs it.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "controller/cli/api_client.h"
#include "controller/cli/console.h"
#include "controller/cli/object_view.h"
#include "schemas/config/client.pb.h"

namespace metalmesh::cli {

enum class Format { table, json, yaml };

struct ContextFlags {
  std::string server;
  std::string ca;
  std::string token_file;
};

/// $METALMESH_CONFIG, else ~/.config/metalmesh/config.yaml, else what `metalmesh up` left in its folder.
std::filesystem::path context_file();
/// Flags win over the context file.
Result<Target> resolve_target(const ContextFlags& flags);
/// Reads the token that the context names.
Result<Target> open_target(const config::Client& context);

class Session {
 public:
  explicit Session(std::string version) : version_(std::move(version)) {}

  Console& console() { return console_; }
  [[nodiscard]] const std::string& version() const { return version_; }
  Result<ApiClient*> api();

  /// One object (or none) in the format asked for; `words` is what people get instead of a table.
  void show(const google::protobuf::Message& object, std::string_view words);
  void show_all(const Kind& kind, const Objects& objects);
  /// The same, as `view` has it.
  Status show_view(const Kind& kind, Objects objects);
  /// The next sensible command, as it is typed; what comes before it stands on a line of its own. Out of the
  /// way of programs that read the result.
  void suggest(std::string_view command, std::string_view first = {});

  ContextFlags context;
  Format format = Format::table;
  ListView view;  // of lists

 private:
  Console console_;
  std::string version_;
  std::unique_ptr<ApiClient> api_;
};

/// Every object of a kind, page by page. `query` as for list_path.
Result<Objects> fetch_all(ApiClient& api, const Kind& kind,
                          const std::map<std::string, std::string>& query = {});
/// The deployments of one rollout.
Result<std::vector<rest::Deployment>> fetch_deployments(ApiClient& api, const std::string& rollout);

}  // namespace metalmesh::cli
