// An image file as a BlockReader.
#pragma once

#include "agents/media/block_reader.h"
#include "agents/media/server/file_handle.h"

namespace metalmesh::media {

class FileReader final : public BlockReader {
 public:
  static Result<FileReader> open(const std::string& path);
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t length) override;

 private:
  FileReader(FileHandle file, std::uint64_t size) : file_(std::move(file)), size_(size) {}
  FileHandle file_;
  std::uint64_t size_;
};

/// Where an image lies that can be trusted no more (image_folder.h), by its path.
std::string aside_of(const std::string& image_path);

/// What is put aside serves to compose a medium again; whether it may be read is another matter.
class FileImages final : public BaseImages {
 public:
  [[nodiscard]] Result<std::unique_ptr<BlockReader>> open(const std::string& path) override;
};

}  // namespace metalmesh::media
