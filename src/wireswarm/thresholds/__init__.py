"""What a run has to keep to: `POST /orders: p95 < 500ms`, judged while it goes on and at its end.

`grammar` reads thresholds and `evaluate` judges them; both are pure. A threshold that found nothing to judge fails.
"""

from wireswarm.thresholds.environment import thresholds_from_environment
from wireswarm.thresholds.evaluate import Evaluator, Judgement
from wireswarm.thresholds.grammar import ExpressionError, parse_expression, parse_threshold, parse_thresholds
from wireswarm.thresholds.groups import check_series, longest_window, merge_thresholds
from wireswarm.thresholds.metric import LONGEST_WINDOW_S, Metric
from wireswarm.thresholds.model import Operator, Threshold
from wireswarm.thresholds.readable import Readable

__all__ = [
    "LONGEST_WINDOW_S",
    "Evaluator",
    "ExpressionError",
    "Judgement",
    "Metric",
    "Operator",
    "Readable",
    "Threshold",
    "check_series",
    "longest_window",
    "merge_thresholds",
    "parse_expression",
    "parse_threshold",
    "parse_thresholds",
    "thresholds_from_environment",
]
