#include "common/orders/order_parts.h"

#include <utility>
#include <vector>

#include "common/base/planted.h"
#include "common/orders/plan_tree.h"

namespace metalmesh::orders {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool is_understood(const Message& message) {
  const auto& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return false;
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (!is_understood(reflection.GetMessage(message, field))) return false;
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (!is_understood(reflection.GetRepeatedMessage(message, field, i))) return false;
    }
  }
  return true;
}

}  // namespace

Result<Parts> open(const wire::Order& order) {
  if (!belongs(order.agreed(), order.path()) && !planted(Defect::path_not_checked))
    return fail(ErrorKind::invalid, "what it carries is not what its plan says");
  wire::Agreed agreed;
  if (!agreed.ParseFromString(order.agreed()))
    return fail(ErrorKind::invalid, "what was agreed to does not decode");
  if (!is_understood(agreed) || agreed.work_case() == wire::Agreed::WORK_NOT_SET)
    return fail(ErrorKind::unsupported, "it asks for something that this program does not know");
  return Parts{std::move(agreed), order.issue()};
}

wire::BmcTarget bmc_of(const wire::Agreed& agreed, const wire::Issue& issue) {
  wire::BmcTarget bmc = agreed.bmc();
  bmc.set_key_sha256(issue.bmc_key_sha256());
  return bmc;
}

wire::ImageRef image_of(const wire::Agreed& agreed, const wire::Issue& issue) {
  wire::ImageRef image = agreed.has_boot_iso() ? agreed.boot_iso().image() : agreed.install().image();
  *image.mutable_urls() = issue.image_urls();
  return image;
}

wire::ImageRef package_image_of(const wire::Agreed& agreed, const wire::Issue& issue) {
  wire::ImageRef image = agreed.install().packages().image();
  *image.mutable_urls() = issue.package_image_urls();
  return image;
}

}  // namespace metalmesh::orders
