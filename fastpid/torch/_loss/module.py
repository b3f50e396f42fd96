"""PIDLoss: a combination of information atoms as a loss, at a tenth of a small training step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from fastpid._base.checks import check_bool, check_number, check_positive_integer
from fastpid._base.quantities import OnFailure, Unit
from fastpid._many import ManyDecomposition
from fastpid._solve import kernel
from fastpid._solve.options import check_options
from fastpid.result import Decomposition
from fastpid.torch._loss import processes, tables
from fastpid.torch._loss.function import Known, Value
from fastpid.torch._loss.many import ManyStepper
from fastpid.torch._loss.objective import check_objective
from fastpid.torch._loss.solver import FIRST, KEPT, NONE, PairStepper, State, pack, parts_of


class _Memory:
    """What changes from call to call, out of reach of torch.nn.Module, which is slow to assign."""

    state: State = FIRST
    #: What the last call has found.
    last: State = FIRST


class PIDLoss(torch.nn.Module):
    """A linear combination of the atoms of several classifiers' predictions about the labels.

    The joint table of the predicted classes and the labels is what
    :func:`fastpid.torch.from_predictions`, or :func:`fastpid.joint.from_many_predictions`, makes of
    a batch, averaged over the steps so far. It is decomposed to `tol`, as by
    :func:`fastpid.decompose` or, of three classifiers or more, :func:`fastpid.decompose_many`, and
    the gradient goes back to the predictions.

    Parameters
    ----------
    objective : str or mapping of str to float
        What the loss is: the name of a quantity, or weights by name.
        ``{"redundancy": 1.0, "synergy": -1.0}`` is a loss that falls as redundancy turns into
        synergy. Of two classifiers the quantities are "redundancy", "unique_x", "unique_y",
        "synergy", "mi_x", "mi_y", "mi_xy" and "union_information". Of any number, counted from 0,
        they are what :class:`fastpid.ManyDecomposition` has: "redundancy", "synergy",
        "union_information" and "mi_joint", and those of some as they are indexed: "unique[0]",
        "mi[0]", "coverage[0, 1]", "union_information[0, 1]".
    num_classes : int
        How many classes the labels have, whether or not a batch has all of them.
    decay : float, in [0, 1)
        The table of k steps ago counts ``decay**k``. 0 takes the batch's own.
    logits : bool
        Whether predictions are logits, of which the softmax is taken, or probabilities.
    tol : float
        The largest accepted gap of the union information, of each set of sources that the
        objective is made of, in `unit`.
    unit : {"bits", "nats"}
    distributed : bool
        Add up the tables of all processes where ``torch.distributed`` is initialised.
    threads : int, optional
        As for :func:`fastpid.decompose`.
    on_failure : {"warn", "raise", "ignore"}

    Attributes
    ----------
    decomposition : Decomposition, ManyDecomposition or None
        That of the last call, in numbers. Of three sources or more it is made when it is asked for,
        to `tol`, of all sets of up to five sources; of more, of those in the objective.

    Notes
    -----
    A batch's table is noisy and its atoms are biased, both the more the fewer samples there are to
    a cell; an average over ``(1 + decay) / (1 - decay)`` batches is so much better. The value is
    that of the averaged table A. The gradient is that of the population's value, estimated: the
    derivative of the atoms is taken at A, and the change of the table is this batch's, P:
    ``sum(f'(A) * dP)``, without the factor ``1 - decay`` by which P moves A. (Stochastic
    compositional gradient descent: Wang, Fang and Liu, Mathematical Programming 161, 2017,
    algorithm 1.) With ``decay=0`` it is the gradient of the value itself. The table of M sources
    has as many cells as the product of their symbols and the classes: the noise and the bias of one
    batch grow with it, and so does the average that is needed, which is all the correction there
    is.

    Of two sources, the certificate of the last step's solution is all there is to do where tables
    move slowly; otherwise mirror descent, in single precision up to 32,768 cells, looks for its end
    where the last step's was. The answer is certified to `tol`, in double precision, whatever the
    state. What one step leaves for the next is part of ``state_dict()``, always in host memory, and
    is begun anew where the numbers of symbols change. In ``eval()`` the table is the batch's own
    and nothing is remembered; a call that raises leaves the state as it was.

    With torch.distributed, and `distributed`, every process gets the value of all samples, and
    gradients that DistributedDataParallel's mean over the processes makes those of that value.

    Under torch.compile the call is a break of the graph. It is not for use inside torch.func's
    transforms, which have no place for its state: there, take
    :func:`fastpid.torch.from_predictions` and :func:`fastpid.decompose`.

    Examples
    --------
    >>> import torch, fastpid
    >>> loss = fastpid.torch.PIDLoss({"redundancy": 1.0, "synergy": -1.0}, num_classes=2)
    >>> x, y = torch.randn(2, 32, 3, requires_grad=True)
    >>> labels = torch.arange(32) % 2
    >>> loss(x, y, labels).backward()
    >>> loss = fastpid.torch.PIDLoss({"unique[2]": -1.0, "coverage[0, 1]": 0.5}, num_classes=2)
    >>> loss([x, y, x + y], labels).backward()
    """

    def __init__(
        self,
        objective: str | Mapping[str, float],
        *,
        num_classes: int,
        decay: float = 0.9,
        logits: bool = True,
        tol: float = 1e-3,
        unit: Unit = "bits",
        distributed: bool = True,
        threads: int | None = None,
        on_failure: OnFailure = "warn",
    ) -> None:
        super().__init__()
        self._weights = check_objective(objective)
        self._objective = objective
        self._num_classes = check_positive_integer("num_classes", num_classes)
        self._decay = check_number("decay", decay, 0.0, 1.0)
        if self._decay == 1.0:
            raise ValueError("decay must be below 1; at 1 no table would ever be forgotten")
        self._logits = check_bool("logits", logits)
        self._distributed = check_bool("distributed", distributed)
        self._options = check_options("auto", tol, None, unit, threads, False, on_failure)
        self._steppers: dict[int, PairStepper | ManyStepper] = {}
        self._memory = _Memory()

    @property
    def decomposition(self) -> Decomposition[float] | ManyDecomposition | None:
        """The decomposition of the last call, in numbers; None before the first."""
        last = self._memory.last
        return self._stepper(len(last.shape) - 1).decomposition(last) if last.shape else None

    def reset(self) -> None:
        """Forget the tables so far."""
        self._memory.state = FIRST

    def forward(
        self,
        x: Tensor | Sequence[Tensor],
        y: Tensor | None = None,
        z: Tensor | None = None,
        *,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of a batch: ``loss(x, y, labels)``, ``loss([x0, x1, x2], labels)``.

        Parameters
        ----------
        x : Tensor, shape (n, nx), or sequence of Tensor, shapes (n, n_i)
            Logits (or probabilities) of n samples by the first classifier, or by each of two or
            more; floating-point.
        y : Tensor, shape (n, ny)
            Those by the second classifier; behind a sequence, the labels.
        z : Tensor
            Labels as integers (n,) in [0, num_classes), or as probabilities (n, num_classes).
        weights : Tensor, shape (n,), optional
        mask : Tensor of bool, shape (n,), optional
            False leaves a sample out; its predictions are then not looked at.

        Returns
        -------
        Tensor, shape ()
            In `unit`; of the dtype of the predictions, float32 at least.

        Raises
        ------
        TypeError
            Integer predictions, sparse or quantised tensors, labels that are missing or given
            twice.
        ValueError
            NaN among logits, rows that do not sum to one, labels out of range, sizes or devices
            that do not match, no samples left by weights and mask, a joint table that is too
            large, a quantity in the objective that is not of so many sources.
        RuntimeError
            Inside torch.func's transforms; where differentiated twice.
        """
        if torch.compiler.is_compiling():
            loss: Tensor = self._outside_graph(x, y, z, weights, mask)
            return loss
        if weights is None and mask is None and type(x) is type(y) is type(z) is Tensor:
            found = self._quick(x, y, z)
            if found is not None:
                return found
        return self._general(x, y, z, weights, mask)

    @torch.compiler.disable
    def _outside_graph(self, *arguments: Any) -> Tensor:
        return self._general(*arguments)

    def _quick(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
        """Return the loss of two sources in host memory, one call of the kernel.

        It refuses what is unusual, or wrong, by None, for others to take or to explain.
        """
        if torch._C._functorch.peek_interpreter_stack() is not None:
            return None
        if self._distributed and processes.count_processes() > 1:
            return None
        memory = self._memory
        training = self.training
        differentiate = _is_differentiated((x, y))
        try:
            rows = (x.detach().numpy(), y.detach().numpy())
            shape = (rows[0].shape[1], rows[1].shape[1], self._num_classes)
            stepper = self._stepper(2)
            state = memory.state
            before = state.numbers if training and state.shape == shape else NONE
            found = kernel.loss_of_predictions(
                rows, z.numpy(), tables.NO_WEIGHTS, shape[2], self._logits, tables.ROW_TOLERANCE,
                *stepper.arguments(before, shape, differentiate),
            )  # fmt: skip
        except (IndexError, RuntimeError, TypeError, ValueError):
            return None
        if len(found) == 1:
            return None
        number, status, numbers, gradients = found
        last = State(shape, numbers)
        if status != 0:
            stepper.report(last)
        memory.last = last
        if training:
            memory.state = last
        loss = torch.from_numpy(number)
        if differentiate:
            by = (torch.from_numpy(gradients[0]), torch.from_numpy(gradients[1]))
            loss = Known.apply(Value(loss, by), x, y)
        return loss

    def _general(self, x: Any, y: Any, z: Any, weights: Any, mask: Any) -> Tensor:
        names, sources, labels = _arrange(x, y, z)
        samples = tables.check(
            sources, names, labels, weights, mask, self._num_classes, self._logits
        )
        stepper = self._stepper(len(sources))
        if _without_values(samples):
            first, *others = (source.sum() for source in samples.sources)
            nothing: Tensor = sum(others, first) * 0.0
            return nothing
        shape = samples.shape
        count = processes.count_processes() if self._distributed else 1
        try:
            batch = tables.read(samples)
        except ValueError:
            if count > 1:
                processes.tell_failure(shape)
            raise
        own = batch.sums if count == 1 else processes.add_processes(batch.sums)
        memory = self._memory
        goes_on = self.training and memory.state.shape == shape
        differentiate = _is_differentiated(samples.sources)
        step = stepper.step(own, memory.state if goes_on else FIRST, differentiate)
        memory.last = step.state
        if self.training:
            memory.state = step.state
        dtype = torch.float32
        for source in samples.sources:
            dtype = torch.promote_types(dtype, source.dtype)
        number = samples.sources[0].new_full((), step.value, dtype=dtype)
        if not differentiate:
            return number
        # DistributedDataParallel takes the mean over processes.
        by = batch.gradients(step.by_own if count == 1 else count * step.by_own)
        loss: Tensor = Known.apply(Value(number, by), *samples.sources)
        return loss

    def _stepper(self, sources: int) -> Any:
        """Return what makes the steps of so many sources."""
        stepper = self._steppers.get(sources)
        if stepper is None:
            if sources == 2:
                pair = self._weights.of_pair()
                stepper = PairStepper(pair, self._decay, self._options)
            else:
                sets = self._weights.of_sources(sources)
                stepper = ManyStepper(sets, self._decay, self._options)
            self._steppers[sources] = stepper
        return stepper

    def get_extra_state(self) -> dict[str, Tensor]:
        """Return what state_dict() keeps: the sums of the tables so far and the last solution."""
        state = self._memory.state
        if not state.shape:
            return {}
        if len(state.shape) > 3:
            return {"sums": torch.from_numpy(state.numbers.reshape(state.shape).copy())}
        parts = parts_of(state)
        return {name: torch.from_numpy(parts[name].copy()) for name in KEPT}

    def set_extra_state(self, state: Any) -> None:
        """Take what get_extra_state() returned.

        Raises
        ------
        ValueError
            If it is not that, or does not fit itself or num_classes.
        """
        allowed: tuple[set[str], ...] = (set(), {"sums"}, set(KEPT))
        if not isinstance(state, Mapping) or set(state) not in allowed:
            raise ValueError(
                f"the state of a PIDLoss holds {', '.join(KEPT)}, or the sums of more than two "
                "sources alone, or nothing"
            )
        if not state:
            self._memory.state = FIRST
            return
        parts = {
            name: np.ascontiguousarray(torch.as_tensor(part).detach().double().cpu().numpy())
            for name, part in state.items()
        }
        found = pack(parts)
        if found is None or found.shape[-1] != self._num_classes:
            shapes = {name: part.shape for name, part in parts.items()}
            raise ValueError(
                f"the state of a PIDLoss with num_classes={self._num_classes} cannot have the "
                f"shapes {shapes}; load that of the same model"
            )
        sums = parts["sums"]
        finite = all(np.isfinite(part).all() for part in parts.values())
        if not finite or (sums < 0.0).any() or not sums.sum() > 0.0:
            raise ValueError("the state of a PIDLoss must hold finite numbers, and sums with mass")
        self._memory.state = found

    def extra_repr(self) -> str:
        """Return the options, for print()."""
        return f"{self._objective!r}, num_classes={self._num_classes}, decay={self._decay}"


def pid_loss(
    x: Tensor | Sequence[Tensor],
    y: Tensor | None = None,
    z: Tensor | None = None,
    objective: str | Mapping[str, float] | None = None,
    *,
    num_classes: int,
    weights: Tensor | None = None,
    mask: Tensor | None = None,
    logits: bool = True,
    tol: float = 1e-3,
    unit: Unit = "bits",
    threads: int | None = None,
    on_failure: OnFailure = "warn",
) -> Tensor:
    """Return a combination of atoms of one batch's own table: :class:`PIDLoss` without a state.

    Parameters
    ----------
    x : Tensor, shape (n, nx), or sequence of Tensor, shapes (n, n_i)
    y : Tensor, shape (n, ny)
        Behind a sequence there is none: ``pid_loss([x0, x1, x2], z=labels, objective=...)``.
    z : Tensor, shape (n,) or (n, num_classes)
    objective : str or mapping of str to float
    num_classes, weights, mask, logits, tol, unit, threads, on_failure
        These and the ones above are explained at :class:`PIDLoss`.

    Returns
    -------
    Tensor, shape ()
        In `unit`, with gradients by x and y. It is biased by the size of the batch.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As :class:`PIDLoss`.
    """
    loss = PIDLoss(
        objective if objective is not None else {},
        num_classes=num_classes,
        decay=0.0,
        logits=logits,
        tol=tol,
        unit=unit,
        distributed=False,
        threads=threads,
        on_failure=on_failure,
    )
    value: Tensor = loss(x, y, z, weights=weights, mask=mask)
    return value


def _arrange(x: Any, y: Any, z: Any) -> tuple[tuple[str, ...], tuple[Any, ...], Any]:
    """Return names and predictions of the sources, and the labels."""
    if not isinstance(x, (list, tuple)):
        if y is None or z is None:
            raise TypeError(
                "the labels are missing; call loss(x, y, labels), or loss([x0, x1, x2], labels) "
                "for the predictions of any number of classifiers"
            )
        return ("x", "y"), (x, y), z
    if (y is None) == (z is None):
        raise TypeError("behind a sequence of predictions come the labels, and nothing else")
    if len(x) < 2:
        raise ValueError(
            f"x is a sequence of {len(x)} predictions; pass those of two classifiers or more"
        )
    return tuple(f"x[{i}]" for i in range(len(x))), tuple(x), y if z is None else z


def _without_values(samples: tables.Samples) -> bool:
    """Whether there is nothing to compute with; an error where there is, but out of reach."""
    if torch._C._functorch.peek_interpreter_stack() is not None:
        raise RuntimeError(
            "PIDLoss is called inside a transform of torch.func, which has no place for its state; "
            "take fastpid.torch.from_predictions and fastpid.decompose there"
        )
    return any(t.is_meta or isinstance(t, FakeTensor) for t in (*samples.sources, samples.z))


def _is_differentiated(sources: Sequence[Tensor]) -> bool:
    """Whether somebody may ask for gradients, or has tangents."""
    if torch.is_grad_enabled():
        for source in sources:
            if source.requires_grad:
                return True
    forward_ad = torch.autograd.forward_ad
    if forward_ad._current_level < 0:
        return False
    return any(forward_ad.unpack_dual(source).tangent is not None for source in sources)
