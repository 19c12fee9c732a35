#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

// What a stream (STDOUT_FILENO, STDERR_FILENO) is to a reader.
namespace lockstep::train {

// Columns of the terminal; `otherwise` where the stream is none, or does not say.
int terminal_columns(int stream, int otherwise);

// Of the standard output; unlimited (train/text/table.h) where it goes to a file or a program.
int output_width();

// A terminal that understands colours, of a user who did not set NO_COLOR (https://no-color.org: to anything
// but nothing).
bool wants_colour(int stream);

// The text in a colour or weight: an SGR code as "31" (red), "33" (yellow), "36" (cyan), "1" (bold), "2"
// (faint).
std::string coloured(std::string_view text, std::string_view code);

// Of several wordings, the longest first, the first that takes less than `columns`; the last one, cut, where
// none does: a line that wraps cannot be redrawn in place.
std::string fitting(std::initializer_list<std::string> wordings, int columns);

}  // namespace lockstep::train
