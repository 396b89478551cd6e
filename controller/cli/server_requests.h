// Requests about one server, for the commands that make them.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "controller/cli/session.h"

namespace metalmesh::cli {

/// POST to one server; the answer is the server as it is afterwards.
Result<rest::Server> post_server(Session& session, const std::string& name, std::string_view action,
                                 const google::protobuf::Message& body);
/// What became of an order that was under way when the server was protected; empty: there was none.
std::string recall_text(const rest::Server& server);

}  // namespace metalmesh::cli
