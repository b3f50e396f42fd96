"""The solvers that CVXPY hands models to."""

from __future__ import annotations

SOLVERS = ("CLARABEL", "SCS", "ECOS", "MOSEK")

#: The tolerances that "compact" passes by default; CLARABEL and MOSEK default to 1e-8.
TOLERANCES = {
    "SCS": {"eps_abs": 1e-8, "eps_rel": 1e-8},
    "ECOS": {"abstol": 1e-8, "reltol": 1e-8, "feastol": 1e-8},
}


def require(solver: str) -> None:
    """Check that a solver is installed."""
    try:
        import cvxpy
    except ImportError as error:
        raise ImportError(
            "fastpid.reference needs cvxpy: pip install fastpid[reference]"
        ) from error
    installed = cvxpy.installed_solvers()
    if solver not in installed:
        raise ValueError(
            f"solver {solver!r} is not installed (installed: {', '.join(sorted(installed))}); "
            f"pip install {solver.lower()}, or name another solver"
        )
