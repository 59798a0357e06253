"""Studies that join instrument and lab: tracked runs, and every way of asking when they settle."""

from regime_lib.studies.around_jump import FallRates, SlopeRise, fall_rates, slope_rise
from regime_lib.studies.evidence import (
    EVIDENCE_OF,
    Collected,
    collect_evidence,
    compute_evidence,
    paper_scale,
    run_point,
)
from regime_lib.studies.grokking import (
    MeasuredRun,
    Pace,
    State,
    distance_to_class,
    layer_slopes,
    measure_run,
    pace_at,
    state_at,
)
from regime_lib.studies.late_statistics import (
    LateRuns,
    changes_phase,
    delays_under_all,
    late_without_change,
    moments_under,
)
from regime_lib.studies.multiverse import Estimate, Multiverse, Share, multiverse
from regime_lib.studies.networks import PatchTransformer, SmallCNN, TextTransformer
from regime_lib.studies.passages import (
    Moments,
    Windows,
    aligned,
    first_passage,
    mean_in,
    median_at,
    median_of,
    median_over_seeds,
    moments,
    over_plateau,
    rise,
    value_at,
    windows,
)
from regime_lib.studies.settings import Setting
from regime_lib.studies.specifications import DEFINITIONS, USUAL, slope, specifications
from regime_lib.studies.starts import Starts, compare_starts
from regime_lib.studies.tasks import Task, task_of
from regime_lib.studies.tracked import Series, TrackedRun, tracked_run
from regime_lib.studies.tuning import Tuning, frequency_shares, tuning_over_training

__all__ = [
    "DEFINITIONS",
    "EVIDENCE_OF",
    "USUAL",
    "Collected",
    "Estimate",
    "FallRates",
    "LateRuns",
    "MeasuredRun",
    "Moments",
    "Multiverse",
    "Pace",
    "PatchTransformer",
    "Series",
    "Setting",
    "Share",
    "SlopeRise",
    "SmallCNN",
    "Starts",
    "State",
    "Task",
    "TextTransformer",
    "TrackedRun",
    "Tuning",
    "Windows",
    "aligned",
    "changes_phase",
    "collect_evidence",
    "compare_starts",
    "compute_evidence",
    "delays_under_all",
    "distance_to_class",
    "fall_rates",
    "first_passage",
    "frequency_shares",
    "late_without_change",
    "layer_slopes",
    "mean_in",
    "measure_run",
    "median_at",
    "median_of",
    "median_over_seeds",
    "moments",
    "moments_under",
    "multiverse",
    "over_plateau",
    "pace_at",
    "paper_scale",
    "rise",
    "run_point",
    "slope",
    "slope_rise",
    "specifications",
    "state_at",
    "task_of",
    "tracked_run",
    "tuning_over_training",
    "value_at",
    "windows",
]
