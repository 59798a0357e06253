"""Studies that join instrument and lab: tracked runs, and every way of asking when they settle."""

from regime_lib.studies.evidence import (
    EVIDENCE_OF,
    Collected,
    collect_evidence,
    compute_evidence,
    paper_scale,
    run_point,
)
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
    "Collected",
    "Estimate",
    "Multiverse",
    "PatchTransformer",
    "Series",
    "Setting",
    "Share",
    "SmallCNN",
    "Task",
    "TextTransformer",
    "TrackedRun",
    "collect_evidence",
    "compute_evidence",
    "multiverse",
    "over_seeds",
    "paper_scale",
    "run_point",
    "slope",
    "specifications",
    "task_of",
    "tracked_run",
]
