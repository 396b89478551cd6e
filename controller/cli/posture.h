// What of servers is set up in a way that somebody should know of, by what their BMCs told last. What a BMC does not tell is no
// finding. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "controller/cli/text_table.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::cli {

struct PostureBounds {
  std::int64_t clock = 300;                      // seconds
  Duration certificate = std::chrono::days(30);  // that it is still to be good for
};

struct Exposure {
  std::string server;
  std::string site;
  std::string_view what;  // as exceptions name it
  std::string found;
  std::string accepted;  // why, by which exception; empty: it is not
  std::string until;
};

/// In the order of the servers. An exception counts until its time, for the servers that it selects.
std::vector<Exposure> posture_of(const std::vector<rest::Server>& servers,
                                 const std::vector<rest::PostureException>& exceptions,
                                 const PostureBounds& bounds, WallTime now);

enum class ReportFormat { table, csv, json };
/// The first row is the header. Columns of JSON objects are the header's words in lower case.
std::string report_text(const std::vector<Cells>& rows, ReportFormat format);

}  // namespace metalmesh::cli
