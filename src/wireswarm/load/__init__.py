"""How much load there is when: shapes and arrivals as pure functions of time."""

from wireswarm.load.arrivals import Arrival, ArrivalKind, Stripes, arrival_times, plan_arrivals, stripe
from wireswarm.load.shapes import Constant, Product, Shape, Spike, Stage, Stages, Steps, Sum, Wave, ramp
from wireswarm.load.stages import format_stages, parse_stages

__all__ = [
    "Arrival",
    "ArrivalKind",
    "Constant",
    "Product",
    "Shape",
    "Spike",
    "Stage",
    "Stages",
    "Steps",
    "Stripes",
    "Sum",
    "Wave",
    "arrival_times",
    "format_stages",
    "parse_stages",
    "plan_arrivals",
    "ramp",
    "stripe",
]
