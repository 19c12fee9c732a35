#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"

namespace lockstep {

// A logical part of a parameter: the rows [begin, end) that belong together. qkv.weight (3d, d) has the parts
// q, k and v. The name is that of the logical tensor, the same however it is stored: "blocks.0.attn.q.weight"
// stands for rows of blocks.0.attn.qkv.weight and for blocks.0.attn.to_q.weight alike. Keyed random numbers
// and conversions go by it.
struct LogicalPart {
  std::string name;
  std::int64_t begin = 0, end = 0;
  int heads = 1;  // equal groups of rows inside the part; 1 where there are no heads
};

// A trainable tensor with its path name ("blocks.0.attn.qkv.weight") and its logical parts, in the order of
// their rows. Most parameters have one part: themselves.
struct Parameter {
  std::string name;
  Tensor tensor;
  std::vector<LogicalPart> parts;
  bool trainable = true;  // false: a buffer, saved and loaded, never stepped
  bool derived = false;   // follows from the options: saved for others to read, never loaded
};

using ParameterList = std::vector<Parameter>;

// What a rule that looks at a whole matrix takes for one: the stored tensor, each of its parts, or each head
// in them.
enum class Granularity { tensor, part, head };

// Rows [begin, end) of a parameter that a granularity takes for one matrix.
struct RowRange {
  std::string name;  // "blocks.0.attn.q.weight", with "/head 2" appended for a head
  std::int64_t begin = 0, end = 0;
};

// The ranges of a parameter, which cover all of its rows in order; a scalar counts as one row, and a
// parameter without parts as one range.
std::vector<RowRange> row_ranges(const Parameter& parameter, Granularity granularity);

// The rows [range.begin, range.end) of a tensor shaped like the parameter (itself, its gradient, an
// optimizer's state): a view without history, (end - begin, ...). The range is not checked.
Tensor rows(const Tensor& tensor, const RowRange& range);

// "tensor", "part" or "head", and back. Throws for another word.
Granularity granularity_from(const std::string& name);
std::string to_string(Granularity granularity);

}  // namespace lockstep
