#include "common/adapters/asio_runtime.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace metalmesh::adapters {

struct AsioRuntime::State {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard{context.get_executor()};
};

AsioRuntime::AsioRuntime()
    : state_(std::make_unique<State>()), thread_([state = state_.get()] { state->context.run(); }) {}

AsioRuntime::~AsioRuntime() {
  post([state = state_.get()] { state->context.stop(); });
  thread_.join();
}

boost::asio::io_context& AsioRuntime::context() { return state_->context; }

void AsioRuntime::post(std::move_only_function<void()> work) {
  boost::asio::post(state_->context, std::move(work));
}

bool AsioRuntime::on_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

}  // namespace metalmesh::adapters
