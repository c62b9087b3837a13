"""Sequential flows: steps in order, clean-ups that always run, one measured whole."""

from wireswarm.flows.flow import Flow
from wireswarm.flows.step import step

__all__ = ["Flow", "step"]
