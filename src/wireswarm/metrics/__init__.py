"""What a run measured, in little memory: histograms that can be merged exactly."""

from wireswarm.metrics.histogram import Histogram

__all__ = ["Histogram"]
