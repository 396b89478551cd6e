// get -w: a list, and what becomes of it, through restarts of the controller.
#include <fmt/format.h>

#include "common/base/command_words.h"
#include "common/text/percent.h"
#include "controller/cli/change_view.h"
#include "controller/cli/commands.h"
#include "controller/cli/event_feed.h"
#include "controller/cli/feed_loop.h"
#include "controller/cli/json_text.h"

namespace metalmesh::cli {
namespace {

class ObjectWatch {
 public:
  ObjectWatch(Session& session, const Kind& kind, const std::string& name)
      : session_(session), kind_(kind), view_(kind, name) {}

  void take(const SseMessage& message) {
    if (message.event == "current") return current();
    rest::Change change;
    if (message.event != "change" || !from_json(message.data, change) || !view_.is_news(change)) return;
    if (session_.format != Format::table) return print(change);
    if (listed_) return print_row(change.name(), object_in(change, kind_));
    // The table is printed when it is whole, in the order of a list.
    if (const auto* object = object_in(change, kind_)) {
      auto& place = first_[change.name()];
      place = kind_.make();
      place->CopyFrom(*object);
    } else {
      first_.erase(change.name());
    }
  }
  /// The feed tells everything again; what is known already is not shown twice.
  void begin_again(const std::string& why) {
    session_.console().complain("listing again: " + why + "\n");
    view_.begin_again();
  }

 private:
  void current() {
    for (const std::string& name : view_.missing()) {
      if (session_.format == Format::table) {
        listed_ ? print_row(name, nullptr) : static_cast<void>(first_.erase(name));
        continue;
      }
      rest::Change gone;
      gone.set_kind(std::string(kind_.name));
      gone.set_name(name);
      gone.set_deleted(true);
      print(gone);
    }
    if (!std::exchange(listed_, true) && session_.format == Format::table) print_table();
  }
  void print(const rest::Change& change) {
    session_.console().print(session_.format == Format::json ? shown_json(change, Layout::compact) + "\n"
                                                             : "---\n" + to_yaml(change));
  }
  void print_table() {
    std::vector<Cells> rows = {object_header(kind_)};
    for (const auto& [name, object] : first_) rows.push_back(object_row(kind_, *object, Console::now()));
    session_.console().print(render_rows(rows, widths_));
    first_.clear();
  }
  void print_row(const std::string& name, const google::protobuf::Message* object) {
    const Cells row =
        object == nullptr ? Cells{name, "(deleted)"} : object_row(kind_, *object, Console::now());
    session_.console().print(render_rows({row}, widths_));
  }

  Session& session_;
  const Kind& kind_;
  ChangeView view_;
  std::map<std::string, std::unique_ptr<google::protobuf::Message>> first_;  // until all of them were told
  std::vector<std::size_t> widths_;
  bool listed_ = false;
};

}  // namespace

CommandResult watch_objects(Session& session, const Kind& kind, const std::string& name,
                            const std::map<std::string, std::string>& query) {
  if (kind.name == "Family") {
    return fail(ErrorKind::invalid,
                "families do not change while the controller runs\n  next: " + commands::list(kind.plural));
  }
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  std::string filter;
  for (const auto& [field, value] : query) {
    if (!value.empty()) filter += fmt::format("&{}={}", field, percent_encode(value));
  }
  // What is wrong with the name or the filter is told at once, as it is for a list.
  const auto there =
      name.empty() ? (*api)->get(fmt::format("/api/v1/{}?limit=1{}", kind.plural, filter), *kind.make_list())
                   : (*api)->get(object_path(kind, name), *kind.make());
  if (!there) return std::unexpected(there.error());
  EventFeed feed((*api)->target(), fmt::format("/api/v1/changes?kind={}{}", kind.name, filter), "0");
  ObjectWatch watch(session, kind, name);
  return std::unexpected(read_along(session, feed, [&](const EventFeed::Heard& heard) {
    for (const SseMessage& message : heard.messages) watch.take(message);
    if (!heard.begins_again.empty()) watch.begin_again(heard.begins_again);
  }));
}

}  // namespace metalmesh::cli
