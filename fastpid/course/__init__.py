"""Time courses: estimates from trials at every time, with tests corrected for all of them."""

from fastpid.course._course import AtomCourse, Span
from fastpid.course._over import estimate_over
from fastpid.course._result import TimeCourse

__all__ = ["AtomCourse", "Span", "TimeCourse", "estimate_over"]
