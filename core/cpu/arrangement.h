#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/conv_kernels.h"
#include "core/cpu/simd/blocks.h"
#include "core/cpu/simd/columns.h"
#include "core/runtime/parallel.h"

// How a convolution's columns are read from an arranged copy of x: zeros around it, and the positions of each
// dimension sorted by their remainder by the step. There a window's elements for neighbouring windows are
// neighbours, whatever the step, so that columns lie in runs. x that needs no copy is its own arrangement.
namespace lockstep::cpu {

// The convolution of dy that gives dx, with reversed windows and exchanged channels; for steps of 1 and at
// most spacing (window - 1) zeros in front.
inline ConvShape transposed(const ConvShape& shape) {
  ConvShape back = shape;
  std::swap(back.in, back.out);
  std::swap(back.size, back.places);
  for (std::size_t i = 0; i < 3; ++i)
    back.before[i] = shape.spacing[i] * (shape.window[i] - 1) - shape.before[i];
  return back;
}

// Positions `source`, `source` + step, ... of one dimension of x, side by side in the arranged copy.
struct Segment {
  std::int64_t to, source, count;
};

// One dimension of the arranged copy: a part for every remainder by the step that windows read, in each the
// positions with that remainder in their order, padding included.
struct ArrangedDim {
  std::int64_t step = 1, extent = 0;
  std::vector<std::int64_t> windows;  // where the first window's element w is
  std::vector<Segment> segments;      // what is no zero

  ArrangedDim(std::int64_t size, std::int64_t window, std::int64_t places, std::int64_t window_step,
              std::int64_t spacing, std::int64_t before)
      : step(window_step), windows(static_cast<std::size_t>(window)) {
    std::vector<std::pair<std::int64_t, std::int64_t>> sorted;  // remainder, element of a window
    for (std::int64_t w = 0; w < window; ++w) sorted.emplace_back(w * spacing % step, w);
    std::sort(sorted.begin(), sorted.end());
    for (auto next = sorted.begin(); next != sorted.end();) {
      const std::int64_t remainder = next->first;
      std::int64_t count = 0;
      for (; next != sorted.end() && next->first == remainder; ++next) {
        const std::int64_t place = next->second * spacing / step;
        windows[static_cast<std::size_t>(next->second)] = extent + place;
        count = place + places;
      }
      // Place i is position remainder + i step - before.
      const auto places_below = [&](std::int64_t position) {
        const std::int64_t distance = position + before - remainder;
        return distance <= 0 ? 0 : std::min((distance + step - 1) / step, count);
      };
      const std::int64_t first = places_below(0), last = places_below(size);
      if (first < last) segments.push_back({extent + first, remainder + first * step - before, last - first});
      extent += count;
    }
  }

  // The position at a place, or -1 for a zero.
  std::int64_t source(std::int64_t place) const {
    for (const Segment& s : segments) {
      if (place >= s.to && place < s.to + s.count) return s.source + (place - s.to) * step;
    }
    return -1;
  }

  std::int64_t covered() const {
    std::int64_t sum = 0;
    for (const Segment& s : segments) sum += s.count;
    return sum;
  }
};

class Arrangement {
 public:
  explicit Arrangement(const ConvShape& shape)
      : shape_(shape),
        dims_{dim(0), dim(1), dim(2)},
        channel_(dims_[0].extent * dims_[1].extent * dims_[2].extent) {
    for (std::size_t i = 0; i < 3; ++i) {
      in_place_ = in_place_ && shape.step[i] == 1 && dims_[i].extent == shape.size[i] && shape.before[i] == 0;
      distinct_ = distinct_ && shape.spacing[i] * (shape.window[i] - 1) < shape.step[i];
      covers_ = covers_ && dims_[i].covered() == shape.size[i];
    }
    const std::int64_t columns = ConvShape::product(shape.places);
    constexpr std::int64_t most_columns = 1024;
    const std::int64_t most = std::clamp<std::int64_t>(most_columns / columns, 1, shape.images),
                       parts = (shape.images + most - 1) / most;
    images_ = (shape.images + parts - 1) / parts;
    for (std::int64_t c = 0; c < shape.in / shape.groups; ++c) {
      for (const std::int64_t w0 : dims_[0].windows) {
        for (const std::int64_t w1 : dims_[1].windows) {
          for (const std::int64_t w2 : dims_[2].windows) rows_.push_back(c * channel_ + place(w0, w1, w2));
        }
      }
    }
    for (std::int64_t image = 0; image < images_; ++image) {
      for (std::int64_t i = 0; i < shape.places[0]; ++i) {
        for (std::int64_t j = 0; j < shape.places[1]; ++j) {
          const std::int64_t from = image * image_size() + place(i, j, 0);
          if (i + j > 0 && runs_.back().from + runs_.back().count == from) {
            runs_.back().count += shape.places[2];
          } else {
            runs_.push_back({from, column(image, i, j), shape.places[2]});
          }
        }
      }
    }
  }

  bool in_place() const { return in_place_; }      // x is its own arrangement
  bool distinct() const { return distinct_; }      // no element is in two windows
  std::int64_t images() const { return images_; }  // at a time
  std::int64_t image_size() const { return shape_.in * channel_; }
  std::int64_t group_size() const { return image_size() / shape_.groups; }

  // Of `images` images of one group, whose first number is at data.
  template <typename T>
  Columns<T> columns(T* data, std::int64_t images) const {
    const std::int64_t end = images * ConvShape::product(shape_.places);
    std::size_t count = 0;
    while (count < runs_.size() && runs_[count].column < end) ++count;
    return {data, rows_, {runs_.data(), count}};
  }

  // The arranged copy of images.
  template <typename T>
  void arrange(T* to, const T* x, std::int64_t images) const {
    for_planes(images, [&](std::int64_t arranged, std::int64_t source) {
      const ArrangedDim &down = dims_[1], &along = dims_[2];
      T* const plane = to + arranged;
      if (source < 0 || down.covered() * along.covered() < down.extent * along.extent)
        std::fill_n(plane, down.extent * along.extent, T(0));
      if (source < 0) return;
      for (const Segment& d : down.segments) {
        for (const Segment& a : along.segments)
          gather_rows(plane + d.to * along.extent + a.to, along.extent,
                      x + source + d.source * shape_.size[2] + a.source, shape_.step[1] * shape_.size[2],
                      shape_.step[2], d.count, a.count);
      }
    });
  }

  // Back from the arranged copy; what no window reads becomes 0, or is left alone if accumulate.
  template <typename T>
  void restore(T* x, const T* arranged, std::int64_t images, bool accumulate) const {
    if (!accumulate && !covers_) std::fill_n(x, images * shape_.in * ConvShape::product(shape_.size), T(0));
    for_planes(images, [&](std::int64_t from, std::int64_t to) {
      if (to < 0) return;
      const ArrangedDim &down = dims_[1], &along = dims_[2];
      for (const Segment& d : down.segments) {
        for (const Segment& a : along.segments)
          scatter_rows(x + to + d.source * shape_.size[2] + a.source, shape_.step[1] * shape_.size[2],
                       shape_.step[2], arranged + from + d.to * along.extent + a.to, along.extent, d.count,
                       a.count, accumulate);
      }
    });
  }

 private:
  ArrangedDim dim(std::size_t i) const {
    return {shape_.size[i], shape_.window[i],  shape_.places[i],
            shape_.step[i], shape_.spacing[i], shape_.before[i]};
  }
  std::int64_t place(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return (i * dims_[1].extent + j) * dims_[2].extent + k;
  }
  std::int64_t column(std::int64_t image, std::int64_t i, std::int64_t j) const {
    return ((image * shape_.places[0] + i) * shape_.places[1] + j) * shape_.places[2];
  }

  // Calls body(where a plane of the arranged copy begins, where that of x begins or -1 for a plane of zeros).
  template <typename Body>
  void for_planes(std::int64_t images, const Body& body) const {
    const std::int64_t channels = images * shape_.in, size = ConvShape::product(shape_.size);
    parallel_for(channels, 20000 / channel_ + 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t c = first; c < last; ++c) {
        for (std::int64_t i = 0; i < dims_[0].extent; ++i) {
          const std::int64_t source = dims_[0].source(i);
          body(c * channel_ + place(i, 0, 0),
               source < 0 ? -1 : c * size + source * shape_.size[1] * shape_.size[2]);
        }
      }
    });
  }

  const ConvShape shape_;
  const std::array<ArrangedDim, 3> dims_;
  const std::int64_t channel_;  // numbers of one
  bool in_place_ = true, distinct_ = true, covers_ = true;
  std::int64_t images_ = 1;
  std::vector<std::int64_t> rows_;
  std::vector<Run> runs_;
};

// y's numbers as a matrix (channels of a group, images places).
class Maps {
 public:
  Maps(const ConvShape& shape, std::int64_t images)
      : places_(ConvShape::product(shape.places)), image_(shape.out * places_) {
    for (std::int64_t o = 0; o < shape.out / shape.groups; ++o) rows_.push_back(o * places_);
    for (std::int64_t i = 0; i < images; ++i) runs_.push_back({i * image_, i * places_, places_});
  }
  template <typename T>
  Columns<const T> columns(const T* data, std::int64_t images) const {
    return {data, rows_, {runs_.data(), static_cast<std::size_t>(images)}};
  }

 private:
  std::int64_t places_, image_;
  std::vector<std::int64_t> rows_;
  std::vector<Run> runs_;
};

}  // namespace lockstep::cpu
