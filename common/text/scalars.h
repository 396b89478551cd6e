// How people write numbers, switches, sizes and durations. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace metalmesh {

/// true/false, yes/no, on/off, in any case.
std::optional<bool> parse_switch(std::string_view text);
/// Decimal, in the range of int64.
std::optional<std::int64_t> parse_integer(std::string_view text);
/// Decimal count of bytes with an optional unit: B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB
/// (powers of 1024); any case. nullopt when it does not fit 64 bits.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// One or more of <number><unit>, units d, h, m, s, ms, us, ns: `90s`, `1h30m`, `1.500s`. "0" needs no unit;
/// with any other number a missing unit would have to be guessed. Not negative, at most 3,650 days.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace metalmesh
