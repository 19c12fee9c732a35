#include "train/text/table.h"

#include <algorithm>

#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

constexpr int gap = 2;     // blanks between columns
constexpr int indent = 4;  // of what stands below a row

std::string blanks(int n) { return std::string(static_cast<std::size_t>(std::max(n, 0)), ' '); }

}  // namespace

Table::Table(std::vector<Column> columns, int width) : columns_(std::move(columns)), width_(width) {
  for (Column& column : columns_) column.least = std::max(column.least, display_width(column.head));
}

Table& Table::add(Cells cells, std::vector<std::string> below) {
  for (std::size_t i = 0; i < cells.size(); ++i)
    columns_.at(i).least = std::max(columns_[i].least, display_width(cells[i]));
  rows_.push_back({std::move(cells), std::move(below)});
  return *this;
}

Table& Table::ruled() {
  ruled_ = true;
  return *this;
}

bool Table::fits() const {
  int across = -gap;
  for (const Column& column : columns_) across += column.least + gap;
  return across <= width_;
}

std::string Table::line(const Cells& cells) const {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string fill = blanks(columns_[i].least - display_width(cells[i]));
    text += columns_[i].right ? fill + cells[i] : cells[i] + fill;
    text += blanks(gap);
  }
  return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
}

std::string Table::block(const Cells& cells) const {
  int heads = 0;
  for (std::size_t i = 1; i < columns_.size(); ++i) heads = std::max(heads, display_width(columns_[i].head));
  const int at = gap + heads + gap;
  const bool is_number = columns_.front().right && !columns_.front().head.empty();
  std::string text = (is_number ? columns_.front().head + " " : "") + cells.front() + "\n";
  for (std::size_t i = 1; i < cells.size(); ++i) {
    std::string before = blanks(gap) + padded(columns_[i].head, heads + gap);
    for (const std::string& part : wrap(cells[i], width_ - at)) {
      text += before + part + "\n";
      before = blanks(at);
    }
  }
  return text;
}

std::string Table::head() const {
  if (!fits()) return "";
  Cells heads;
  int across = -gap;
  for (const Column& column : columns_) {
    heads.push_back(column.head);
    across += column.least + gap;
  }
  return line(heads) + (ruled_ ? std::string(static_cast<std::size_t>(across), '-') + "\n" : "");
}

std::string Table::row(const Cells& cells, const std::vector<std::string>& below) const {
  std::string text = fits() ? line(cells) : block(cells);
  for (const std::string& paragraph : below) {
    for (const std::string& part : wrap(paragraph, std::min(width_, page_width) - indent))
      text += blanks(indent) + part + "\n";
  }
  return text;
}

std::string Table::text() const {
  std::string text = head();
  for (const Row& each : rows_) text += row(each.cells, each.below);
  return text;
}

}  // namespace lockstep::train
