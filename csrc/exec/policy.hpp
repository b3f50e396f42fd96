// What the algorithms of core/ ask of an execution policy, in words and as a check.
//
// A policy is the machine that runs one problem: a CPU thread (Serial), several (Team), the threads
// of a CUDA block (Block). Algorithms are written once, against these methods; a policy never
// changes what they compute by how many threads it has. F is any function, n a std::ptrdiff_t.
//
//     for_each(n, f)        f(i) for every i < n, in any order, at the same time
//     once(f)               f() on one thread; the others wait
//     sum, min, max(n, f)   of f(i); sums are associated in a way that depends on n alone
//     alone()               the policy of one thread, for code inside for_each() and once()
//     brief()               the policy for phases too short to be shared
//     stopped()             whether the dense algebra was cut short because the user wants out
//
// Over arrays, of which logarithms are those of the smallest normal number for anything less:
//
//     log_each(n, x, out)   out[i] = log x[i], double and float; x may be out
//     exp_each(n, x, out)   out[i] = exp x[i], of doubles, as double or float
//     sum_xlogx(n, v)       of v log v, zero where v is
//     sum_squares(n, w, x)  of w x^2, in double precision
//
// Row-major products, of double and of float, a being m x k (k x m in the second) and c m x n:
//
//     times(a, b, m, k, n, c)              c = a b
//     transposed_times(a, b, k, m, n, c)   c = a' b
//     times_transposed(a, b, m, k, n, c)   c = a b'
//
// Column-major algebra, of which only lower triangles are read or written; what a factor keeps on
// its diagonal is the policy's affair:
//
//     cholesky(a, n, stride)               a <- L of a = L L'; false if that is not definite
//     solve_right(l, n, stride, b, rows)   b <- b L'^-1 for a panel b of rows x n
//     solve(l, n, stride, b)               b <- (L L')^-1 b
//     downdate(c, n, g, columns)           c <- c - g g' for a panel g of n x columns
//
// One thread alone has, besides, over n contiguous numbers: total(n, v), least(n, v), sum_xlogx(n,
// v), largest_sum(n, u0, v0, u1, v1) = max of u0 v0[j] + u1 v1[j], split_at_level(n, u, v, a, b,
// c), a SplitSum of w = u v and m = min(a, b), and sort(n, first, less), `less` being a strict
// total order so that every sort gives the same.
//
// Serial also works on packs, each number of which is several problems' (pack.hpp), in the loops,
// in log_each(), exp_each() and sum_squares(), the products and the column-major algebra, whose
// cholesky() then returns a mask.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "../core/numerics.hpp"

namespace fastpid {

namespace policy_check {

struct Function {
  FASTPID_HD double operator()(std::ptrdiff_t) const { return 0.0; }
};
struct Action {
  FASTPID_HD void operator()() const {}
};
struct Before {
  FASTPID_HD bool operator()(int i, int j) const { return i < j; }
};

using Count = std::ptrdiff_t;

template <class T>
T value();  // for what is never evaluated

template <class P, class = void>
struct Alone : std::false_type {};
template <class P>
struct Alone<P, std::void_t<decltype(double(value<const P&>().total(Count(), (const double*)0)),
                                     double(value<const P&>().least(Count(), (const double*)0)),
                                     double(value<const P&>().sum_xlogx(Count(), (const double*)0)),
                                     double(value<const P&>().largest_sum(
                                         Count(), 0.0, (const double*)0, 0.0, (const double*)0)),
                                     SplitSum(value<const P&>().split_at_level(
                                         Count(), (const double*)0, (const double*)0,
                                         (const double*)0, (const double*)0, 0.0)),
                                     value<const P&>().sort(0, (int*)0, Before()))>>
    : std::true_type {};

template <class P, class = void>
struct Loops : std::false_type {};
template <class P>
struct Loops<P, std::void_t<decltype(value<const P&>().for_each(Count(), Function()),
                                     value<const P&>().once(Action()),
                                     double(value<const P&>().sum(Count(), Function())),
                                     double(value<const P&>().min(Count(), Function())),
                                     double(value<const P&>().max(Count(), Function())),
                                     value<const P&>().alone(), value<const P&>().brief(),
                                     bool(value<const P&>().stopped()))>> : std::true_type {};

template <class P, class Real, class = void>
struct Arrays : std::false_type {};
template <class P, class Real>
struct Arrays<
    P, Real,
    std::void_t<decltype(value<const P&>().log_each(Count(), (const Real*)0, (Real*)0),
                         value<const P&>().exp_each(Count(), (const double*)0, (Real*)0),
                         double(value<const P&>().sum_squares(Count(), (const Real*)0,
                                                              (const Real*)0)),
                         value<const P&>().times((const Real*)0, (const Real*)0, 0, 0, 0, (Real*)0),
                         value<const P&>().transposed_times((const Real*)0, (const Real*)0, 0, 0, 0,
                                                            (Real*)0),
                         value<const P&>().times_transposed((const Real*)0, (const Real*)0, 0, 0, 0,
                                                            (Real*)0))>> : std::true_type {};

template <class P, class Real, class = void>
struct Algebra : std::false_type {};
template <class P, class Real>
struct Algebra<
    P, Real,
    std::void_t<decltype(MaskOf<Real>(value<const P&>().cholesky((Real*)0, 0, Count())),
                         value<const P&>().solve_right((const Real*)0, 0, Count(), (Real*)0, 0),
                         value<const P&>().solve((const Real*)0, 0, Count(), (Real*)0),
                         value<const P&>().downdate((Real*)0, 0, (const Real*)0, 0))>>
    : std::true_type {};

}  // namespace policy_check

// Whether P offers all that is written above; and whether it does the algebra of packs, too.
template <class P>
constexpr bool kIsPolicy =
    policy_check::Loops<P>::value && policy_check::Arrays<P, double>::value &&
    policy_check::Arrays<P, float>::value && policy_check::Algebra<P, double>::value &&
    policy_check::Alone<std::decay_t<decltype(std::declval<const P&>().alone())>>::value;

template <class P, class Number>
constexpr bool kWorksOn = policy_check::Algebra<P, Number>::value;

}  // namespace fastpid
