"""Studies that join instrument and lab: tracked runs, when they settle, basins over settings."""

from regime_lib.studies.basin_scans import (
    BasinScan,
    ClassBasins,
    LevelRatios,
    Move,
    ScanPlan,
    TrainedScan,
    basin_scan,
    class_basins,
    range_of_best,
    ratios_at_levels,
    trained_scan,
)
from regime_lib.studies.evidence import (
    EVIDENCE_OF,
    Collected,
    collect_evidence,
    compute_evidence,
    paper_scale,
    run_point,
)
from regime_lib.studies.input_planes import InputPlane, plane_through
from regime_lib.studies.multiverse import Estimate, Multiverse, Share, multiverse
from regime_lib.studies.networks import PatchTransformer, SmallCNN, TextTransformer
from regime_lib.studies.seeds import over_seeds
from regime_lib.studies.settings import Setting
from regime_lib.studies.specifications import DEFINITIONS, USUAL, slope, specifications
from regime_lib.studies.tasks import Task, task_of
from regime_lib.studies.tracked import Series, TrackedRun, tracked_run

__all__ = [
    "DEFINITIONS",
    "EVIDENCE_OF",
    "USUAL",
    "BasinScan",
    "ClassBasins",
    "Collected",
    "Estimate",
    "InputPlane",
    "LevelRatios",
    "Move",
    "Multiverse",
    "PatchTransformer",
    "ScanPlan",
    "Series",
    "Setting",
    "Share",
    "SmallCNN",
    "Task",
    "TextTransformer",
    "TrackedRun",
    "TrainedScan",
    "basin_scan",
    "class_basins",
    "collect_evidence",
    "compute_evidence",
    "multiverse",
    "over_seeds",
    "paper_scale",
    "plane_through",
    "range_of_best",
    "ratios_at_levels",
    "run_point",
    "slope",
    "specifications",
    "task_of",
    "tracked_run",
    "trained_scan",
]
