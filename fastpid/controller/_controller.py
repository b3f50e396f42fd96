"""The controller: from what was observed to decisions.

Two-stage training of a multimodal classifier (J. Tang, Y. Xu, Y. Liu, Q. Chen, "Shaping initial
state prevents modality competition in multi-modal fusion", arXiv:2509.20840, 2025): first every
modality trains alone, by the paper at a pace that keeps their unique information level; joint
training then starts, by the paper from the state at which the synergy was at its peak.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_bool, check_choice, check_count, check_number
from fastpid._base.extras import import_extra
from fastpid._base.warn import stacklevel_outside
from fastpid._solve.options import check_options
from fastpid.controller._decision import JOINT, UNIMODAL, Decision
from fastpid.controller._metrics import metrics_of
from fastpid.controller._observations import RESTS, Observations, Reading
from fastpid.controller._plans import Plan, by_common_peak, by_own_peaks
from fastpid.controller._rules import Rules
from fastpid.result import ConvergenceWarning

CRITERIA = ("skill", "pid", "mi", "union")
#: Metrics of each modality.
_OF_EACH = ("mi", "unique", "skill")


class AsyncController:
    """Decide from held-out predictions which modality trains, and when joint training starts.

    "Asynchronous" means that the modalities train at paces of their own; asyncio has no part in it.
    After an epoch, :meth:`observe` what every modality's own classifier predicts of held-out
    samples, batch by batch, and ask :meth:`decide` what to do. The joint table of predictions and
    labels is decomposed; its bias is taken out, and its standard error tells changes from noise.

    By default (``criterion="skill"``) each modality goes by its own skill: it trains until it has
    been past its best for `patience` observations, goes back to it, gives its steps to the others,
    and joint training starts from the best state of each. In a study of eight data sets it lost to
    other methods least often. The paper goes by the decomposition (``criterion="pid"``):

    *Pace.* A modality runs ahead of another one if that one's unique information is less than
    `balance` of its own, and the difference is more than `margin` standard errors. It is held back
    then, and its steps go to those that are not; but only as long as the other one learns, that is
    if its information has risen by more than `margin` standard errors within the last `patience`
    observations that it trained for.

    *Peak.* The unimodal phase ends once the synergy has been below its peak, by more than `margin`
    standard errors, for `patience` observations; or after `max_epochs`. Joint training starts from
    the last state whose synergy was not.

    Parameters
    ----------
    modalities : iterable of str
        Their names, two or more.
    num_classes : int
        The number of classes of the labels, and of every modality's predictions.
    every : int
        Observe after every so many epochs.
    patience : int
        How many observations to wait, for a higher peak and for a modality that is to catch up.
    balance : float, optional
        From 0 (hold none back) to 1 (hold back each that is ahead beyond noise); 0.5 by default.
        Not with ``criterion="skill"``, and nor is `margin`.
    margin : float, optional
        How many standard errors are noise; 1 by default.
    criterion : {"skill", "pid", "mi", "union"}
        "pid" is the paper's rule, told above. "mi" paces by the mutual information of each modality
        with the label, and seeks the peak of their average: what can be done without a
        decomposition.

        "skill" seeks no common peak, but each modality's own: it trains until its Brier skill,
        by how much its probabilities are better than the shares of the classes, has not risen for
        `patience` observations, goes back to its best state and gives its steps to the others then,
        and joint training starts, once none is left, from the best state of each. The skill falls
        once a modality learns its labels by heart, which mutual information and atoms hardly tell:
        one class drawn with confidence from those that it may be says as much as all of them with
        their shares. The atoms are measured all the same.

        "union" goes by the union information, which is what unimodal training can give: joint
        training starts from the last state at which it had risen by more than `margin` standard
        errors, once it has not for `patience` observations. Who runs ahead in unique information is
        held back as long as the other one's *unique* information rises, not for one that learns
        what is known.
    soft : bool
        A prediction counts with its probabilities; False counts the most probable class alone.
    rest : {"union", "vote"}
        What three or more modalities are measured against. "union": unique information is the
        union information of all less that of all others, and synergy is what all predictions
        together say beyond the union information (:func:`fastpid.decompose_many`). "vote", for
        tables that would be too large: each against the average of the others' probabilities, and
        the average synergy of all pairs.
    max_epochs : int, optional
        The longest that the unimodal phase may be. Without it, modalities whose peak does not come
        train alone indefinitely.
    design_effect : float
        How many held-out samples count for one independent sample (Kish 1965): 1, or more where
        they depend on each other, such as the number of windows that a recording is cut into.
    unit : {"bits", "nats"}
        The unit of all metrics, and of `tol`.
    tol : float
        The largest certified gap of a decomposition, in `unit`. Values closer than it are equal.
    threads : int, optional
        As for :func:`fastpid.decompose`.

    Raises
    ------
    TypeError, ValueError
        For an option out of its range, names that are not distinct strings, fewer than two of them,
        or tables of more than 2**24 cells (2**21 of all modalities together).

    Notes
    -----
    Metrics are ``mi/NAME``, ``unique/NAME``, ``skill/NAME``, ``redundancy``, ``synergy``,
    ``union``, ``mi_joint``, ``gap`` (the widest certified bracket, of plug-in values), and
    ``tracked`` with ``tracked_error``, what a common peak is sought of. Of three modalities or
    more, redundancy is the average over all pairs, whose atoms stand beside it as ``synergy/A+B``
    and so on, and ``synergy_pairs`` that of their synergies; synergy, union and joint information
    are of all.

    With two modalities, unique_x - unique_y = mi_x - mi_y, as the redundancy cancels: "pid" and
    "mi" agree on which is ahead. The lead is larger in proportion under "pid", since what both know
    does not count.

    Standard errors are of first order, from how much blocks of samples differ; of fewer than 64
    samples they are upper bounds. That of a difference is taken for the sum of both. Values of
    different epochs come from the same samples, so their difference is more certain than these
    errors suggest.

    Examples
    --------
    >>> import numpy as np
    >>> from fastpid.controller import AsyncController
    >>> controller = AsyncController(["audio", "video"], num_classes=2, criterion="pid")
    >>> z = np.arange(200) % 2
    >>> right, guess = np.eye(2)[z], np.full((200, 2), 0.5)
    >>> controller.observe({"audio": right, "video": guess}, z)
    >>> decision = controller.decide(epoch=0)
    >>> decision.phase, decision.shares
    ('unimodal', {'audio': 0.0, 'video': 2.0})
    """

    def __init__(
        self,
        modalities: Iterable[str],
        *,
        num_classes: int,
        every: int = 1,
        patience: int = 3,
        balance: float | None = None,
        margin: float | None = None,
        criterion: str = "skill",
        soft: bool = True,
        rest: str = "union",
        max_epochs: int | None = None,
        design_effect: float = 1.0,
        unit: str = "bits",
        tol: float = 1e-3,
        threads: int | None = None,
    ) -> None:
        self.modalities = _check_names(modalities)
        self.every = check_count("every", every, 1)
        self.criterion = check_choice("criterion", criterion, CRITERIA)
        self.max_epochs = None if max_epochs is None else check_count("max_epochs", max_epochs, 1)
        options = check_options("auto", tol, None, unit, threads, False, "ignore")
        for name, value in (("balance", balance), ("margin", margin)):
            if value is not None and self.criterion == "skill":
                raise ValueError(
                    f'{name} has no part in criterion="skill"; leave it out, or go by another '
                    f"criterion ({', '.join(CRITERIA[1:])}); got {value!r}"
                )
        self._rules = Rules(
            check_count("patience", patience, 1),
            check_number("balance", 0.5 if balance is None else balance, 0.0, 1.0),
            check_number("margin", 1.0 if margin is None else margin, 0.0, math.inf),
            options.tol * options.scale,
            plateau=self.criterion == "union",
            own=self.criterion == "union",
        )
        self._observations = Observations(
            self.modalities,
            check_count("num_classes", num_classes, 2),
            check_bool("soft", soft),
            check_choice("rest", rest, RESTS),
            check_number("design_effect", design_effect, 1.0, math.inf),
            options,
            errors=self.criterion != "skill",  # which goes by no noise
        )
        self._history: list[Decision] = []

    @property
    def history(self) -> tuple[Decision, ...]:
        """Every decision so far."""
        return tuple(self._history)

    @property
    def phase(self) -> str:
        """How the next epoch trains: "unimodal" or "joint"."""
        return self._history[-1].phase if self._history else UNIMODAL

    @property
    def shares(self) -> dict[str, float]:
        """The share of steps of every modality in the next epoch, as in :class:`Decision`."""
        return dict(self._history[-1].shares if self._history else self._even())

    @property
    def sums(self) -> NDArray[np.float64]:
        """All that was observed since the last decision, as one vector (a copy).

        The vectors of several processes, of different samples, may be added up and set again.
        """
        return self._observations.sums

    @sums.setter
    def sums(self, values: Any) -> None:
        self._observations.sums = values

    def due(self, epoch: int) -> bool:
        """Whether to observe after this epoch, counted from 0."""
        return (check_count("epoch", epoch, 0) + 1) % self.every == 0

    def observe(self, outputs: Mapping[str, Any], z: Any, *, logits: bool = False) -> None:
        """Take in what every modality's own classifier predicts of a batch of held-out samples.

        Parameters
        ----------
        outputs : mapping of str to array_like (n, num_classes)
            Probabilities, or logits.
        z : array_like of int (n,)
            Labels from 0 to num_classes - 1.
        logits : bool
            `outputs` are logits, of which the softmax is taken.

        Raises
        ------
        ValueError
            If a modality is missing or unknown; for outputs of another width than num_classes, NaN
            among them, or rows that do not sum to one; for labels out of range, numbers of samples
            that differ, or none. Nothing has been taken in then.
        TypeError
            For arrays of types that make no sense.
        """
        self._observations.add(outputs, z, logits)

    def decide(self, epoch: int) -> Decision:
        """Decide what to do after an epoch, and forget what was observed.

        Parameters
        ----------
        epoch : int
            The epoch that has ended, counted from 0; later than at the last call.

        Returns
        -------
        Decision
            Without metrics if nothing was observed and none was due; all goes on as it was then,
            unless `max_epochs` are over.

        Raises
        ------
        ValueError
            If an observation was due and there is none (as of a validation set that is empty), or
            the epoch is not later than the last one. The controller's state is then unchanged.

        Warns
        -----
        ConvergenceWarning
            If a table was not solved to `tol`; the metric ``gap`` is the width of its bracket.
        """
        epoch = check_count("epoch", epoch, 0)
        if self._history and epoch <= self._history[-1].epoch:
            raise ValueError(
                f"epoch must be later than that of the last decision, {self._history[-1].epoch}; "
                f"got {epoch}"
            )
        observed = self._observations.n_samples > 0
        if not observed and self.phase == UNIMODAL and self.due(epoch):
            raise ValueError(
                f"no held-out samples were observed before decide({epoch}); call observe() with "
                "predictions of a validation set that is not empty"
            )
        decision = self._decide(epoch, self._read() if observed else None)
        self._observations.clear()
        self._history.append(decision)
        return decision

    def state_dict(self) -> dict[str, Any]:
        """Return the configuration, all decisions and all sums, as plain Python objects.

        They go through JSON, and through ``torch.save`` and ``torch.load``.
        """
        return {
            "config": self._config(),
            "history": [dataclasses.asdict(decision) for decision in self._history],
            "sums": self.sums.tolist() if self._observations.n_samples > 0 else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where :meth:`state_dict` was called.

        Raises
        ------
        ValueError
            If `state` is of a controller with another configuration, or of none. This controller is
            then unchanged.
        """
        try:
            config, sums = dict(state["config"]), state["sums"]
            history = [self._check_decision(Decision(**values)) for values in state["history"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"state must be the state_dict() of an AsyncController; reading it: {error!r}"
            ) from None
        own = self._config()
        differ = [name for name in own if config.get(name) != own[name]]
        if differ:
            raise ValueError(
                "state is of a controller of another configuration: "
                + ", ".join(f"{n} is {config.get(n)!r} there and {own[n]!r} here" for n in differ)
                + "; make this one alike"
            )
        if sums is None:
            self._observations.clear()
        else:
            self.sums = sums
        self._history = history

    def to_frame(self) -> Any:
        """Return a pandas DataFrame of all decisions and metrics, one row an epoch.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        rows = [
            {
                "phase": d.phase,
                "start_joint": d.start_joint,
                **{f"shares/{name}": share for name, share in d.shares.items()},
                **{f"keep/{name}": name in d.keep for name in self.modalities},
                **{f"restore_epoch/{name}": d.restore_epochs.get(name) for name in self.modalities},
                **d.metrics,
                "reason": d.reason,
            }
            for d in self._history
        ]
        index = pd.Index([d.epoch for d in self._history], name="epoch", dtype="int64")
        return pd.DataFrame(rows, index=index)

    def plot(self) -> Any:
        """Draw what was measured and decided against epochs: :func:`fastpid.plot.decisions`."""
        from fastpid.plot import decisions

        return decisions(self._history, unit=self._observations.options.unit)

    def __repr__(self) -> str:
        """Return where it stands: the phase, the last decision and why."""
        names = ", ".join(self.modalities)
        head = f"AsyncController of {names} ({self.phase} phase"
        if not self._history:
            return f"{head}, nothing decided yet)"
        last = self._history[-1]
        shares = ", ".join(f"{name} {share:g}" for name, share in last.shares.items())
        return f"{head} after epoch {last.epoch}; steps: {shares})\n  {last.reason}"

    def _check_decision(self, decision: Decision) -> Decision:
        """Return a stored decision if it is one of this controller's kind."""
        check_count("epoch", decision.epoch, 0)
        check_choice("phase", decision.phase, (UNIMODAL, JOINT))
        if set(decision.shares) != set(self.modalities):
            raise ValueError(f"shares are of {', '.join(map(str, decision.shares))}")
        named = {*decision.keep, *decision.restore_epochs} - set(self.modalities)
        if named:
            raise ValueError(f"states are of {', '.join(map(str, named))}")
        if decision.metrics:
            own = [f"{what}/{name}" for what in _OF_EACH for name in self.modalities]
            tracked = [] if self.criterion == "skill" else ["tracked", "tracked_error"]
            for name in own + tracked:
                check_number(name, decision.metrics[name], -math.inf, math.inf)
        return dataclasses.replace(decision, keep=tuple(decision.keep))

    def _config(self) -> dict[str, Any]:
        seen = self._observations
        return {
            "modalities": list(self.modalities),
            "num_classes": seen.num_classes,
            "every": self.every,
            "criterion": self.criterion,
            "soft": seen.soft,
            "rest": seen.rest,
            "max_epochs": self.max_epochs,
            "design_effect": seen.design_effect,
            "unit": seen.options.unit,
            **self._rules._asdict(),
        }

    def _even(self) -> dict[str, float]:
        return dict.fromkeys(self.modalities, 1.0)

    def _read(self) -> Reading:
        reading = self._observations.read()
        if reading.gap > self._rules.tol:
            warnings.warn(
                f"a table was not solved to tol: the largest gap is {reading.gap:.2e} "
                f"{self._observations.options.unit}; the bounds hold, so take it as an error of "
                "every value, or accept a larger tol",
                ConvergenceWarning,
                stacklevel=stacklevel_outside("fastpid"),
            )
        return reading

    def _decide(self, epoch: int, reading: Reading | None) -> Decision:
        metrics = {} if reading is None else metrics_of(reading, self.criterion)
        if self.phase == JOINT:
            return Decision(
                epoch, JOINT, self._even(), metrics=metrics, reason="joint training goes on"
            )
        shares, keep, past, reasons, ended = self._plan(reading, metrics)
        spent = self.max_epochs is not None and epoch + 1 >= self.max_epochs
        best = {name: d.epoch for d in self._history for name in d.keep}
        best |= dict.fromkeys(keep, epoch)
        if not (spent or past):
            return Decision(
                epoch,
                UNIMODAL,
                shares,
                keep,
                restore_epochs={name: best[name] for name in ended},
                metrics=metrics,
                reason="; ".join(reasons),
            )
        if not past:
            reasons.append(f"max_epochs={self.max_epochs} are over")
        reasons.append(f"joint training starts from {_say_states(best)}")
        return Decision(
            epoch,
            JOINT,
            self._even(),
            keep,
            start_joint=True,
            restore_epochs=best,
            metrics=metrics,
            reason="; ".join(reasons),
        )

    def _plan(self, reading: Reading | None, metrics: dict[str, float]) -> Plan:
        looks = [d for d in self._history if d.metrics]
        if reading is None:
            reasons = ["nothing was observed, so all goes on as before"]
            return Plan(self.shares, (), False, reasons)
        if self.criterion == "skill":
            return by_own_peaks(self._rules.patience, looks, metrics, self.modalities)
        unit = self._observations.options.unit
        return by_common_peak(self.criterion, self._rules, unit, looks, reading, metrics)


def _say_states(epochs: Mapping[str, int]) -> str:
    if not epochs:
        return "the present state"
    if len(set(epochs.values())) == 1:
        return f"the state of epoch {next(iter(epochs.values()))}"
    return "the states of epochs " + ", ".join(f"{e} ({name})" for name, e in epochs.items())


def _check_names(modalities: object) -> tuple[str, ...]:
    if isinstance(modalities, str) or not isinstance(modalities, Iterable):
        raise TypeError(f"modalities must be several names; got {type(modalities).__name__}")
    given = tuple(modalities)
    strange = [name for name in given if not isinstance(name, str)]
    if strange:
        raise TypeError(f"modalities must be strings; got {type(strange[0]).__name__}")
    names = tuple(map(str, given))  # of numpy's strings, which not everything stores
    if len(names) == 1:
        raise ValueError(
            f"modalities must be two or more; got {names[0]!r} alone, which has nobody to wait "
            "for: train it without a controller"
        )
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"modalities must be two or more different names; got {names}")
    return names
