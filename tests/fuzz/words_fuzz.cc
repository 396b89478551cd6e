// Small languages that people and tools type: selectors, durations, shares, patterns, names, URLs, templates.
// Each reading is total: a value within its stated bounds, or an error with words.
#include <cstdint>
#include <string>

#include "agents/media/server/image_download.h"
#include "common/base/machine_key.h"
#include "common/base/time.h"
#include "common/families/template_tokens.h"
#include "common/text/glob.h"
#include "common/text/scalars.h"
#include "common/text/utf8.h"
#include "controller/api/label_selector.h"
#include "controller/core/field_rules.h"
#include "tests/fuzz/invariant.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace metalmesh;
  const std::string text(reinterpret_cast<const char*>(data), size);

  const auto duration = parse_duration(text);
  MM_CLAIM(!duration || (*duration >= Duration::zero() && *duration <= std::chrono::hours(24 * 3650)));

  if (const auto selector = controller::LabelSelector::parse(text)) {
    google::protobuf::Map<std::string, std::string> labels;
    const bool bare = selector->matches(labels);
    labels["role"] = "web";
    static_cast<void>(selector->matches(labels));
    labels.clear();
    MM_CLAIM(selector->matches(labels) == bare);
  } else {
    MM_CLAIM(!selector.error().message.empty());
  }

  namespace rules = controller::rules;
  if (const auto share = rules::parse_share(text)) {
    MM_CLAIM(share->of(100) >= 1);
    MM_CLAIM(!share->percent || share->of(100) <= 100);
  }
  const std::string pattern = text.substr(0, text.find('\n'));
  const std::string subject = text.substr(std::min(text.size(), pattern.size() + 1));
  if (pattern.size() <= 64 && subject.size() <= 64) {
    MM_CLAIM(glob_matches("*", subject));
    if (pattern.find_first_of("*?") == std::string::npos)
      MM_CLAIM(glob_matches(pattern, subject) == (pattern == subject));
  }
  MM_CLAIM(!rules::is_name(text) || (text.size() <= 63 && glob_matches(text, text)));

  MM_CLAIM(valid_utf8(valid_utf8(text)) == valid_utf8(text));
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t length = utf8_length(rest);
    MM_CLAIM(length <= rest.size() && length <= 4);
    rest.remove_prefix(length == 0 ? 1 : length);
  }

  MM_CLAIM(normal_uuid(normal_uuid(text)) == normal_uuid(text));
  MM_CLAIM(normal_serial(normal_serial(text)) == normal_serial(text));
  MM_CLAIM(normal_mac(normal_mac(text)) == normal_mac(text));
  MM_CLAIM(!usable_mac(text) || normal_mac(text).size() == 17);

  // What a URL carries to get in must not get into a message.
  const std::string shown = media::printable_url("https://user:hunter2@host/" + pattern + "?token=hunter2");
  MM_CLAIM(pattern.find("hunter2") != std::string::npos || shown.find("hunter2") == std::string::npos);

  if (const auto tokens = families::template_tokens(text)) {
    for (const auto& token : *tokens) {
      const bool opens = token.kind == families::TemplateToken::Kind::section ||
                         token.kind == families::TemplateToken::Kind::inverted;
      MM_CLAIM(!opens || token.end < tokens->size());
    }
  }
  return 0;
}
