"""How much load there is when: shapes and arrivals as pure functions of time."""

from wireswarm.load.arrivals import Arrival, ArrivalKind, Stripes, arrival_times, plan_arrivals, stripe, turns
from wireswarm.load.desk import HORIZON, Desk, Ticket
from wireswarm.load.rates import RATES_ALLOWED, parse_rate
from wireswarm.load.shapes import Constant, Product, Shape, Spike, Stage, Stages, Steps, Sum, Wave, ramp
from wireswarm.load.stages import parse_stages

__all__ = [
    "HORIZON",
    "RATES_ALLOWED",
    "Arrival",
    "ArrivalKind",
    "Constant",
    "Desk",
    "Product",
    "Shape",
    "Spike",
    "Stage",
    "Stages",
    "Steps",
    "Stripes",
    "Sum",
    "Ticket",
    "Wave",
    "arrival_times",
    "parse_rate",
    "parse_stages",
    "plan_arrivals",
    "ramp",
    "stripe",
    "turns",
]
