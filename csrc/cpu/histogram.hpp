// Tables counted from coded samples: pairs and triples of many columns, and resamples of one table.
// Knows nothing of Python.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/views.hpp"
#include "share.hpp"

namespace fastpid::cpu {

struct CountOptions {
  int threads = 1;
  Interrupted interrupted;
};

// Many coded columns over the same samples: source c has sources[c * rows + n] of sample n.
struct CodedColumns {
  const std::uint16_t* sources;
  const std::uint16_t* target;  // not used by count_triples
  const double* weights;        // of the samples; null: one each
  std::ptrdiff_t rows;          // below 2^32
};

// The tables of pairs of sources: table k (nx, ny, nz) holds the weight of the samples in which
// source pairs[2 k] is x, source pairs[2 k + 1] is y and the target is z. All codes must be below
// the extents of the shape. Returns false if interrupted.
bool count_pairs(const CodedColumns& columns, const std::int32_t* pairs, std::ptrdiff_t count,
                 Shape shape, const CountOptions& options, double* tables);

// The tables of triples of sources: table k (nx, ny, nz) holds the weight of the samples in which
// source triples[3 k] is x, source triples[3 k + 1] is y and source triples[3 k + 2] is z. Any of
// the three may be made the target by moving its axis to the end. Returns false if interrupted.
bool count_triples(const CodedColumns& columns, const std::int32_t* triples, std::ptrdiff_t count,
                   Shape shape, const CountOptions& options, double* tables);

// Words that seed the generator of one resample.
constexpr int kSeedWords = 4;

// Samples by the cell that they fall into. Resample k is drawn with std::mt19937 seeded through
// std::seed_seq with seeds[kSeedWords * k ...], so that it is the same on every machine and for
// every number of threads.
struct CodedSamples {
  const std::int32_t* cell;
  const double* weights;  // of the samples; null: one each
  std::ptrdiff_t rows;    // below 2^31
  std::ptrdiff_t cells;   // in a table
  const std::uint32_t* seeds;
};

// Tables after a part of the samples was shuffled: sample n, with its weight, falls into cell[n] +
// moved[m], m a random permutation of the samples within strata, which are the runs [strata[s],
// strata[s + 1]). Returns false if interrupted.
bool permute(const CodedSamples& samples, const std::int32_t* moved, const std::int64_t* strata,
             std::ptrdiff_t num_strata, std::ptrdiff_t count, const CountOptions& options,
             double* tables);

// The same samples in several fields, at several times for example: in field f, sample n falls into
// cell[f * rows + n] of a table.
struct Fields {
  const std::int32_t* cell;
  std::ptrdiff_t fields;
  std::ptrdiff_t rows;   // below 2^31
  std::ptrdiff_t cells;  // in a table
};

// Table (k, f) holds weights[k * rows + n] of every sample in its cell of field f. Returns false if
// interrupted.
bool weigh(const Fields& fields, const double* weights, std::ptrdiff_t count,
           const CountOptions& options, double* tables);

// What goes from sample to sample: in field f, sample n has moved[f * rows + n] to give, to samples
// of the same stratum[f * rows + n], which is below num_strata.
struct Moved {
  const std::int32_t* moved;
  const std::int32_t* stratum;
  std::ptrdiff_t num_strata;
};

// Units of samples that depend on one another, in the order of the samples: unit u ends before
// sample ends[u].
struct Units {
  const std::int64_t* ends;
  std::ptrdiff_t count;
};

// Table (k, f) after samples were put into another order, and in every stratum the j-th of them in
// order[k * rows ...] gave what it has to the j-th of them as they stood: that one, with its weight
// in row k, falls into cell[n] + moved[m]. spread (k, f) is how much
// more the table's frequencies p_c vary than if samples were independent, on average over cells:
//   sum over c of (sum over u of (w_uc - w_u p_c)^2) / p_c,
// w_u being the weight of unit u and w_uc what it has in cell c, by the same sum in which every
// sample is a unit of its own. It is the design effect of J. N. K. Rao and A. J. Scott (Journal of
// the American Statistical Association 76, 1981). Returns false if interrupted.
bool rearrange(const Fields& fields, const Moved& moved, const Units& units,
               const std::int32_t* order, const double* weights, std::ptrdiff_t count,
               const CountOptions& options, double* tables, double* spread);

}  // namespace fastpid::cpu
