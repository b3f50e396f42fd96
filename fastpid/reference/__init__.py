"""An independent solver to validate against: the same quantity as a CVXPY model.

Nothing here touches the compiled kernel. The model is handed to a general-purpose conic solver, and
the certificate around its answer is computed in numpy.
"""

from fastpid.reference._pairs import cvx_pid
from fastpid.reference._unions import cvx_union_information

__all__ = ["cvx_pid", "cvx_union_information"]
