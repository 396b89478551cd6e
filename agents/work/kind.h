// A kind of work, as far as the house (agents/core) must know it: one row of the table in agents/core/works.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/bmc/dialogue.h"
#include "agents/work/work.h"

namespace metalmesh::work {

/// What must be at the site before a work can begin.
struct Materials {
  struct Blob {
    std::string sha256;
    std::string name;  // for people: "profile web"
  };
  std::vector<wire::ImageRef> images;
  std::vector<Blob> blobs;
};

/// What a machine of any kind is made from. What it refers to must outlive it.
struct Makings {
  record::Job& job;
  const StageTimeouts& timeouts;
  MediaUrls urls;
  std::uint64_t seed = 0;
  bmc::Known known;
  bool any_key = false;  // whoever answers may be logged in to, by the key that it shows at first
  std::string beside;    // the deployment that changes this machine meanwhile, of who only reads; empty: none
};

struct Kind {
  std::string_view name;
  /// It changes the machine: has a generation, goes by its fence, takes one of the site's places, and is alone
  /// on its machine. Otherwise it only reads.
  bool changes;
  /// It has a medium made, of the first of its images and blobs, and served to the machine.
  bool medium;
  /// What is wrong with an order beyond what is asked of all; a sentence that goes on after "the order's ".
  std::optional<std::string> (*wrong)(const wire::Agreed& agreed, const wire::Issue& issue);
  Materials (*materials)(const wire::Agreed& agreed, const wire::Issue& issue);
  /// Past this nobody calls it back any more.
  bool (*past_return)(const record::Job& job);
  std::unique_ptr<Work> (*make)(Makings with);
  /// Past that point a person's word ends it: it is handed CancelAsked, and what comes of it is its own end.
  bool ends_by_word = false;
  /// What would hold it is what it is to tell: it is never held.
  bool tells_trouble = false;
};

}  // namespace metalmesh::work
