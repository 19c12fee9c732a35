// Convolution as products with columns (core/cpu/simd/columns.h), some images at a time.
#include <algorithm>

#include "core/conv_kernels.h"
#include "core/cpu/arrangement.h"
#include "core/cpu/cpu_kernels.h"
#include "core/cpu/simd/blocks.h"
#include "core/cpu/simd/columns.h"
#include "core/cpu/simd/thin_columns.h"
#include "core/cpu/winograd.h"
#include "core/runtime/observer.h"
#include "core/runtime/parallel.h"

namespace lockstep::cpu {

namespace {

// Of one group: channels of y, numbers in a window, channels of x, numbers of a window in each, places.
struct Sizes {
  explicit Sizes(const ConvShape& shape)
      : m(shape.out / shape.groups),
        channels(shape.in / shape.groups),
        window(ConvShape::product(shape.window)),
        k(channels * window),
        places(ConvShape::product(shape.places)),
        x_image(shape.in * ConvShape::product(shape.size)),
        y_image(shape.out * places) {}
  std::int64_t m, channels, window, k, places;
  std::int64_t x_image, y_image;  // of all groups

  // So few rows that packing columns for them takes longer than reading them again.
  bool thin() const { return m <= 8; }
  // A matrix product for each image, without columns.
  bool pointwise(const Arrangement& arrangement) const {
    return window == 1 && arrangement.in_place() && places >= 128 && !thin();
  }
  // Products of about 10 us.
  std::int64_t grain(std::int64_t multiplications) const { return 300000 / multiplications + 1; }
};

// x's columns and what they are multiplied with, for some images from the arrangement's data on.
template <typename T>
struct Call {
  const ConvShape& shape;
  const Arrangement arrangement{shape};
  const Sizes of{shape};
  const Maps maps{shape, arrangement.images()};

  static Buffer buffer(std::int64_t numbers) { return Buffer(static_cast<std::size_t>(numbers) * sizeof(T)); }

  // Calls body(first image, images, memory for their arranged copy). Where it may and they can be dealt out
  // evenly, each thread takes some of them; else threads share each call's work.
  template <typename Body>
  void for_images(bool dealt_out, const Body& body) const {
    const std::int64_t size = arrangement.images(), parts = (shape.images + size - 1) / size,
                       threads = Threads::count();
    const auto some = [&](std::int64_t begin, std::int64_t end) {
      const Buffer copy = buffer(arrangement.in_place() ? 0 : size * arrangement.image_size());
      for (std::int64_t i = begin; i < end; ++i)
        body(i * size, std::min(size, shape.images - i * size), static_cast<T*>(copy.data()));
    };
    if (!dealt_out || (parts % threads != 0 && parts < 4 * threads)) return some(0, parts);
    parallel_for(parts, of.grain(of.m * of.k * shape.groups * of.places * size), some);
  }

  // x itself, or its arranged copy.
  const T* arranged(T* copy, const T* x, std::int64_t images) const {
    if (arrangement.in_place()) return x;
    arrangement.arrange(copy, x, images);
    return copy;
  }

  // Of one channel of one image.
  template <typename U>
  Columns<U> channel(U* data, std::int64_t image, std::int64_t channel) const {
    Columns<U> columns = arrangement.columns(
        data + image * arrangement.image_size() + channel * arrangement.group_size() / of.channels, 1);
    columns.rows = columns.rows.first(static_cast<std::size_t>(of.window));
    return columns;
  }

  void forward(T* y, const T* x, const T* weight, const T* bias) const {
    if (winograd_suits(shape) && winograd_forward(shape, y, x, weight, bias)) return;
    if (of.pointwise(arrangement)) return pointwise_forward(y, x, weight, bias);
    for_images(true, [&](std::int64_t n, std::int64_t images, T* copy) {
      const Buffer joint = buffer(images == 1 || of.thin() ? 0 : of.m * images * of.places);
      const T* const data = arranged(copy, x + n * of.x_image, images);
      T* const to = y + n * of.y_image;
      if (of.thin()) return thin_forward(to, data, images, weight, bias);
      for (std::int64_t g = 0; g < shape.groups; ++g) {
        T* const c = images == 1 ? to + g * of.m * of.places : static_cast<T*>(joint.data());
        product_with_columns<T>(of.m, {weight + g * of.m * of.k, of.k, 1},
                                arrangement.columns(data + g * arrangement.group_size(), images),
                                bias == nullptr ? nullptr : bias + g * of.m, c, images * of.places);
        for (std::int64_t i = 0; images > 1 && i < images; ++i) {
          for (std::int64_t o = 0; o < of.m; ++o)
            std::copy_n(c + (o * images + i) * of.places, of.places,
                        to + i * of.y_image + (g * of.m + o) * of.places);
        }
      }
    });
  }

  // Calls body(number of images and groups, group): threads share each product, or take some of them.
  template <typename Body>
  void for_products(const Body& body) const {
    const std::int64_t count = shape.images * shape.groups;
    const auto some = [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) body(i, i % shape.groups);
    };
    if (count < Threads::count()) return some(0, count);
    parallel_for(count, of.grain(of.m * of.k * of.places), some);
  }

  void pointwise_forward(T* y, const T* x, const T* weight, const T* bias) const {
    for_products([&](std::int64_t i, std::int64_t g) {
      T* const to = y + i * of.m * of.places;
      for (std::int64_t o = 0; bias != nullptr && o < of.m; ++o)
        std::fill_n(to + o * of.places, of.places, bias[g * of.m + o]);
      product<T>(of.m, of.places, of.k, {weight + g * of.m * of.k, of.k, 1},
                 {x + i * of.k * of.places, of.places, 1}, bias != nullptr, to, of.places, nullptr);
    });
  }

  void thin_forward(T* y, const T* data, std::int64_t images, const T* weight, const T* bias) const {
    const Columns<const T> first = arrangement.columns(data, 1);
    const auto runs = static_cast<std::int64_t>(first.runs.size());
    parallel_for(images * shape.groups * runs, of.grain(of.m * of.k * of.places / runs),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end;) {
                     const std::int64_t unit = i / runs, run = i % runs, g = unit % shape.groups,
                                        count = std::min(runs - run, end - i);
                     const Columns<const T> columns{
                         data + unit * arrangement.group_size(), first.rows,
                         first.runs.subspan(static_cast<std::size_t>(run), static_cast<std::size_t>(count))};
                     thin_product(of.m, weight + g * of.m * of.k, of.k, columns,
                                  bias == nullptr ? nullptr : bias + g * of.m, y + unit * of.m * of.places,
                                  of.places);
                     i += count;
                   }
                 });
  }

  void pointwise_backward_x(T* dx, bool accumulate, const T* dy, const T* weight) const {
    for_products([&](std::int64_t i, std::int64_t g) {
      product<T>(of.k, of.places, of.m, {weight + g * of.m * of.k, 1, of.k},
                 {dy + i * of.m * of.places, of.places, 1}, accumulate, dx + i * of.k * of.places, of.places,
                 nullptr);
    });
  }

  // Whether form(memory for `count` numbers) gave what belongs to the target.
  template <typename Form>
  static bool formed(T* target, bool accumulate, std::int64_t count, const Form& form) {
    if (!accumulate) return form(target);
    const Buffer sum = buffer(count);
    T* const result = static_cast<T*>(sum.data());
    if (!form(result)) return false;
    scatter_rows<T>(target, 0, 1, result, 0, 1, count, true);
    return true;
  }

  void backward_x(T* dx, bool accumulate, const T* dy, const T* weight) const {
    const auto winograd = [&](T* to) { return winograd_backward_x(shape, to, dy, weight); };
    if (winograd_suits_backward_x(shape) && formed(dx, accumulate, shape.images * of.x_image, winograd))
      return;
    if (of.pointwise(arrangement)) return pointwise_backward_x(dx, accumulate, dy, weight);
    if (transposable()) return transposed_backward_x(dx, accumulate, dy, weight);
    const bool in_place = arrangement.in_place(),
               distinct = arrangement.distinct() && !(in_place && accumulate) && !of.thin();
    for_images(true, [&](std::int64_t n, std::int64_t images, T* copy) {
      T* const data = in_place ? dx + n * of.x_image : copy;
      if (!distinct && !(in_place && accumulate)) std::fill_n(data, images * arrangement.image_size(), T(0));
      const T* const from = dy + n * of.y_image;
      if (of.thin()) {
        parallel_for(images * shape.in, of.grain(of.m * of.window * of.places),
                     [&](std::int64_t begin, std::int64_t end) {
                       for (std::int64_t i = begin; i < end; ++i) {
                         const std::int64_t image = i / shape.in, c = i % shape.in, g = c / of.channels;
                         thin_add(of.m, channel(data, image, c),
                                  weight + g * of.m * of.k + c % of.channels * of.window, of.k,
                                  from + image * of.y_image + g * of.m * of.places, of.places);
                       }
                     });
      }
      for (std::int64_t g = 0; !of.thin() && g < shape.groups; ++g)
        add_to_columns<T>(arrangement.columns(data + g * arrangement.group_size(), images), of.window,
                          distinct, weight + g * of.m * of.k,
                          maps.columns(from + g * of.m * of.places, images));
      if (!in_place) arrangement.restore(dx + n * of.x_image, data, images, accumulate);
    });
  }

  // Whether dx is a convolution of dy, and reversing the windows costs less than adding columns up.
  bool transposable() const {
    bool all = of.thin() || (of.window > 1 && shape.images * of.places > 8 * of.m);
    for (std::size_t i = 0; i < 3; ++i)
      all = all && shape.step[i] == 1 && shape.before[i] <= shape.spacing[i] * (shape.window[i] - 1);
    return all;
  }

  // With the window's elements in reverse order, and x's and y's channels exchanged.
  void transposed_backward_x(T* dx, bool accumulate, const T* dy, const T* weight) const {
    const ConvShape back = transposed(shape);
    const Buffer reversed = buffer(shape.groups * of.m * of.k);
    T* to = static_cast<T*>(reversed.data());
    for (std::int64_t c = 0; c < shape.in; ++c) {
      for (std::int64_t o = 0; o < of.m; ++o) {
        const T* const window = weight + (c / of.channels * of.m + o) * of.k + c % of.channels * of.window;
        to = std::reverse_copy(window, window + of.window, to);
      }
    }
    formed(dx, accumulate, shape.images * of.x_image, [&](T* result) {
      Call{back}.forward(result, dy, static_cast<const T*>(reversed.data()), nullptr);
      return true;
    });
  }

  void backward_weight(T* dweight, bool accumulate, const T* dy, const T* x) const {
    const std::int64_t size = of.k * of.m;
    const auto winograd = [&](T* to) { return winograd_backward_weight(shape, to, dy, x); };
    if (winograd_suits(shape) && formed(dweight, accumulate, shape.groups * size, winograd)) return;
    const bool direct = of.window == 1 && of.k <= of.m;  // the smaller one is packed transposed
    const Buffer transposed = buffer(of.thin() || direct ? 0 : shape.groups * size);
    T* const sums = static_cast<T*>(transposed.data());
    for_images(false, [&](std::int64_t n, std::int64_t images, T* copy) {
      const T* const data = arranged(copy, x + n * of.x_image, images);
      const T* const from = dy + n * of.y_image;
      if (of.thin()) {
        parallel_for(shape.in, of.grain(images * of.m * of.window * of.places),
                     [&](std::int64_t begin, std::int64_t end) {
                       for (std::int64_t c = begin; c < end; ++c) {
                         const std::int64_t g = c / of.channels;
                         for (std::int64_t i = 0; i < images; ++i)
                           thin_gradient(of.m, channel(data, i, c),
                                         from + i * of.y_image + g * of.m * of.places, of.places,
                                         accumulate || n + i > 0,
                                         dweight + g * size + c % of.channels * of.window, of.k);
                       }
                     });
        return;
      }
      for (std::int64_t g = 0; g < shape.groups; ++g) {
        const Columns<const T> columns = arrangement.columns(data + g * arrangement.group_size(), images),
                               dys = maps.columns(from + g * of.m * of.places, images);
        if (direct) {
          product_of_columns<T>(dys, columns, accumulate || n > 0, dweight + g * size);
        } else {
          product_of_columns<T>(columns, dys, n > 0, sums + g * size);
        }
      }
    });
    for (std::int64_t g = 0; !of.thin() && !direct && g < shape.groups; ++g)
      transpose_to(dweight + g * size, sums + g * size, of.k, of.m, accumulate);
  }

  void backward_bias(T* dbias, bool accumulate, const T* dy) const {
    parallel_for(shape.out, of.grain(shape.images * of.places), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t o = begin; o < end; ++o) {
        const double sum = sum_of_rows(dy + o * of.places, of.y_image, shape.images, of.places);
        dbias[o] = static_cast<T>(sum + (accumulate ? dbias[o] : T(0)));
      }
    });
  }
};

class Conv final : public ConvKernels {
 public:
  void forward(const Tensor& y, const Tensor& x, const Tensor& weight, const Tensor& bias,
               const ConvShape& shape) const override {
    const Sizes of(shape);
    observe({shape.groups, false, false, of.m, shape.images * of.places, of.k, false});
    dispatch_real(y.dtype(), [&](auto t) {
      using T = decltype(t);
      Call<T>{shape}.forward(y.data<T>(), x.data<T>(), weight.data<T>(), data_or_null<T>(bias));
    });
  }
  void backward_x(const Target& dx, const Tensor& dy, const Tensor& weight,
                  const ConvShape& shape) const override {
    const Sizes of(shape);
    observe({shape.groups, true, false, of.k, shape.images * of.places, of.m, dx.accumulate});
    dispatch_real(dy.dtype(), [&](auto t) {
      using T = decltype(t);
      Call<T>{shape}.backward_x(dx.buffer.data<T>(), dx.accumulate, dy.data<T>(), weight.data<T>());
    });
  }
  void backward_weight(const Target& dweight, const Tensor& dy, const Tensor& x,
                       const ConvShape& shape) const override {
    const Sizes of(shape);
    observe({shape.groups, false, true, of.m, of.k, shape.images * of.places, dweight.accumulate});
    dispatch_real(dy.dtype(), [&](auto t) {
      using T = decltype(t);
      Call<T>{shape}.backward_weight(dweight.buffer.data<T>(), dweight.accumulate, dy.data<T>(), x.data<T>());
    });
  }
  void backward_bias(const Target& dbias, const Tensor& dy, const ConvShape& shape) const override {
    dispatch_real(dy.dtype(), [&](auto t) {
      using T = decltype(t);
      Call<T>{shape}.backward_bias(dbias.buffer.data<T>(), dbias.accumulate, dy.data<T>());
    });
  }

 private:
  static void observe(const lockstep::Product& product) {
    if (Observer* const observer = Observer::current()) observer->product(product);
  }
};

}  // namespace

const ConvKernels* CpuKernels::convolution() const {
  static const Conv conv;
  return has_product() ? &conv : nullptr;
}

}  // namespace lockstep::cpu
