#include "agents/media/server/image_transfer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace metalmesh::media {
namespace {

constexpr std::uint64_t space_check_every = 16ULL << 20;
constexpr std::size_t type_limit = 80;

Status system_failure(const std::string& what) {
  const ErrorKind kind = errno == ENOSPC || errno == EDQUOT ? ErrorKind::exhausted : ErrorKind::unavailable;
  return fail(kind, what + ": " + std::error_code(errno, std::generic_category()).message());
}

Status set_aside(Transfer& transfer) {
  auto done = transfer.folder.set_aside(transfer.file, transfer.watch.share, transfer.size);
  if (!done) return std::unexpected(std::move(done.error()));
  transfer.set_aside = *done;  // otherwise the disk is asked again and again while bytes come
  return {};
}

/// A whole content instead of the range that was asked for.
Status begin_anew(Transfer& transfer) {
  const bool changed = transfer.can_prove() && transfer.validator != transfer.before->validator;
  // Bytes of a content that its source has replaced are worth nothing; others are read over, and stay for the
  // case that this source is cut before it gets as far.
  if ((changed || transfer.order.size == 0) && ::ftruncate(transfer.file.get(), 0) != 0)
    return fail(ErrorKind::unavailable, "the part cannot be emptied");
  if (changed || transfer.order.size == 0) transfer.before.reset();
  transfer.at = 0;
  return {};
}

/// No installer image begins like this, and every login page does.
bool looks_like_html(std::string_view first) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (first.starts_with(byte_order_mark)) first.remove_prefix(byte_order_mark.size());
  first.remove_prefix(std::min(first.find_first_not_of(" \t\r\n"), first.size()));
  constexpr std::array<std::string_view, 4> beginnings = {"<!doctype html", "<html", "<head", "<body"};
  return std::ranges::any_of(beginnings, [&](std::string_view beginning) {
    return first.size() >= beginning.size() &&
           std::ranges::equal(first.substr(0, beginning.size()), beginning, [](char a, char b) {
             return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
           });
  });
}

}  // namespace

std::string Transfer::came(std::uint64_t bytes) const {
  std::string printable = type.substr(0, type_limit);
  std::erase_if(printable, [](char c) { return c < 0x20 || c > 0x7e; });
  return std::to_string(bytes) + " bytes" + (printable.empty() ? "" : " of type " + printable) +
         (html ? " that look like HTML (a login or error page?)" : "");
}

Status open_part(Transfer& transfer) {
  const std::string part = transfer.folder.part(transfer.order.sha256);
  transfer.file = FileHandle(::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!transfer.file) {
    return fail(ErrorKind::unavailable,
                part + ": " + std::error_code(errno, std::generic_category()).message());
  }
  transfer.at = transfer.resumed_from;
  transfer.size = transfer.order.size;
  return {};
}

Status begin_content(Transfer& transfer, const Offer& offer, std::string_view first) {
  transfer.began = true;
  transfer.html = (!offer.ranged || transfer.at == 0) && looks_like_html(first);
  if (offer.total && transfer.order.size > 0 && *offer.total != transfer.order.size) {
    return fail(ErrorKind::corrupt, "the source offers " + transfer.came(*offer.total) + ", expected " +
                                        std::to_string(transfer.order.size));
  }
  if (!offer.ranged && transfer.at > 0) {
    if (auto begun = begin_anew(transfer); !begun) return begun;
  }
  if (offer.total) transfer.size = *offer.total;
  const bool proven = transfer.can_prove() && transfer.validator == transfer.before->validator;
  const bool mixed = transfer.before && (transfer.before->mixed || !proven);
  transfer.folder.remember_origin(transfer.order.sha256, {transfer.order.url, transfer.validator, mixed});
  return set_aside(transfer);
}

Status store_content(Transfer& transfer, std::string_view bytes) {
  if (transfer.size > 0 && transfer.at + bytes.size() > transfer.size)
    return fail(ErrorKind::corrupt,
                "the source sends more than the expected " + std::to_string(transfer.size) + " bytes");
  if (!transfer.set_aside && transfer.at >= transfer.next_space_check) {
    if (auto room = transfer.folder.room_for(transfer.watch.share, bytes.size()); !room) return room;
    transfer.next_space_check = transfer.at + space_check_every;
  }
  transfer.watch.pace(bytes.size());
  for (std::size_t done = 0; done < bytes.size();) {
    const auto put = ::pwrite(transfer.file.get(), bytes.data() + done, bytes.size() - done,
                              static_cast<off_t>(transfer.at + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_failure("writing the image");
    done += static_cast<std::size_t>(put);
  }
  transfer.at += bytes.size();
  return {};
}

bool go_on(Transfer& transfer) {
  if (transfer.watch.cancelled) return false;
  const auto now = std::chrono::steady_clock::now();
  if (transfer.began && now - transfer.told_at >= std::chrono::seconds(1)) {
    transfer.told_at = now;
    transfer.watch.told(transfer.at, transfer.size);
    if (transfer.folder.has(transfer.order.sha256)) return false;  // somebody brought the image meanwhile
  }
  return true;
}

}  // namespace metalmesh::media
