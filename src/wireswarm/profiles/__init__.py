"""The profile file: named settings of a run, such as `smoke` or `stress`, kept beside the locustfile.

It is read before anything of a run exists, and reports every mistake in it at once, as one `ConfigurationError`.
"""

from wireswarm.profiles.course import Course, course_of
from wireswarm.profiles.keys import KEYS, Key
from wireswarm.profiles.model import Profile, ProfileFile
from wireswarm.profiles.plan import Plan
from wireswarm.profiles.reader import find_profile_file, read_profile_file, read_thresholds_file, select
from wireswarm.profiles.watch import PrometheusSelector, Watch

__all__ = [
    "KEYS",
    "Course",
    "Key",
    "Plan",
    "Profile",
    "ProfileFile",
    "PrometheusSelector",
    "Watch",
    "course_of",
    "find_profile_file",
    "read_profile_file",
    "read_thresholds_file",
    "select",
]
