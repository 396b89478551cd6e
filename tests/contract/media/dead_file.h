// A file on a file system whose server is gone, as far as who opens it can tell: the kernel asks this object
// for leave and gets no answer (fanotify). Needs root; whoever waits goes on when it is destroyed.
#pragma once

#include <string>

namespace metalmesh::media::test {

class DeadFile {
 public:
  enum class At { open, read };
  DeadFile(const std::string& path, At at);
  ~DeadFile();
  DeadFile(const DeadFile&) = delete;
  DeadFile& operator=(const DeadFile&) = delete;
  /// False: this process may not do that here.
  explicit operator bool() const { return marked_; }

 private:
  int group_ = -1;
  bool marked_ = false;
};

}  // namespace metalmesh::media::test
