#include "common/adapters/revocations.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <utility>

#include "common/adapters/openssl_handles.h"
#include "common/base/check.h"
#include "common/os/files.h"

namespace metalmesh::adapters {
namespace {

using CrlHandle = std::unique_ptr<X509_CRL, OpensslFree<X509_CRL_free>>;
using TimeHandle = std::unique_ptr<ASN1_TIME, OpensslFree<ASN1_TIME_free>>;

BioHandle reading(const std::string& pem) {
  return BioHandle(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

TimeHandle seconds_after(WallTime time, long seconds) {
  auto since_1970 = static_cast<std::time_t>(
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
  TimeHandle made(X509_time_adj_ex(nullptr, 0, seconds, &since_1970));
  MM_CHECK(made != nullptr);
  return made;
}

/// Whoever reads it may have a clock that is a little behind: a list from the future would cut everybody off.
TimeHandle an_hour_before(WallTime now) { return seconds_after(now, -3600); }

/// When it ends: with its authority, or sooner.
TimeHandle end_of(const ASN1_TIME* authority, WallTime now, const std::optional<Duration>& life) {
  TimeHandle end(ASN1_STRING_dup(authority));
  MM_CHECK(end != nullptr);
  if (!life) return end;
  TimeHandle sooner =
      seconds_after(now, static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(*life).count()));
  return ASN1_TIME_compare(sooner.get(), end.get()) < 0 ? std::move(sooner) : std::move(end);
}

/// Nothing: it is no time.
std::optional<WallTime> wall_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

Status keep_earlier(const std::string& before, X509_CRL* into) {
  if (before.empty()) return {};
  const CrlHandle earlier(PEM_read_bio_X509_CRL(reading(before).get(), nullptr, nullptr, nullptr));
  if (earlier == nullptr)
    return std::unexpected(openssl_error(ErrorKind::invalid, "the list of revoked certificates"));
  const STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(earlier.get());
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    X509_REVOKED* copy = X509_REVOKED_dup(sk_X509_REVOKED_value(entries, i));
    MM_CHECK(copy != nullptr && X509_CRL_add0_revoked(into, copy) == 1);
  }
  return {};
}

Status add(const std::string& certificate, X509* issuer, const ASN1_TIME* at, X509_CRL* into) {
  if (certificate.empty()) return {};
  auto revoked = parse_certificate(certificate, "the certificate to revoke");
  if (!revoked) return std::unexpected(revoked.error());
  if (X509_NAME_cmp(X509_get_issuer_name(revoked->get()), X509_get_subject_name(issuer)) != 0)
    return fail(ErrorKind::invalid, "the certificate to revoke is of another authority");
  X509_REVOKED* entry = X509_REVOKED_new();
  MM_CHECK(entry != nullptr);
  MM_CHECK(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->get())) == 1);
  MM_CHECK(X509_REVOKED_set_revocationDate(entry, const_cast<ASN1_TIME*>(at)) == 1);
  MM_CHECK(X509_CRL_add0_revoked(into, entry) == 1);
  return {};
}

}  // namespace

Result<std::string> make_revocations(const KeyPair& authority, const std::string& before,
                                     const std::string& certificate, WallTime now,
                                     std::optional<Duration> life) {
  auto issuer = parse_certificate(authority.certificate, "certificate of the authority");
  if (!issuer) return std::unexpected(issuer.error());
  auto key = parse_private_key(authority.key, "key of the authority");
  if (!key) return std::unexpected(key.error());
  const CrlHandle list(X509_CRL_new());
  MM_CHECK(list != nullptr && X509_CRL_set_version(list.get(), 1) == 1);
  MM_CHECK(X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer->get())) == 1);
  const TimeHandle at = an_hour_before(now);
  MM_CHECK(X509_CRL_set1_lastUpdate(list.get(), at.get()) == 1);
  const TimeHandle until = end_of(X509_get0_notAfter(issuer->get()), now, life);
  MM_CHECK(X509_CRL_set1_nextUpdate(list.get(), until.get()) == 1);
  if (auto kept = keep_earlier(before, list.get()); !kept) return std::unexpected(kept.error());
  if (auto added = add(certificate, issuer->get(), at.get(), list.get()); !added)
    return std::unexpected(added.error());
  X509_CRL_sort(list.get());
  if (X509_CRL_sign(list.get(), key->get(), EVP_sha256()) <= 0)
    return std::unexpected(openssl_error(ErrorKind::internal, "signing the list of revoked certificates"));
  const BioHandle out(BIO_new(BIO_s_mem()));
  MM_CHECK(out != nullptr && PEM_write_bio_X509_CRL(out.get(), list.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

RevocationsRead read_revocations(const std::filesystem::path& file) {
  constexpr std::size_t most_bytes = std::size_t{4} << 20U;
  const auto pem = os::read_file(file, most_bytes);
  if (!pem) return {{}, {}, pem.error().message};
  const CrlHandle list(PEM_read_bio_X509_CRL(reading(*pem).get(), nullptr, nullptr, nullptr));
  if (list == nullptr) return {{}, {}, file.string() + " holds no list of revoked certificates"};
  const auto from = wall_of(X509_CRL_get0_lastUpdate(list.get()));
  const auto until = wall_of(X509_CRL_get0_nextUpdate(list.get()));
  if (!from || !until) return {{}, {}, file.string() + " does not say when it ends"};
  return {*from, *until, {}};
}

RevocationsWatch::RevocationsWatch(std::filesystem::path file, Sink& sink, Duration interval) {
  if (file.empty()) return;
  watcher_ = std::jthread([file = std::move(file), &sink, interval](const std::stop_token& stop) {
    std::mutex sleep_mutex;
    std::condition_variable_any sleep;
    std::unique_lock lock(sleep_mutex);
    std::optional<RevocationsRead> told;
    while (!stop.stop_requested()) {
      RevocationsRead list = read_revocations(file);
      if (told != list) sink.deliver(told.emplace(std::move(list)));
      sleep.wait_for(lock, stop, interval, [] { return false; });
    }
  });
}

}  // namespace metalmesh::adapters
