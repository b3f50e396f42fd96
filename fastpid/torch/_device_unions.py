"""Union problems of several sources that are solved on the CUDA device they are on.

What the device does not take is for the CPU: batches that do not fill it, problems of many tuples
of symbols, and builds without the CUDA library.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from fastpid._base.quantities import MASS_TOLERANCE, METHODS, Codes
from fastpid._many import report_solved
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._solve.unions import LEAST_MASS, MOST_MASS, ROUNDING, SolvedUnions
from fastpid.result import Status
from fastpid.torch import _cuda

_EXACT = METHODS.index("exact")


def solve(
    marginals: Tensor, sizes: Sequence[int], options: SolveOptions
) -> tuple[Tensor, Tensor, Tensor] | None:
    """Return terms, codes and potentials as the operator does; None if this is one for the CPU.

    Parameters
    ----------
    marginals : Tensor, shape (..., sum of sizes, nz)
        float64, on a CUDA device; not checked yet.
    sizes : sequence of int
        Symbols of each source.
    options : SolveOptions
    """
    batch, (rows, nz) = marginals.shape[:-2], marginals.shape[-2:]
    flat = marginals.detach().reshape(-1, rows, nz)
    # Whether a target of more symbols has a closed form is known when it has been looked at.
    if kernel.cuda_library() is None or len(flat) == 0 or (options.method == _EXACT and nz > 2):
        return None
    if len(sizes) == 2:  # whose answer is that of decompose_marginals()
        given, good = prepare(flat, sizes, options.normalize)
        pair = tuple(part.contiguous() for part in given.split(list(sizes), dim=1))
        shape = (len(flat), sizes[0], sizes[1], nz)
        terms, codes, _, _, lam, mu = _cuda.solve(pair, shape, options._replace(normalize=False))
        terms, potentials = torch.cat([terms[:2], terms[3:]]), torch.cat([lam, mu], dim=1)
    else:
        unions = _cuda.Unions(len(flat), sizes, nz, options, marginals.device)
        if not unions.taken:
            return None
        given, good = prepare(flat, sizes, options.normalize)
        terms, codes, potentials = unions.solve(given)
    terms = terms.masked_fill(~good, torch.nan)
    potentials = potentials.masked_fill(~good[:, None, None], torch.nan)
    named = Codes(*codes)
    named.iterations.masked_fill_(~good, 0)
    named.status.masked_fill_(~good, Status.INVALID.code)
    if options.on_failure != "ignore" and bool(named.status.any()):  # waits for the device
        _report(flat.view(*batch, rows, nz), sizes, (terms, codes, potentials), options)
    return (
        terms.view(-1, *batch),
        codes.view(-1, *batch),
        potentials.view(*batch, rows, nz),
    )


def prepare(marginals: Tensor, sizes: Sequence[int], normalize: bool) -> tuple[Tensor, Tensor]:
    """Return what ``check_sources`` makes of marginals (count, sum of sizes, nz), and who is valid.

    Divided by their masses if that is asked for, with one p(z), and without waiting for the device.
    Equal probabilities stand for problems that hold no distributions.
    """
    parts = marginals.split(list(sizes), dim=1)
    p_z = torch.stack([part.sum(1) for part in parts], dim=1)
    mass = p_z.sum(2, keepdim=True)
    if normalize:
        good = (mass >= LEAST_MASS) & (mass <= MOST_MASS)
        p_z = p_z / mass
    else:
        good = (mass - 1.0).abs() <= MASS_TOLERANCE
    valid = good.flatten(1).all(1) & (marginals >= 0.0).flatten(1).all(1)
    spread = (p_z.amax(1) - p_z.amin(1)).amax(1)
    valid &= spread <= MASS_TOLERANCE
    common = p_z.log().mean(1, keepdim=True).exp()  # zero where one of them is
    scale = torch.where((spread > ROUNDING)[:, None, None], common / p_z, 1.0)
    scale = scale.masked_fill(p_z <= 0.0, 0.0)
    if normalize:
        scale = scale / mass
    given = [
        torch.where(valid[:, None, None], part * of_part, 1.0 / part[0].numel())
        for part, of_part in zip(parts, scale.split(1, dim=1), strict=True)
    ]
    return torch.cat(given, dim=1), valid


def _report(
    marginals: Tensor,
    sizes: Sequence[int],
    out: tuple[Tensor, Tensor, Tensor],
    options: SolveOptions,
) -> None:
    terms, codes, potentials = (tensor.cpu().numpy() for tensor in out)
    ends = list(itertools.accumulate(sizes))
    starts = [0, *ends[:-1]]
    together = marginals.cpu().numpy()
    solved = SolvedUnions(
        terms[:-2],
        terms[-2:],
        codes,
        [potentials[:, start:end] for start, end in zip(starts, ends, strict=True)],
    )
    each = [together[..., start:end, :] for start, end in zip(starts, ends, strict=True)]
    report_solved(each, solved, options, "fastpid", "torch")
