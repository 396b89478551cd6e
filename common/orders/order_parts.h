// An order taken apart. What was agreed to is decoded once, where it enters, and never put together again.
#pragma once

#include "common/base/result.h"
#include "schemas/wire/order.pb.h"

namespace metalmesh::orders {

struct Parts {
  wire::Agreed agreed;
  wire::Issue issue;
};

/// Fails with `invalid` when its bytes are not those of the plan, or do not decode, and with
/// `unsupported` when they say something that this program does not know: it would act on half of what was meant.
Result<Parts> open(const wire::Order& order);

/// As it is dialled: with the key that was pinned when the order was handed out.
wire::BmcTarget bmc_of(const wire::Agreed& agreed, const wire::Issue& issue);
/// Of an install or a start from an image, with where it is to be had from.
wire::ImageRef image_of(const wire::Agreed& agreed, const wire::Issue& issue);
/// Likewise; only if packages come from an image.
wire::ImageRef package_image_of(const wire::Agreed& agreed, const wire::Issue& issue);

}  // namespace metalmesh::orders
