// exp, log, tanh, erf and the normal distribution on vectors: f32 to about 2 ulp, f64 to a few. NaN in, NaN
// out. The polynomials are our own Chebyshev or Remez fits (made with mpmath at 50 digits). Included once per
// target.
#if defined(LOCKSTEP_CORE_CPU_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOCKSTEP_CORE_CPU_SIMD_MATH_INL_H_
#undef LOCKSTEP_CORE_CPU_SIMD_MATH_INL_H_
#else
#define LOCKSTEP_CORE_CPU_SIMD_MATH_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>

#include <limits>

#include "core/cpu/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {

// c0 + x (c1 + x (c2 + ...))
template <typename T>
HWY_INLINE Vec<T> polynomial(Vec<T>, T c) {
  return set<T>(c);
}
template <typename T, typename... Rest>
HWY_INLINE Vec<T> polynomial(Vec<T> x, T c, Rest... rest) {
  return hn::MulAdd(polynomial<T>(x, rest...), x, set<T>(c));
}

// y 2^n for the n that is the low bits of `shifted` = n + 1.5 2^(mantissa bits): adds to y's exponent.
template <typename T>
HWY_INLINE Vec<T> scale_by_power(Vec<T> y, Vec<T> shifted) {
  const hn::RebindToSigned<Tag<T>> di;
  constexpr int mantissa_bits = std::numeric_limits<T>::digits - 1;
  return hn::BitCast(Tag<T>(),
                     hn::Add(hn::BitCast(di, y), hn::ShiftLeft<mantissa_bits>(hn::BitCast(di, shifted))));
}

// Adding this rounds |x| < 2^21 to an integer, which the low bits of the sum then hold.
template <typename T>
inline constexpr T rounding_shift = T(1.5) *
                                    static_cast<T>(std::int64_t{1} << (std::numeric_limits<T>::digits - 1));

// 2^x, with shifted = x + rounding_shift and f = x less the integer in `shifted`; 0 below the smallest normal
// number.
template <typename T>
HWY_INLINE Vec<T> exp2_of_parts(Vec<T> x, Vec<T> shifted, Vec<T> f) {
  Vec<T> y;
  if constexpr (sizeof(T) == 4) {
    y = polynomial<T>(f, 1.0f, 0.693146975f, 0.240222388f, 0.0555073625f, 0.00967172565f, 0.00132644704f);
  } else {
    y = polynomial<T>(f, 1.0, 0.693147180559945326, 0.240226506959101325, 0.0555041086648200536,
                      0.0096181291075935716, 0.00133335581467800939, 0.000154035304578749365,
                      0.000015252733489455158, 1.32154348715573886e-6, 1.01782004588272599e-7,
                      7.07385843890214063e-9, 4.43473085395646711e-10);
  }
  const Vec<T> too_small = set<T>(sizeof(T) == 4 ? T(-126) : T(-1022));
  return hn::IfThenZeroElse(hn::Lt(x, too_small), scale_by_power<T>(y, shifted));
}

// 2^x for x <= 0, as softmax needs it. About 12 operations a vector.
template <typename T>
HWY_INLINE Vec<T> exp2_negative(Vec<T> x) {
  const Vec<T> shifted = hn::Add(x, set<T>(rounding_shift<T>));
  return exp2_of_parts<T>(x, shifted, hn::Sub(x, hn::Sub(shifted, set<T>(rounding_shift<T>))));
}

// The same of x + low, where `low` is what was rounded off x.
template <typename T>
HWY_INLINE Vec<T> exp2_negative(Vec<T> x, Vec<T> low) {
  const Vec<T> shifted = hn::Add(x, set<T>(rounding_shift<T>));
  const Vec<T> f = hn::Add(hn::Sub(x, hn::Sub(shifted, set<T>(rounding_shift<T>))), low);
  return exp2_of_parts<T>(x, shifted, f);
}

// e^x.
template <typename T>
HWY_INLINE Vec<T> exp(Vec<T> x) {
  constexpr bool single = sizeof(T) == 4;
  const Vec<T> most = set<T>(single ? T(89) : T(710)), least = set<T>(single ? T(-104) : T(-746));
  const Vec<T> clamped = hn::Min(hn::Max(x, least), most);  // NaN is put back at the end
  const Vec<T> shifted =
      hn::MulAdd(clamped, set<T>(static_cast<T>(1.4426950408889634074)), set<T>(rounding_shift<T>));
  const Vec<T> n = hn::Sub(shifted, set<T>(rounding_shift<T>));
  // r = x - n ln 2 in two steps; n times the high part of ln 2 is exact.
  const Vec<T> high = set<T>(single ? T(0.693359375) : T(6.93147180369123816490e-01));
  const Vec<T> rest = set<T>(single ? T(-2.12194440054690583e-4) : T(1.90821492927058770002e-10));
  const Vec<T> r = hn::NegMulAdd(n, rest, hn::NegMulAdd(n, high, clamped));
  Vec<T> p;
  if constexpr (single) {
    p = polynomial<T>(r, 0.499999934f, 0.166665195f, 0.0416684006f, 0.00836885091f, 0.00138143502f);
  } else {
    p = polynomial<T>(r, 0.500000000000001083, 0.166666666666664078, 0.0416666666665281002,
                      0.00833333333349685724, 0.0013888888944250188, 0.000198412695028576624,
                      0.0000248014923871936346, 2.75575883334849597e-6, 2.76305238892027836e-7,
                      2.49998823805672287e-8);
  }
  const Vec<T> y = hn::Add(set<T>(T(1)), hn::MulAdd(hn::Mul(r, r), p, r));
  // 2^n as two factors, for the results that are subnormal or just below infinity.
  const Vec<T> half = hn::Add(hn::Mul(n, set<T>(T(0.5))), set<T>(rounding_shift<T>));
  const Vec<T> other =
      hn::Add(hn::Sub(n, hn::Sub(half, set<T>(rounding_shift<T>))), set<T>(rounding_shift<T>));
  const Vec<T> one = set<T>(T(1));
  const Vec<T> result = hn::Mul(hn::Mul(y, scale_by_power<T>(one, half)), scale_by_power<T>(one, other));
  const Vec<T> overflow = set<T>(std::numeric_limits<T>::infinity());
  return hn::IfThenElse(hn::IsNaN(x), x, hn::IfThenElse(hn::Ge(x, most), overflow, result));
}

// Natural logarithm; log(0) = -inf, of negative numbers NaN.
template <typename T>
HWY_INLINE Vec<T> log(Vec<T> x) {
  const Tag<T> d;
  const Vec<T> infinity = set<T>(std::numeric_limits<T>::infinity());
  const Vec<T> nan = set<T>(std::numeric_limits<T>::quiet_NaN());
  const Vec<T> inside = hn::Log(d, x);
  const Vec<T> low = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), nan);  // x <= 0 or NaN
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::IfThenElse(hn::Eq(x, infinity), x, inside), low);
}

// 1 / (1 + e^-x)
template <typename T>
HWY_INLINE Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> one = set<T>(T(1));
  return hn::Div(one, hn::Add(one, exp<T>(hn::Neg(x))));
}

// Odd polynomial near 0, 1 - 2 / (e^2|x| + 1) further out.
template <typename T>
HWY_INLINE Vec<T> tanh(Vec<T> x) {
  const Vec<T> size = hn::Abs(x), square = hn::Mul(x, x), one = set<T>(T(1)), two = set<T>(T(2));
  Vec<T> p;
  if constexpr (sizeof(T) == 4) {
    p = polynomial<T>(square, -0.3333332843f, 0.1333271885f, -0.05384326318f, 0.02096132911f,
                      -0.006045165097f);
  } else {
    p = polynomial<T>(square, -0.3333333333333333282, 0.1333333333333296228, -0.05396825396781053997,
                      0.02186948851535234693, -0.008863235024306105984, 0.003592120760870840992,
                      -0.001455767694065945462, 0.0005896221486872059862, -0.000237467565982232508,
                      0.00009232749708085370957, -0.00003092912547386467015, 6.35434081485971921e-6);
  }
  const Vec<T> near = hn::MulAdd(hn::Mul(size, square), p, size);
  const Vec<T> far = hn::Sub(one, hn::Div(two, hn::Add(exp<T>(hn::Mul(two, size)), one)));
  return hn::CopySignToAbs(hn::IfThenElse(hn::Lt(size, set<T>(T(0.625))), near, far), x);
}

// What gelu and erf need of the normal distribution at x: the density without its constant, exp(-x^2 / 2),
// and the probability of the tail beyond |x|, which keeps its relative accuracy however small it gets.
template <typename T>
struct NormalTail {
  Vec<T> bell, tail;

  // tail = bell P(s) / (a + 4) with a = |x| and s = (a - 4) / (a + 4): P is smooth on all of [-1, 1].
  HWY_INLINE explicit NormalTail(Vec<T> x) {
    const Vec<T> a = hn::Min(hn::Abs(x), set<T>(T(40))), four = set<T>(T(4));  // the tail beyond 40 is 0
    const Vec<T> square = hn::Mul(a, a);
#if HWY_TARGET == HWY_SCALAR
    bell = exp<T>(hn::Mul(square, set<T>(T(-0.5))));
#else
    // 2^(c a^2) with c = -log2(e) / 2; fused multiply-adds keep what the roundings of c, a^2 and their
    // product lose.
    constexpr long double exact = -0.72134752044448170367996L;
    constexpr T c = static_cast<T>(exact), rest = static_cast<T>(exact - static_cast<long double>(c));
    const Vec<T> power = hn::Mul(square, set<T>(c));
    const Vec<T> lost = hn::MulAdd(hn::MulSub(a, a, square), set<T>(c), hn::MulSub(square, set<T>(c), power));
    bell = exp2_negative<T>(power, hn::MulAdd(square, set<T>(rest), lost));
#endif
    const Vec<T> r = hn::Div(set<T>(T(1)), hn::Add(a, four));
    const Vec<T> s = hn::NegMulAdd(r, set<T>(T(8)), set<T>(T(1)));
    Vec<T> p;
    if constexpr (sizeof(T) == 4) {
      p = polynomial<T>(s, 0.7552851383f, -0.6078966183f, 0.3871366841f, -0.1865226849f, 0.06040668873f,
                        -0.007529250703f, -0.0035261837f, 0.001572317879f, 0.0002012617303f,
                        -0.0001201844011f);
    } else {
      p = polynomial<T>(s, 0.7552851304157514929, -0.6078966419718920878, 0.3871374007422146557,
                        -0.1865218579596593708, 0.06039657489093021563, -0.007540188966659892779,
                        -0.003479692367252080827, 0.001630818456623573289, 0.0001333443107426556025,
                        -0.0002310949275146249678, -1.908246736207169732e-6, 0.00003514464951429031794,
                        7.166136531522344406e-7, -5.920063789109943421e-6, -6.295418937455187947e-7,
                        1.021346127668307426e-6, 2.715064876688306314e-7, -1.547220083448871983e-7,
                        -8.504053459156654793e-8, 1.312087826831195134e-8, 1.934655833076747295e-8,
                        1.964327680621977122e-9, -2.416548080318924628e-9, -7.268553477210609046e-10,
                        -1.428076375615486078e-11);
    }
    tail = hn::Mul(bell, hn::Mul(p, r));
  }
};

// The probability below x.
template <typename T>
HWY_INLINE Vec<T> normal_probability(const NormalTail<T>& at, Vec<T> x) {
  return hn::IfThenElse(hn::Lt(x, hn::Zero(Tag<T>())), at.tail, hn::Sub(set<T>(T(1)), at.tail));
}

template <typename T>
HWY_INLINE Vec<T> erf(Vec<T> x) {
  const Vec<T> square = hn::Mul(x, x), size = hn::Abs(x);
  Vec<T> p;
  if constexpr (sizeof(T) == 4) {
    p = polynomial<T>(square, 1.128379166f, -0.3761262787f, 0.1128353312f, -0.02684390014f, 0.005136527572f,
                      -0.0006933527665f);
  } else {
    p = polynomial<T>(square, 1.128379167095512574, -0.3761263890318374123, 0.1128379167095422636,
                      -0.02686617064485021885, 0.00522397762093499315, -0.0008548326601313970645,
                      0.0001205530829679571148, -0.00001492472113747272707, 1.643955163937164165e-6,
                      -1.602285887080611625e-7, 1.180051142455155849e-8);
  }
  const NormalTail<T> at(hn::Mul(size, set<T>(static_cast<T>(1.4142135623730950488))));
  const Vec<T> far = hn::NegMulAdd(set<T>(T(2)), at.tail, set<T>(T(1)));
  const Vec<T> y = hn::IfThenElse(hn::Lt(square, set<T>(T(0.5))), hn::Mul(size, p), far);
  return hn::IfThenElse(hn::IsNaN(x), x, hn::CopySignToAbs(y, x));
}

}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
