#pragma once

#include <string>
#include <string_view>
#include <vector>

// Plain text in columns, for the terminal.
namespace lockstep::train {

// Columns that UTF-8 text takes, one for each code point.
int display_width(std::string_view text);

// Lines of at most `width` columns, broken between words; a longer word keeps a line of its own.
std::vector<std::string> wrap(std::string_view text, int width);

// The width of each column's widest cell.
std::vector<int> column_widths(const std::vector<std::vector<std::string>>& rows);

// `text`, padded with blanks to `width` columns.
std::string padded(std::string_view text, int width);

// Text that may come from a file, as it may go to a terminal: control characters other than line breaks and
// tabs are written out ("\\x1b"), so that a name moves no cursor and sets no title.
std::string printable(std::string_view text);

}  // namespace lockstep::train
