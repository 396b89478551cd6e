#include "common/delivery/envelope_codec.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/planted.h"
#include "common/text/letters.h"
#include "schemas/wire/envelope.pb.h"

namespace metalmesh::delivery {
namespace {

constexpr std::size_t kind_limit = 32;
constexpr std::size_t key_id_bytes = 16;
constexpr int signature_limit = 8;

/// The kind is part of what is signed, ended by a NUL: it must not be able to hold one.
bool is_kind(std::string_view kind) {
  const auto allowed = [](char c) { return is_lower(c) || c == '_'; };
  return !kind.empty() && kind.size() <= kind_limit && std::ranges::all_of(kind, allowed);
}

bool has_repeated_key(const wire::Envelope& envelope) {
  for (int i = 0; i < envelope.signatures_size(); ++i) {
    for (int j = 0; j < i; ++j) {
      if (envelope.signatures(i).key_id() == envelope.signatures(j).key_id()) return true;
    }
  }
  return false;
}

}  // namespace

std::string seal(const Signer& signer, std::string_view kind, const google::protobuf::MessageLite& payload) {
  MM_CHECK(is_kind(kind));
  wire::Envelope envelope;
  envelope.set_kind(std::string(kind));
  MM_CHECK(payload.SerializeToString(envelope.mutable_payload()));
  SignatureBytes signature = signer.sign(kind, envelope.payload());
  auto& out = *envelope.add_signatures();
  out.set_key_id(std::move(signature.key_id));
  out.set_bytes(std::move(signature.bytes));
  std::string sealed;
  MM_CHECK(envelope.SerializeToString(&sealed));
  MM_CHECK(sealed.size() <= envelope_limit);
  return sealed;
}

Result<Opened> open(const Verifier& verifier, std::string_view signer, std::string_view bytes) {
  if (bytes.size() > envelope_limit) return fail(ErrorKind::invalid, "envelope is longer than 64 KiB");
  wire::Envelope envelope;
  if (!envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(ErrorKind::invalid, "not an envelope");
  }
  if (!is_kind(envelope.kind())) return fail(ErrorKind::invalid, "envelope without a proper kind");
  if (envelope.signatures_size() == 0 && planted(Defect::unsigned_taken))
    return Opened{std::move(*envelope.mutable_kind()), std::move(*envelope.mutable_payload())};
  if (envelope.signatures_size() == 0) return fail(ErrorKind::invalid, "envelope without a signature");
  if (envelope.signatures_size() > signature_limit)
    return fail(ErrorKind::invalid, "envelope with too many signatures");
  if (has_repeated_key(envelope)) return fail(ErrorKind::invalid, "envelope with a repeated key id");

  // One trusted signature is enough: while keys rotate, a sender signs with the old and the new one.
  bool verified = false;
  for (const wire::Signature& signature : envelope.signatures()) {
    if (signature.key_id().size() != key_id_bytes)
      return fail(ErrorKind::invalid, "envelope with a malformed key id");
    verified = verified || verifier.verify(signer, envelope.kind(), envelope.payload(),
                                           SignatureBytes{signature.key_id(), signature.bytes()});
  }
  if (!verified && !planted(Defect::signature_not_checked)) {
    return fail(ErrorKind::denied,
                "no valid signature of '" + std::string(signer) + "' on a '" + envelope.kind() + "'");
  }
  return Opened{std::move(*envelope.mutable_kind()), std::move(*envelope.mutable_payload())};
}

}  // namespace metalmesh::delivery
