"""fastpid gates and fastpid info."""

from __future__ import annotations

import argparse
from typing import Any

from fastpid._base.quantities import ATOMS, NATS_PER_UNIT
from fastpid.cli._common import EXIT_OK, EXIT_UNCONVERGED, emit, emit_json


def run_gates(args: argparse.Namespace) -> int:
    import math

    from fastpid import decompose
    from fastpid.gates import GATES

    per_bit = math.log(2.0) / NATS_PER_UNIT[args.unit]
    rows = []
    for gate in GATES.values():
        result = decompose(gate.table(), unit=args.unit, on_failure="ignore")
        known = {atom: getattr(gate, atom) * per_bit for atom in ATOMS}
        rows.append((gate, result, known))
    converged = all(result.converged for _, result, _ in rows)
    if args.json:
        emit_json(
            args,
            [
                {
                    "name": gate.name,
                    "description": gate.description,
                    "solved": result.to_dict(),
                    "known": known,
                }
                for gate, result, known in rows
            ],
            unit=args.unit,
        )
    else:
        width = max(len(gate.name) for gate, _, _ in rows)
        lines = [
            f"{args.unit:<{width}}" + "".join(f"{atom:^18}" for atom in ATOMS),
            f"{'gate':<{width}}" + "   solved    known" * len(ATOMS) + "    error      gap",
        ]
        for gate, result, known in rows:
            solved = {atom: float(getattr(result, atom)) for atom in ATOMS}
            error = max(abs(solved[atom] - known[atom]) for atom in ATOMS)
            # Adding 0.0 turns a rounded -0.0 into 0.0.
            cells = "".join(
                f"{round(value, 5) + 0.0:9.5f}"
                for atom in ATOMS
                for value in (solved[atom], known[atom])
            )
            lines.append(f"{gate.name:<{width}}{cells}{error:9.0e}{float(result.gap):9.0e}")
        emit("\n".join(lines))
    return EXIT_OK if converged else EXIT_UNCONVERGED


def run_info(args: argparse.Namespace) -> int:
    import platform

    import numpy as np

    import fastpid
    from fastpid._solve import kernel

    facts: dict[str, Any] = {
        "fastpid": fastpid.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        **kernel.build_info(),
    }
    if args.json:
        emit_json(args, facts)
    else:
        width = max(map(len, facts))
        words = {True: "built", False: "not built"}
        emit(
            "\n".join(
                f"{key.replace('_', ' '):<{width}}  "
                f"{words[value] if isinstance(value, bool) else value}"
                for key, value in facts.items()
            )
        )
    return EXIT_OK
