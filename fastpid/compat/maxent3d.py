"""The call of MAXENT3D_PID [1]_, ``pid(pdf)``, of three sources: a dict in, a dict out.

The target is the **first** symbol of an outcome, and answers are in **bits**.

.. [1] A. Makkeh, D. Chicharro, D. O. Theis, R. Vicente, "MAXENT3D_PID: an estimator for the maximum
   entropy trivariate partial information decomposition", Entropy 21, 2019, doi:10.3390/e21090862.
"""

from __future__ import annotations

from typing import Any

from fastpid._base.checks import check_choice
from fastpid._base.quantities import NATS_PER_UNIT
from fastpid._many import decompose_many
from fastpid.compat._pmf import check_solver, read_pmf

__all__ = ["pid"]

#: Keys, and which of the sources X, Y, Z they are about.
_SHARED = {
    **{"UIX": (0,), "UIY": (1,), "UIZ": (2,)},
    **{"UIXY": (0, 1), "UIXZ": (0, 2), "UIYZ": (1, 2)},
    "SI": (0, 1, 2),
}
_PROBLEMS = {"I": (0, 1, 2), "12": (0, 1), "13": (0, 2), "23": (1, 2)}


def pid(
    pdf_dirty: dict[Any, float],
    cone_solver: str = "ECOS",
    output: int = 0,
    parallel: str = "off",
    **solver_args: Any,
) -> dict[str, Any]:
    """Decompose what three sources say about a target, as ``MAXENT3D_PID.pid`` does.

    Parameters
    ----------
    pdf_dirty : dict
        From outcomes ``(t, x, y, z)``, where t is the *target*, to probabilities, which sum to 1
        within 1e-10; zeros may be among them.
    cone_solver : {"ECOS"}
        For the sake of old calls: the answer comes from fastpid's own kernel.
    output : int
        1 or more prints the decomposition.
    parallel : {"off", "on"}
        For the sake of old calls: there are no processes to start here.
    **solver_args
        ``keep_solver_object=True`` adds the key "Solver Object"; options of ECOS have no effect.

    Returns
    -------
    dict
        In bits, under the keys of MAXENT3D_PID:

        * "CI": The synergy: what no union of single sources explains.
        * "UIX", "UIY", "UIZ": What a single source alone knows.
        * "UIXY", "UIXZ", "UIYZ": What exactly two of them share. It can be negative for targets of
          three symbols or more.
        * "SI": What all three share.
        * "Num_err_I", "Num_err_12", "Num_err_13", "Num_err_23": Of the union of all sources and of
          pairs: primal and dual infeasibility, which are zero here because both bounds come from
          points that were made feasible, and the duality gap in nats.
        * "Solver": "fastpid".
        * "Solver Object": If kept, the :class:`fastpid.ManyDecomposition`, with bounds of every
          value.

    Raises
    ------
    ValueError
        For outcomes of another length, negative or infinite probabilities, or a sum other than 1;
        for another `cone_solver` or `parallel`.
    TypeError
        For a `pdf_dirty` that is no dict, probabilities that are no numbers, unknown options.

    Notes
    -----
    MAXENT3D_PID mends terms whose program did not converge by a quadratic program, and says so on
    the console. Nothing is mended here: a value that is not known to 1e-9 bit comes with a
    :class:`fastpid.ConvergenceWarning`.

    Examples
    --------
    >>> from itertools import product
    >>> from fastpid.compat.maxent3d import pid
    >>> xor = {(x ^ y ^ z, x, y, z): 0.125 for x, y, z in product((0, 1), repeat=3)}
    >>> found = pid(xor)
    >>> round(found["CI"], 9), abs(round(found["SI"], 9))
    (1.0, 0.0)
    """
    check_choice("parallel", parallel, ("off", "on"))
    keep = check_solver(cone_solver, output, solver_args)
    d = decompose_many(read_pmf(pdf_dirty, 4))
    if output:
        print(d)
    coverage = d.coverage
    found: dict[str, Any] = {"CI": d.synergy}
    found |= {key: coverage[sources] for key, sources in _SHARED.items()}
    for name, sources in _PROBLEMS.items():
        low, high = d.bounds(sources)
        found[f"Num_err_{name}"] = (0.0, 0.0, (high - low) * NATS_PER_UNIT["bits"])
    found["Solver"] = "fastpid"
    return {**found, "Solver Object": d} if keep else found
