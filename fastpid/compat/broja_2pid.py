"""The call of BROJA_2PID [1]_, ``pid(pdf)``: a dict in, a dict out.

The target is the **first** symbol of an outcome, and answers are in **bits**.

.. [1] A. Makkeh, D. O. Theis, R. Vicente, "BROJA-2PID: a robust estimator for bivariate partial
   information decomposition", Entropy 20, 2018, doi:10.3390/e20040271.
"""

from __future__ import annotations

from typing import Any

from fastpid._base.quantities import NATS_PER_UNIT
from fastpid.compat._pmf import check_solver, read_pmf
from fastpid.compat._solve import solve_table

__all__ = ["pid"]


def pid(
    pdf_dirty: dict[Any, float], cone_solver: str = "ECOS", output: int = 0, **solver_args: Any
) -> dict[str, Any]:
    """Decompose a distribution given as a dict, as ``BROJA_2PID.pid`` does.

    Parameters
    ----------
    pdf_dirty : dict
        From outcomes ``(x, y, z)``, where x is the *target* and y and z the sources, to
        probabilities, which sum to 1 within 1e-10; zeros may be among them.
    cone_solver : {"ECOS"}
        For the sake of old calls: the answer comes from fastpid's own kernel.
    output : int
        1 or more prints the decomposition with its certificate.
    **solver_args
        ``keep_solver_object=True`` adds the key "Solver Object". Options of ECOS (abstol, reltol,
        feastol, max_iters, verbose and others) are taken and have no effect: the gap is at most
        1e-9 bit in any case, or a warning says that it is not.

    Returns
    -------
    dict
        In bits, under the keys of BROJA_2PID:

        * "SI": Shared information: the redundancy.
        * "UIY", "UIZ": Unique information of the second and of the third symbol of an outcome.
        * "CI": Complementary information: the synergy.
        * "Num_err": Primal and dual infeasibility, which are zero here because both bounds come
          from points that were made feasible, and the duality gap in nats.
        * "Solver": "fastpid", and its method.
        * "Solver Object": If kept, the :class:`fastpid.Decomposition`; its x is y here, its y is z.

    Raises
    ------
    ValueError
        For outcomes of another length, negative or infinite probabilities, or a sum other than 1;
        for another `cone_solver`.
    TypeError
        For a `pdf_dirty` that is no dict, probabilities that are no numbers, unknown options.

    Examples
    --------
    >>> from fastpid.compat.broja_2pid import pid
    >>> and_gate = {(0, 0, 0): 0.25, (0, 0, 1): 0.25, (0, 1, 0): 0.25, (1, 1, 1): 0.25}
    >>> found = pid(and_gate)
    >>> {key: round(found[key], 4) for key in ("SI", "UIY", "UIZ", "CI")}
    {'SI': 0.3113, 'UIY': 0.0, 'UIZ': 0.0, 'CI': 0.5}
    """
    keep = check_solver(cone_solver, output, solver_args)
    d = solve_table(read_pmf(pdf_dirty, 3), name="pdf")
    if output:
        print(d)
    found: dict[str, Any] = {
        "SI": d.redundancy,
        "UIY": d.unique_x,
        "UIZ": d.unique_y,
        "CI": d.synergy,
        "Num_err": (0.0, 0.0, d.gap * NATS_PER_UNIT["bits"]),
        "Solver": f"fastpid ({d.method})",
    }
    return {**found, "Solver Object": d} if keep else found
