#pragma once

#include <string>
#include <string_view>
#include <vector>

// Plain text in columns, for the terminal.
namespace lockstep::train {

// Lines of text are no longer than this, however wide the terminal is.
inline constexpr int page_width = 110;

// Columns that UTF-8 text takes, one for each code point; colours (SGR codes) take none.
int display_width(std::string_view text);

// Lines of at most `width` columns, broken between words; a longer word keeps a line of its own.
std::vector<std::string> wrap(std::string_view text, int width);

// Lines of at most `width` columns and a page, each with its line break.
std::string paragraph(std::string_view text, int width);

// `head` and the text behind it, wrapped: further lines begin below the text. Ends with a line break.
std::string hanging(std::string_view head, std::string_view text, int width);

// Every line of the text behind so many blanks.
std::string indented(std::string_view text, int blanks);

// `text`, padded with blanks to `width` columns.
std::string padded(std::string_view text, int width);

// Text that may come from a file, as it may go to a terminal: control characters other than line breaks and
// tabs are written out ("\\x1b"), so that a name moves no cursor and sets no title.
std::string printable(std::string_view text);

}  // namespace lockstep::train
