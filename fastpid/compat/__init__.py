"""The calls of other packages, answered by fastpid: same arguments, same keys, same units.

A module for each package. To move over, change the import and nothing else::

    from BROJA_2PID import pid       ->  from fastpid.compat.broja_2pid import pid
    from dit.pid import PID_BROJA    ->  from fastpid.compat.dit import PID_BROJA
    from gpid.tilde_pid import ...   ->  from fastpid.compat.gpid import exact_gauss_tilde_pid
    from idtxl.bivariate_pid import  ->  from fastpid.compat.idtxl import BivariatePID
    from MAXENT3D_PID import pid     ->  from fastpid.compat.maxent3d import pid
    from rus import get_measure      ->  from fastpid.compat.multimodal_pid import get_measure

:mod:`fastpid.compat.xarray` takes and returns labelled arrays; xarray itself decomposes nothing.

Where the target stands, and in what unit answers come, differs from package to package. Each module
keeps what its package does, and says what that is. None of them needs the package it stands in for.
"""

from fastpid.compat import broja_2pid as broja_2pid
from fastpid.compat import dit as dit
from fastpid.compat import gpid as gpid
from fastpid.compat import idtxl as idtxl
from fastpid.compat import maxent3d as maxent3d
from fastpid.compat import multimodal_pid as multimodal_pid
from fastpid.compat import xarray as xarray

__all__ = ["broja_2pid", "dit", "gpid", "idtxl", "maxent3d", "multimodal_pid", "xarray"]
