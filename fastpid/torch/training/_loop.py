"""The controller in a loop of your own: freezing, checkpoints, several processes, logs."""

from __future__ import annotations

import collections
import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from fastpid._base.checks import check_number
from fastpid.controller import AsyncController, Decision

Batch = TypeVar("Batch")

#: What sums of shares may be off by.
_ROUNDING = 1e-9


class Stateful(Protocol):
    """Modules, optimizers, schedulers."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Go back to it."""
        ...


class AsyncTraining:
    """Carry out what an :class:`fastpid.controller.AsyncController` decides.

    After every epoch, :meth:`decide` asks the controller, freezes the modalities that are held
    back, keeps a copy of the modalities that are at their peak, and goes back to these as it is
    told, at the latest when joint training starts. What an optimizer has gathered since (momentum)
    is not of these states: make a new one then, or `keep` it. Train what fuses the modalities along
    in the unimodal phase, on detached features: later, these would know the training labels by
    heart, and it could not learn from them what to trust. If it is passed as `fusion`, it goes back
    with a modality that goes back before the others, or it would go on with what that one has lost.

    With ``torch.distributed`` initialised, the samples that all processes observed are added up,
    the process of rank 0 decides, and all do what it says. What is held back gets no gradients, nor
    does what fuses the modalities, unless it trains along in the unimodal phase: wrap the model by
    ``DistributedDataParallel(model, find_unused_parameters=True)``. Samples seen by two processes
    count twice; this includes the padding of DistributedSampler.

    Parameters
    ----------
    controller : AsyncController
    modules : mapping of str to Module
        What belongs to each modality: its encoder and its own classifier. Parameters that do not
        require gradients now are left alone.
    keep : mapping of str to objects with state_dict() and load_state_dict(), optional
        What is kept and restored besides `modules`, by names of your own, such as the optimizer.
        Where the modalities have their peaks at different epochs, it is of the last of these.
        Tensors are kept in the memory of the CPU.
    fusion : object with state_dict() and load_state_dict(), optional
        What fuses the modalities, if it trains along. At the start of joint training it stays as it
        is (unless it is in `keep`).
    log : callable, optional
        Called after every epoch, by every process, with a dict of numbers: epoch, joint (0 or 1),
        shares and metrics.
    distributed : bool, optional
        Whether to add up the observations of all processes; by default where there are several.
        Pass False if every process observes all samples.

    Raises
    ------
    ValueError
        If `modules` are not those of the controller's modalities, or one of them has no parameters
        that require gradients: there is nothing to train or to hold back.
    TypeError
        If `fusion`, or one of `keep`, has no state to keep.

    Examples
    --------
    >>> import torch
    >>> from fastpid.controller import AsyncController
    >>> from fastpid.torch.training import AsyncTraining
    >>> nets = {name: torch.nn.Linear(4, 2) for name in ("audio", "video")}
    >>> training = AsyncTraining(AsyncController(nets, num_classes=2), nets)
    >>> loader = [(torch.randn(40, 4), torch.arange(40) % 2)]
    >>> for (x, z), names in training.batches(loader):
    ...     loss = sum(torch.nn.functional.cross_entropy(nets[name](x), z) for name in names)
    >>> training.observe({name: net(x) for name, net in nets.items()}, z, logits=True)
    >>> training.decide(epoch=0).phase
    'unimodal'
    """

    def __init__(
        self,
        controller: AsyncController,
        modules: Mapping[str, nn.Module],
        *,
        keep: Mapping[str, Stateful] | None = None,
        fusion: Stateful | None = None,
        log: Callable[[dict[str, float]], object] | None = None,
        distributed: bool | None = None,
    ) -> None:
        if set(modules) != set(controller.modalities):
            raise ValueError(
                f"modules must be those of {', '.join(controller.modalities)}; "
                f"got {', '.join(modules) or 'none'}"
            )
        stateful = {f"keep[{name!r}]": value for name, value in (keep or {}).items()}
        if fusion is not None:
            stateful["fusion"] = fusion
        for title, value in stateful.items():
            if not (hasattr(value, "state_dict") and hasattr(value, "load_state_dict")):
                raise TypeError(
                    f"{title} must have state_dict() and load_state_dict(), as a module or an "
                    f"optimizer has; got {type(value).__name__}"
                )
        self.controller = controller
        self.log = log
        self.distributed = distributed
        self._modules: dict[str, Stateful] = dict(modules)
        self._keep: dict[str, Stateful] = dict(keep or {})
        self._fusion = fusion
        self._trainable = {
            name: [p for p in module.parameters() if p.requires_grad]
            for name, module in modules.items()
        }
        for name, parameters in self._trainable.items():
            if not parameters:
                raise ValueError(
                    f"modules[{name!r}] has no parameters that require gradients, so that the "
                    f"modality can be neither trained nor held back; pass the encoder and the "
                    "classifier that it trains alone, before anything has frozen them"
                )
        #: States of the peak: of the modalities and, by modality, of the fusion, and of all else.
        self._kept: dict[str, dict[str, Any]] = {"modules": {}, "fusion": {}, "keep": {}}
        self._passes_left = 1.0  # of the present epoch, through the data

    @property
    def phase(self) -> str:
        """How the next epoch trains: "unimodal" or "joint"."""
        return self.controller.phase

    @property
    def active(self) -> tuple[str, ...]:
        """The modalities that train in the next epoch."""
        return tuple(name for name, share in self.controller.shares.items() if share > 0.0)

    def batches(self, loader: Iterable[Batch]) -> Iterator[tuple[Batch, tuple[str, ...]]]:
        """Yield the batches of a unimodal epoch, each with the modalities that are to step on it.

        A modality that takes the steps of another one goes through the data once more.

        Parameters
        ----------
        loader : iterable with a length, such as a DataLoader

        Raises
        ------
        TypeError
            If `loader` has no length.
        """
        if not isinstance(loader, Sized):
            raise TypeError(
                f"loader must have a length, as steps are shares of it; got {type(loader).__name__}"
            )
        size = len(loader)
        # Rounded such that they add up.
        shares = self.controller.shares
        ends = [0, *(round(end * size) for end in itertools.accumulate(shares.values()))]
        counts = {name: ends[i + 1] - ends[i] for i, name in enumerate(shares)}
        for number in range(math.ceil(max(counts.values()) / max(size, 1))):
            left = {name: count - number * size for name, count in counts.items()}
            for place, batch in enumerate(itertools.islice(loader, max(left.values()))):
                yield batch, tuple(name for name, count in left.items() if count > place)

    def observe(self, outputs: Mapping[str, Tensor], z: Tensor, *, logits: bool = False) -> None:
        """Take in what every modality's own classifier predicts of a batch of held-out samples.

        Parameters
        ----------
        outputs : mapping of str to Tensor (n, num_classes)
            Probabilities, or logits, on any device. In half precision pass logits: rounded
            probabilities do not sum to one.
        z : Tensor of int (n,)
            Labels from 0 to num_classes - 1.
        logits : bool
            `outputs` are logits, of which the softmax is taken.

        Raises
        ------
        ValueError, TypeError
            As :meth:`fastpid.controller.AsyncController.observe`.
        """
        arrays: Mapping[str, Any] = outputs
        if isinstance(outputs, Mapping):  # the controller refuses what is none
            arrays = {
                name: rows.detach().cpu().double().numpy() if torch.is_tensor(rows) else rows
                for name, rows in outputs.items()
            }
        labels = z.detach().cpu().numpy() if torch.is_tensor(z) else z
        self.controller.observe(arrays, labels, logits=logits)

    def due(self, epoch: int) -> bool:
        """Whether to observe after this epoch, counted from 0."""
        return self.controller.due(epoch)

    @property
    def ends_epoch(self) -> bool:
        """Whether the pass through the data that is being made is the last one of its epoch.

        For trainers whose epoch is one pass through the data: while a modality is held back, the
        others' share of steps is more than a pass has, and an epoch of the controller takes as many
        passes (every other one, of 1.5).
        """
        return self._passes_left <= 1.0 + _ROUNDING

    def end_pass(self) -> Decision | None:
        """Decide after a pass through the data if it ends an epoch; else go on, and return None.

        Epochs are counted from those that were decided after.

        Raises
        ------
        ValueError
            As :meth:`decide`.
        """
        if not self.ends_epoch:
            self._passes_left -= 1.0
            return None
        decision = self.decide(self.epoch)
        self._passes_left += max(decision.shares.values()) - 1.0
        return decision

    @property
    def epoch(self) -> int:
        """The epoch that is being trained, counted from 0."""
        history = self.controller.history
        return history[-1].epoch + 1 if history else 0

    def decide(self, epoch: int) -> Decision:
        """Decide what to do after an epoch, and do it.

        Raises
        ------
        ValueError
            As :meth:`fastpid.controller.AsyncController.decide`, on every process.
        """
        together = self._is_distributed()
        decision = self._decide_together(epoch) if together else self.controller.decide(epoch)
        with torch.inference_mode(False):  # or what is kept could not be trained any more
            if decision.keep:
                self._keep_states(decision.keep)
            if decision.start_joint:
                self._start_joint()
            elif decision.restore_epochs:
                self._go_back(decision.restore_epochs)
        self._freeze()
        if self.log is not None:
            self.log(
                {
                    "epoch": float(epoch),
                    "joint": float(decision.phase == "joint"),
                    **{f"shares/{name}": share for name, share in decision.shares.items()},
                    **decision.metrics,
                }
            )
        return decision

    def state_dict(self) -> dict[str, Any]:
        """Return the controller's state and what is kept of the peak, for ``torch.save``."""
        return {
            "controller": self.controller.state_dict(),
            "kept": self._kept,
            "passes_left": self._passes_left,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where :meth:`state_dict` was called.

        The modules themselves are not part of it: load them where you saved them.

        Raises
        ------
        ValueError
            If `state` is of another configuration. Nothing has been changed then.
        """
        if not isinstance(state, Mapping) or {"controller", "kept", "passes_left"} - set(state):
            raise ValueError("state must be the state_dict() of an AsyncTraining")
        kept = state["kept"]
        if not isinstance(kept, Mapping) or set(kept) != set(self._kept):
            raise ValueError("state must be the state_dict() of an AsyncTraining; its kept is not")
        if set(kept["fusion"]) != (set() if self._fusion is None else set(kept["modules"])):
            raise ValueError(
                f"state keeps the fusion with {', '.join(map(str, kept['fusion'])) or 'none'} of "
                f"{', '.join(map(str, kept['modules']))}; pass `fusion` where it was passed then"
            )
        for part, own in (("modules", self._modules), ("keep", self._keep)):
            # Modalities come to their peaks one by one, and all else is kept with each of them.
            missing = set(own) - set(kept[part]) if part == "keep" and kept["modules"] else set()
            if missing or set(kept[part]) - set(own):
                raise ValueError(
                    f"state keeps {', '.join(map(str, kept[part])) or 'nothing'}, but {part} of "
                    f"this AsyncTraining are {', '.join(own) or 'none'}; pass the same {part}"
                )
        passes_left = check_number("passes_left", state["passes_left"], 0.0, math.inf)
        self.controller.load_state_dict(state["controller"])
        self._kept = {part: dict(states) for part, states in kept.items()}
        self._passes_left = passes_left
        self._freeze()

    def _is_distributed(self) -> bool:
        if self.distributed is not None:
            return self.distributed
        return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1

    def _decide_together(self, epoch: int) -> Decision:
        own = self.controller.sums
        device = torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
        sums = torch.from_numpy(own).to(device, copy=True)
        dist.all_reduce(sums)
        # Of rank 0: the controller's new state, or what went wrong, so that no process is left
        # waiting for one that has failed.
        word: list[Any] = [None]
        if dist.get_rank() == 0:
            try:
                self.controller.sums = sums.cpu().numpy()
                self.controller.decide(epoch)
                word = [self.controller.state_dict()]
            except Exception as error:
                self.controller.sums = own
                word = [error]
        dist.broadcast_object_list(word, src=0)
        if isinstance(word[0], Exception):
            raise word[0]
        self.controller.load_state_dict(word[0])
        return self.controller.history[-1]

    def _keep_states(self, names: Iterable[str]) -> None:
        """Keep the present states of some modalities, and of what is kept with any of them."""
        self._kept["keep"] = {name: _to_cpu(kept.state_dict()) for name, kept in self._keep.items()}
        fusion = None if self._fusion is None else _to_cpu(self._fusion.state_dict())
        for name in names:
            self._kept["modules"][name] = _to_cpu(self._modules[name].state_dict())
            if fusion is not None:
                self._kept["fusion"][name] = fusion

    def _start_joint(self) -> None:
        # The modalities last: they may be part of what else is kept, at another epoch.
        for part, own in (("keep", self._keep), ("modules", self._modules)):
            for name, state in self._kept[part].items():
                own[name].load_state_dict(state)
        self._kept = {part: {} for part in self._kept}

    def _go_back(self, epochs: Mapping[str, int]) -> None:
        """Take some modalities back, and the fusion to the last of their epochs."""
        for name in epochs:
            self._modules[name].load_state_dict(self._kept["modules"][name])
        if self._fusion is not None:
            last = max(epochs, key=epochs.__getitem__)
            self._fusion.load_state_dict(self._kept["fusion"][last])

    def _freeze(self) -> None:
        # What two modalities share is frozen only while both are held.
        needed = {id(p) for name in self.active for p in self._trainable[name]}
        for parameters in self._trainable.values():
            for parameter in parameters:
                parameter.requires_grad_(id(parameter) in needed)
                if id(parameter) not in needed:
                    parameter.grad = None  # or the optimizer would go on with the last one


def tensorboard_logger(writer: Any) -> Callable[[dict[str, float]], None]:
    """Return a `log` for :class:`AsyncTraining` that writes scalars to TensorBoard.

    Parameters
    ----------
    writer : torch.utils.tensorboard.SummaryWriter
        Or whatever else has an ``add_scalar(name, value, step)``.
    """

    def log(values: dict[str, float]) -> None:
        for name, value in values.items():
            if name != "epoch":
                writer.add_scalar(f"fastpid/{name}", value, int(values["epoch"]))

    return log


def _to_cpu(value: Any) -> Any:
    """Copy a state, its tensors to the CPU."""
    if torch.is_tensor(value):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        # A Counter is what MultiStepLR needs, and the state of a module has its versions with it.
        known = isinstance(value, (collections.Counter, collections.OrderedDict))
        copied: Any = copy.copy(value) if known else {}
        for key, item in value.items():
            copied[key] = _to_cpu(item)
        return copied
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_to_cpu, value))
    if isinstance(value, (list, tuple)):
        return type(value)(_to_cpu(item) for item in value)
    return copy.deepcopy(value)
