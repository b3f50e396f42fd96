// What one variant of the kernel, compiled for one instruction set, offers to the bindings, which
// are compiled once: a table of its functions.
#pragma once

#include "batch.hpp"
#include "gaussian.hpp"
#include "histogram.hpp"
#include "loss_step.hpp"
#include "many_tables.hpp"
#include "predictions.hpp"
#include "union_batch.hpp"

namespace fastpid::cpu {

struct Kernel {
  const char* instruction_set;
  const char* eigen;  // version
  decltype(&cpu::solve_tables) solve_tables;
  decltype(&cpu::gradient) gradient;
  decltype(&cpu::solve_marginals) solve_marginals;
  decltype(&cpu::count_pairs) count_pairs;
  decltype(&cpu::count_triples) count_triples;
  decltype(&cpu::permute) permute;
  decltype(&cpu::weigh) weigh;
  decltype(&cpu::rearrange) rearrange;
  decltype(&cpu::solve_gaussian) solve_gaussian;
  decltype(&cpu::union_information) union_information;
  decltype(&cpu::decompose_many) decompose_many;
  decltype(&cpu::soft_table) soft_table;
  decltype(&cpu::soft_table_gradient) soft_table_gradient;
  decltype(&cpu::loss_step) loss_step;
  decltype(&cpu::loss_value) loss_value;
};

// The name of the capsule that a variant's module hands its Kernel over in.
constexpr const char* kKernelCapsule = "fastpid.Kernel";

}  // namespace fastpid::cpu
