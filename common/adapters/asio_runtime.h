// One thread that runs one Asio context. The HTTP server and the prober live on it, so their state needs no
// locks. Asio itself stays out of this header: including it everywhere costs minutes of build time.
//
// Users must be destroyed before the runtime: they close their sockets and wait until the thread has let go
// of them.
#pragma once

#include <functional>
#include <memory>
#include <thread>

namespace boost::asio {
class io_context;  // NOLINT: its name
}

namespace metalmesh::adapters {

class AsioRuntime {
 public:
  AsioRuntime();
  /// Runs what was posted before, then stops the thread. Operations still pending are destroyed.
  ~AsioRuntime();
  AsioRuntime(const AsioRuntime&) = delete;
  AsioRuntime& operator=(const AsioRuntime&) = delete;

  [[nodiscard]] boost::asio::io_context& context();
  /// Runs `work` on the thread, after everything posted before it. `work` must not throw.
  void post(std::move_only_function<void()> work);
  [[nodiscard]] bool on_thread() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::thread thread_;
};

}  // namespace metalmesh::adapters
