#pragma once

#include <map>
#include <string>
#include <string_view>

namespace lockstep::train {

// Plain text as HTML, also inside a quoted attribute.
std::string html_escape(std::string_view text);

// JSON that may stand in a script element: "</script>" can't end it.
std::string in_script(std::string_view json);

// The template with every {{name}} replaced by its value, which is put in as it is. Throws for a name without
// a value.
std::string filled(std::string_view page, const std::map<std::string_view, std::string>& values);

}  // namespace lockstep::train
