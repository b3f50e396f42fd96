// Every tuned number of the solvers, by the stage that it belongs to.
//
// Unless another source is given, a number was chosen by runs over random, spiky, empirical,
// near-deterministic and hostile tables (the families of the fuzz, bench/studies/fuzz) between
// 2x2x2 and 100x100x10, at tolerances from 1e-3 to 1e-12 bit, as the one that loses least on the
// worst of them. None of them is needed for a bound to be true: they decide how soon one is close.
// Machine-dependent sizes (tiles, panels, pieces of a team) stand with the loops that they cut.
#pragma once

namespace fastpid {

// The potential of a cell without mass, relative to the largest one of its target symbol, where the
// true one is minus infinity: exp(kFloor) = 2e-22 leaves every constraint as it is in double
// precision, and gradients stay finite.
constexpr double kFloor = -50.0;

namespace tuning {

struct Certificate {
  // Marginals closer than this share of tol are close enough for what is left over to be cut.
  static constexpr double kEnoughShare = 0.02;
  // Pair sums may exceed one by this share of `enough` before single cells are cut for it.
  static constexpr double kSlackShare = 0.1;
  // Sinkhorn sweeps towards the marginals, for any iterate and for one of mirror descent, whose
  // factors are close to the marginals already.
  static constexpr int kSweeps = 32;
  static constexpr int kDescentSweeps = 2;
  // Factors exp(lam) beyond this, and potentials beyond its logarithm, are not believed: products
  // must not overflow, and what underflows beside them must not matter.
  static constexpr double kLargestFactor = 1e100;
  static constexpr double kLargestPotential = 230.0;
  // The level of a cut is found in few rounds; what is left over is left to shifts.
  static constexpr int kLevelRounds = 20;
  // Rounding of a sum of exponentials; and the same of potentials that closed forms made feasible.
  static constexpr double kRounding = 1e-14;
  static constexpr double kNearly = 1e-13;
};

struct Strategy {
  // The inner solve aims a little below tol, for what the reductions leave out.
  static constexpr double kInnerShare = 0.95;
  // Steps at most, unless max_iter says otherwise.
  static constexpr int kNewtonSteps = 100;
  static constexpr int kGradientSteps = 5000;
  // Beyond so many bytes the interior point's memory is too much, whatever its time.
  static constexpr double kNewtonBytes = 1e9;
  // From so many cells on, threads share in the steps of mirror descent; below they are too short.
  static constexpr double kSharedDescent = 2e5;
  // Mirror descent is tried if it may take this share of the interior point's time: what it does in
  // vain is lost.
  static constexpr double kMargin = 0.7;
};

// What the two iterative methods cost, in nanoseconds of one core (only ratios matter): a step of
// the interior point a flop of its dense algebra and everything else by the cell; a step of mirror
// descent its products by the cell, densely multiplied or not, and a logarithm and an exponential
// by the pair. Fitted to runs between 8x8x4 and 100x100x10, and to problems in the lanes of a pack
// between 2x3x3 and 20x20x6.
struct Costs {
  double newton_step, flop, newton_cell;
  double gradient_step, dense_cell, sparse_cell, pair;
};
constexpr Costs kCostsAlone = {2000.0, 0.03, 150.0, 200.0, 0.2, 3.0, 6.0};
constexpr Costs kCostsInLanes = {400.0, 0.056, 16.0, 200.0, 0.3, 0.3, 2.5};

// What differs for M sources, by runs between 10x10x10x10, 5x5x5x5x5x5 and 31x31x31x31: a cell of a
// step of the interior point, and one of the heads, times M^2, of one of mirror descent.
struct ManyCosts {
  static constexpr double kNewtonCell = 70.0, kHeadCell = 0.8;
};

// How many steps they take, from the same runs. The interior point: by the
// logarithm of the proxy's gap, times a power of how many pairs there are to a pair of target
// symbols. Mirror descent: a power of the tolerance in nats where it does well, which is when it
// should be tried; how well it does is seen on the way.
struct Steps {
  static constexpr double kNewtonFirst = 1.5, kNewtonPerLog = 0.37, kNewtonShape = 0.2;
  static constexpr double kGradient = 5.6, kGradientPower = 0.3;
};

struct MirrorDescent {
  // log S of a pair that dies out: small enough for nothing, large enough to come back, and far
  // from the subnormal numbers that would slow the products down.
  static constexpr double kLeastLog = -60.0;
  // Steps before the first certificate, and between two as a share of those made.
  static constexpr double kFirstCertificate = 12.0;
  static constexpr double kSoonest = 0.12, kLatest = 1.0;
  // The next certificate comes a little before it should succeed.
  static constexpr double kAhead = 0.95;
  // The gap falls like a power of the steps, believed from 1 to kMostPower; early certificates show
  // less than the usual one.
  static constexpr double kMostPower = 5.0;
  static constexpr double kUsualPower = 3.0;
  // Single precision has reached its end if a gap is this share of the one before. Its factors stay
  // among the normal numbers.
  static constexpr double kSingleProgress = 0.9;
  static constexpr double kLeastSingle = 1e-37, kMostSingle = 1e37;
};

struct WarmStart {
  // Where the last solution does not do, this share of S is that of independent sources: pairs that
  // died out come back, and mirror descent takes two thirds of the steps that it takes from the
  // proxy on averages of tables whose sums of differences are 0.01 to 0.05 (without: half as many
  // again).
  static constexpr double kMixed = 0.01;
  // Steps of mirror descent before the first certificate.
  static constexpr double kFirstCertificate = 4.0;
};

struct InteriorPoint {
  // The proxy's rows are shifted by this much inside the constraints.
  static constexpr double kMargin = 0.02;
  // The gap is about the complement: it is certified once that is below kPlausible times tol.
  // Tolerances below kNearRounding count as that.
  static constexpr double kPlausible = 1.5;
  static constexpr double kNearRounding = 1e-11;
  // Progress is a merit (what the iterate misses), or a gap, that falls below this share of the
  // best before. After kUneasy steps without, every iterate is certified; after kPatience it ends.
  static constexpr double kProgress = 0.9;
  static constexpr double kUneasy = 3.0;
  static constexpr double kPatience = 40.0;
  // Sinkhorn sweeps, if a marginal is off by kFar of itself while the complement is kSweepAbove
  // times tol; they leave factors alone that would underflow.
  static constexpr int kSweeps = 4;
  static constexpr double kSweepAbove = 10.0;
  static constexpr double kFar = 0.1;
  static constexpr double kLeastFactor = 1e-300;
  // Regularisation: the rounding of the matrix, raised by kRaise up to kMost while no direction is
  // usable, its residual being beyond kUsableShare times what there is to gain.
  static constexpr double kLeastRegularisation = 2e-15;
  static constexpr double kMostRegularisation = 1e-5;
  static constexpr double kRaise = 1e3;
  static constexpr double kUsableShare = 1e3;
  // Centring: Mehrotra's cube, at least kLeastSigma; t stays within reach of the tolerance and of
  // the residual, which it must not outrun.
  static constexpr double kLeastSigma = 1e-6;
  static constexpr double kToleranceShare = 0.1;
  static constexpr double kResidualShare = 5e-3;
  // Conjugate gradients: steps, the residual that is enough as a share of tol and of t, and times
  // the least residual, from where it may still come back.
  static constexpr int kRefinements = 12;
  static constexpr double kResidualEnough = 0.05;
  static constexpr double kRunaway = 1e4;
  // The slack's residual below this is the rounding of a sum.
  static constexpr double kSlackRounding = 1e-15;
  // A step goes no further than kReach in log E, and to within 1 - kTauPerT t of the border,
  // clamped to kLeastTau and kMostTau; beyond kBend the second-order terms mean nothing.
  static constexpr double kReach = 3.0;
  static constexpr double kBend = 1.0;
  static constexpr double kTauPerT = 10.0, kLeastTau = 0.9, kMostTau = 0.999;
  // A step below kShort makes the next kCarefulSteps central ones, with centring kCarefulSigma.
  static constexpr double kShort = 0.1;
  static constexpr double kCarefulSteps = 5.0;
  static constexpr double kCarefulSigma = 0.2;
  // Repeated correctors: how many, from which order of the system on, in the first so many steps,
  // where a step reaches so far, and how much of that it must still reach.
  static constexpr int kRepeats = 2;
  static constexpr int kRepeatOrder = 64;
  static constexpr int kRepeatSteps = 12;
  static constexpr double kWorthRepeating = 0.2;
  static constexpr double kLeastReach = 0.9;
};

// What differs for M sources, by the same runs and those of ManyCosts: steps start nearer to the
// constraints, and tau is held back by the residual much less. That saves 5 to 15% of the steps.
struct ManyInteriorPoint : InteriorPoint {
  static constexpr double kMargin = 0.005;
  static constexpr double kResidualShare = 1e-4;
};

struct Products {
  // A dense product costs less than the loops over a support unless that is sparser than this;
  // below kSmall multiplications the loops cost less than the call.
  static constexpr double kSparse = 0.15;
  static constexpr double kSmall = 1000.0;
  // From so many cells on, single precision pays in mirror descent, and finer cuts in certificates.
  static constexpr double kLarge = 1e6;
};

struct Presolve {
  // What is left out may cost this share of tol in all; its mass is never above kMostNegligible,
  // nor sought below kNothing, whose part in any bound is far below rounding.
  static constexpr double kShare = 1e-3;
  static constexpr double kMostNegligible = 1e-12;
  static constexpr double kNothing = 1e-30;
  // Rows whose posteriors differ by less are merged; closer than the rounding they are the same.
  static constexpr double kLeastSame = 4e-16, kMostSame = 1e-12;
  // Of binary targets, whose closed form needs no reduction.
  static constexpr double kBinary = 1e-14;
};

struct Lanes {
  // A pack works on the dense support. Beyond this order it outgrows the cache; below half a
  // support the loops of doubles have less than half the work.
  static constexpr int kOrder = 144;
  static constexpr int kTarget = 12;
  // A pack takes the time of about 1 + order / kShare of its problems.
  static constexpr int kShare = 64;
  // Of several sources: tuples of their symbols times target symbols.
  static constexpr double kTuples = 4096.0;
};

}  // namespace tuning
}  // namespace fastpid
