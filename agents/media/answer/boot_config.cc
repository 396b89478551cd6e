#include "agents/media/answer/boot_config.h"

#include <algorithm>
#include <map>
#include <optional>

#include "agents/media/answer/boot_words.h"
#include "common/families/family_catalogue.h"
#include "common/text/glob.h"

namespace metalmesh::media {
namespace {

using Words = std::vector<std::string_view>;

constexpr std::string_view argument_end = "---";  // Debian, Ubuntu: what follows is for the installed system

bool is_dropped(std::string_view word, const config::BootEdit& edit) {
  return std::ranges::any_of(edit.drop(), [&](const std::string& drop) {
    return drop.ends_with('=') ? word.starts_with(drop) : word == drop;
  });
}

/// The line's arguments as the edit wants them. `fixed` words at its head (command and kernel) stay.
std::string edited_arguments(std::string_view line, std::size_t fixed, const config::BootEdit& edit,
                             const std::vector<std::string>& arguments) {
  const Words words = words_of(line);
  std::string out(line.substr(0, line.find_first_not_of(" \t")));
  bool placed = false;
  const auto place = [&] {
    for (const std::string& argument : arguments) out += " " + argument;
    placed = true;
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i >= fixed && is_dropped(words[i], edit)) continue;
    if (!placed && i >= fixed && words[i] == argument_end) place();
    if (i != 0) out += ' ';
    out += words[i];
  }
  if (!placed) place();
  return out;
}

/// How many words of the line come before its kernel arguments; nothing when it starts no kernel.
std::optional<std::size_t> kernel_words(const Words& line, const config::BootEdit& edit) {
  if (line.empty()) return std::nullopt;
  if (edit.kernel().empty()) {
    const bool is_kernel = line[0] == "linux" || line[0] == "linuxefi" || line[0] == "linux16";
    return is_kernel && line.size() > 1 ? std::optional<std::size_t>(2) : std::nullopt;
  }
  for (const std::string& beginning : edit.kernel()) {
    const Words wanted = words_of(beginning);
    if (line.size() >= wanted.size() &&
        std::ranges::equal(wanted,
                           Words(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(wanted.size()))))
      return std::max<std::size_t>(wanted.size(), 2);
  }
  return std::nullopt;
}

class GrubEditor {
 public:
  GrubEditor(const config::BootEdit& edit, const std::vector<std::string>& arguments)
      : edit_(edit), arguments_(arguments) {}

  void line(std::string_view line) {
    const Words words = words_of(line);
    track_entries(words);
    if (const auto fixed = kernel_words(words, edit_)) {
      out_ += edited_arguments(line, *fixed, edit_, arguments_);
      ++kernels_;
      if (!chosen_ && in_entry_ &&
          glob_matches(edit_.entry().empty() ? "*" : edit_.entry(), title_, LetterCase::ignored))
        chosen_ = Entry{entries_ - 1, title_};
    } else if (!words.empty() && (words[0] == "initrd" || words[0] == "initrdefi")) {
      out_ += line;
      for (const std::string& file : edit_.initrd()) out_ += " " + file;
    } else {
      out_ += line;
    }
    leave_entries(words);
  }
  void end_line(std::string_view newline) { out_ += newline; }

  Result<std::string> finish() {
    if (kernels_ == 0) return fail(ErrorKind::unsupported, "no line of it starts a kernel");
    if (!chosen_) {
      return fail(ErrorKind::unsupported, edit_.entry().empty() ? "it has no menu entry that starts a kernel"
                                                                : "no entry is named " + edit_.entry());
    }
    if (!out_.ends_with('\n')) out_ += '\n';
    out_ += "set default=" + name_of(*chosen_) + "\nset timeout_style=menu\nset timeout=" +
            std::to_string(edit_.timeout() == 0 ? 1 : edit_.timeout()) + "\n";
    return std::move(out_);
  }

 private:
  struct Entry {
    std::size_t number;
    std::string title;
  };

  /// The title where it is unique, because a file may leave entries out by conditions of its own.
  [[nodiscard]] std::string name_of(const Entry& entry) const {
    const bool plain = !entry.title.empty() && entry.title.find_first_of("'\"\\$>") == std::string::npos;
    return plain && titles_.at(entry.title) == 1 ? "'" + entry.title + "'" : std::to_string(entry.number);
  }

  /// Options may come first: menuentry --hotkey=i 'Install' {
  static std::string title_of(const Words& words) {
    const auto title = std::find_if(words.begin() + 1, words.end(), [](std::string_view word) {
      return word.front() == '"' || word.front() == '\'';
    });
    return title != words.end() ? unquoted(*title) : std::string(words[1]);
  }

  /// Entries count from 0 at the top level only; a submenu is one of them, and what is inside cannot be the
  /// default.
  void track_entries(const Words& words) {
    if (words.empty() || words.back() != "{") return;
    const bool is_entry = words[0] == "menuentry";
    if (depth_ == 0 && (is_entry || words[0] == "submenu")) {
      ++entries_;
      in_entry_ = is_entry;
      title_ = title_of(words);
      ++titles_[title_];
    }
    ++depth_;
  }
  void leave_entries(const Words& words) {
    if (words.empty() || words[0] != "}" || depth_ == 0) return;
    if (--depth_ == 0) in_entry_ = false;
  }

  const config::BootEdit& edit_;
  const std::vector<std::string>& arguments_;
  std::string out_;
  std::size_t kernels_ = 0;
  std::size_t entries_ = 0;
  std::size_t depth_ = 0;
  bool in_entry_ = false;
  std::string title_;
  std::map<std::string, unsigned> titles_;
  std::optional<Entry> chosen_;
};

/// boot.cfg of ESXi: `kernelopt=` carries the arguments of the kernel.
class KeyValueEditor {
 public:
  KeyValueEditor(const config::BootEdit& edit, const std::vector<std::string>& arguments)
      : edit_(edit), arguments_(arguments) {}

  void line(std::string_view line) {
    const std::string key = edit_.kernel().empty() ? "kernelopt=" : edit_.kernel(0);
    if (!line.starts_with(key)) {
      out_ += line;
      return;
    }
    const std::string rest = edited_arguments(line.substr(key.size()), 0, edit_, arguments_);
    out_ += key + (rest.starts_with(' ') ? rest.substr(1) : rest);
    ++found_;
  }
  void end_line(std::string_view newline) { out_ += newline; }

  Result<std::string> finish() {
    if (found_ == 0) return fail(ErrorKind::unsupported, "no line of it carries kernel options");
    return std::move(out_);
  }

 private:
  const config::BootEdit& edit_;
  const std::vector<std::string>& arguments_;
  std::string out_;
  std::size_t found_ = 0;
};

template <class Editor>
Result<std::string> edit_lines(std::string_view text, Editor editor) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    const bool carriage = line.ends_with('\r');
    if (carriage) line.remove_suffix(1);
    editor.line(line);
    if (end == std::string_view::npos) break;
    editor.end_line(carriage ? "\r\n" : "\n");
    text.remove_prefix(end + 1);
  }
  return editor.finish();
}

}  // namespace

Result<std::string> edit_boot_config(std::string_view text, const config::BootEdit& edit,
                                     const std::vector<std::string>& arguments) {
  if (edit.syntax() == "keyvalue") return edit_lines(text, KeyValueEditor(edit, arguments));
  return edit_lines(text, GrubEditor(edit, arguments));
}

}  // namespace metalmesh::media
