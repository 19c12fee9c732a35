#pragma once

#include <limits>
#include <string>
#include <vector>

namespace lockstep::train {

// A width that everything fits: of what is no terminal, so that a file or a pipe gets a line for each row.
inline constexpr int unlimited = std::numeric_limits<int>::max();

struct Column {
  std::string head;    // may be empty
  bool right = false;  // numbers
  int least = 0;       // columns of the terminal, at least
};

// A table for a terminal of `width` columns (train/text/terminal.h). Where its columns do not fit, each row
// becomes a block: its first cell, and below it the others, each on a line after its head, wrapped.
//
//   Table table({{"arm"}, {"steps", true}}, terminal_columns(STDOUT_FILENO, unlimited));
//   table.add({"A0", "71.2"}).add({"A1", "73.7"}, {"a remark below the row"});
//   show_text(table.text());
class Table {
 public:
  using Cells = std::vector<std::string>;  // one for each column; may have colours (SGR codes)

  Table(std::vector<Column> columns, int width);
  // `below`: paragraphs below the row, no wider than a page.
  Table& add(Cells cells, std::vector<std::string> below = {});
  // A line between the head and the rows.
  Table& ruled();
  std::string text() const;

  // Row by row, as they come, in columns of their least widths.
  std::string head() const;
  std::string row(const Cells& cells, const std::vector<std::string>& below = {}) const;

 private:
  struct Row {
    Cells cells;
    std::vector<std::string> below;
  };
  bool fits() const;
  std::string line(const Cells& cells) const;
  std::string block(const Cells& cells) const;

  std::vector<Column> columns_;
  int width_;
  bool ruled_ = false;
  std::vector<Row> rows_;
};

}  // namespace lockstep::train
