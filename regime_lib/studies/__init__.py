"""Studies that join instrument and lab: tracked runs and when they settle, neuron modes."""

from regime_lib.studies.evidence import (
    EVIDENCE_OF,
    Collected,
    collect_evidence,
    compute_evidence,
    paper_scale,
    run_point,
)
from regime_lib.studies.layer_slopes import (
    LayerCourse,
    Truncation,
    Turning,
    deep_course,
    plain_deep,
    truncation,
    turning,
    very_deep_course,
)
from regime_lib.studies.mode_study import ModeStudy, Trained, accuracy_of
from regime_lib.studies.multiverse import Estimate, Multiverse, Share, multiverse
from regime_lib.studies.networks import PatchTransformer, SmallCNN, TextTransformer
from regime_lib.studies.neuron_modes import (
    SlopeCourse,
    SlopeRule,
    falls_from_peak,
    random_sign_ranks,
    slope_over_training,
    slope_rule,
)
from regime_lib.studies.seeds import over_seeds
from regime_lib.studies.settings import Setting
from regime_lib.studies.specifications import DEFINITIONS, USUAL, slope, specifications
from regime_lib.studies.tasks import Task, task_of
from regime_lib.studies.three_networks import ThreeNetworks, three_networks, twin_slopes
from regime_lib.studies.tracked import Series, TrackedRun, tracked_run

__all__ = [
    "DEFINITIONS",
    "EVIDENCE_OF",
    "USUAL",
    "Collected",
    "Estimate",
    "LayerCourse",
    "ModeStudy",
    "Multiverse",
    "PatchTransformer",
    "Series",
    "Setting",
    "Share",
    "SlopeCourse",
    "SlopeRule",
    "SmallCNN",
    "Task",
    "TextTransformer",
    "ThreeNetworks",
    "TrackedRun",
    "Trained",
    "Truncation",
    "Turning",
    "accuracy_of",
    "collect_evidence",
    "compute_evidence",
    "deep_course",
    "falls_from_peak",
    "multiverse",
    "over_seeds",
    "paper_scale",
    "plain_deep",
    "random_sign_ranks",
    "run_point",
    "slope",
    "slope_over_training",
    "slope_rule",
    "specifications",
    "task_of",
    "three_networks",
    "tracked_run",
    "truncation",
    "turning",
    "twin_slopes",
    "very_deep_course",
]
