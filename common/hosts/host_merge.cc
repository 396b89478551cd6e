#include "common/hosts/host_merge.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <memory>
#include <vector>

namespace metalmesh::hosts {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// A rule for the disk is taken whole: a profile's path and a server's WWN are two rules, and no disk may fit both.
bool is_one_value(const FieldDescriptor& field) {
  return field.message_type() == wire::DiskChoice::descriptor();
}

// Depth is that of the schema, which does not contain itself.
// NOLINTNEXTLINE(misc-no-recursion)
void merge(Message& base, const Message& over) {
  const auto& reflection = *over.GetReflection();
  std::vector<const FieldDescriptor*> given;
  reflection.ListFields(over, &given);
  const std::unique_ptr<Message> rest(over.New());
  rest->CopyFrom(over);
  for (const FieldDescriptor* field : given) {
    if (field->is_repeated()) {
      reflection.ClearField(&base, field);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Message& below = *reflection.MutableMessage(&base, field);
      if (is_one_value(*field)) below.Clear();
      merge(below, reflection.GetMessage(over, field));
      reflection.ClearField(rest.get(), field);
    }
  }
  base.MergeFrom(*rest);  // scalars that are set, and lists into the emptied ones
}

}  // namespace

void merge_host(wire::Host& base, const wire::Host& over) { merge(base, over); }

}  // namespace metalmesh::hosts
