// One small table at a loose tolerance, by mirror descent in single precision.
//
// The tolerance of a loss is a thousand times the rounding of single precision, and a table of ten
// symbols a side leaves half of a register of doubles empty. So the method of
// ../core/mirror_descent.hpp makes its steps here on rows of floats that are padded to whole
// registers, in a third of the time; certificates, and when they come, are those of doubles.
#pragma once

#include "batch.hpp"

namespace fastpid::cpu {

// Does what solve_tables() does for one table. Returns false where that has to: nothing that is
// written then counts. The first certificate comes after `first` steps.
bool solve_in_single(const Given& given, const BatchOptions& options, const Results& results,
                     double* xz, double* yz, const Potentials<double>& potentials, double* s,
                     double first);

}  // namespace fastpid::cpu
