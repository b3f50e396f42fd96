#include "sources.hpp"

#include "../cpu/rooms.hpp"
#include "../exec/serial.hpp"

namespace fastpid::many::testing {

Solved solve(const Given& given, Method method, double tol, std::vector<double>* coupling) {
  Options options;
  options.method = method;
  options.tol = tol;
  const Serial exec;
  cpu::Rooms rooms;
  const auto stop = [] { return false; };
  Solved out;
  out.mi.resize(given.symbols.size());
  out.potentials.resize(given.a.size());
  const many::Sources sources = given.sources();
  many::Solver<Serial> solver(exec, sources, given.a.data(), options, out.mi.data(),
                              out.potentials.data());
  if (!solver.begin(rooms)) solver.iterate(rooms, stop);
  out.answer = solver.answer();
  if (coupling != nullptr) {
    coupling->assign(static_cast<std::size_t>(sources.tuples() * sources.target), 0.0);
    solver.coupling(rooms, coupling->data());
  }
  return out;
}

}  // namespace fastpid::many::testing
