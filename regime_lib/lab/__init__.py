"""What trains the examples: data sets, networks and ensembles of them, the loop, seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regime_lib._lazy import attach

if TYPE_CHECKING:
    from regime_lib.lab.data.dataset import Dataset
    from regime_lib.lab.data.loading import DATASETS, load_dataset
    from regime_lib.lab.data.modular import modular_addition
    from regime_lib.lab.data.text import CharacterData, SentenceData, Vocabulary
    from regime_lib.lab.models.batchnorm_mlp import BatchNormMLP, BatchNormMLPEnsemble
    from regime_lib.lab.models.cnn import CNN, CNNEnsemble
    from regime_lib.lab.models.ensemble import Ensemble
    from regime_lib.lab.models.initialisation import scale_parameters
    from regime_lib.lab.models.mlp import MLP, MLPEnsemble
    from regime_lib.lab.models.transformer import Transformer, TransformerEnsemble, TransformerShape
    from regime_lib.lab.seeding import generator
    from regime_lib.lab.training.checkpoints import CheckpointedRun, log_steps, train_to_checkpoints
    from regime_lib.lab.training.config import TrainingConfig
    from regime_lib.lab.training.loop import History, train

__all__ = [
    "CNN",
    "DATASETS",
    "MLP",
    "BatchNormMLP",
    "BatchNormMLPEnsemble",
    "CNNEnsemble",
    "CharacterData",
    "CheckpointedRun",
    "Dataset",
    "Ensemble",
    "History",
    "MLPEnsemble",
    "SentenceData",
    "TrainingConfig",
    "Transformer",
    "TransformerEnsemble",
    "TransformerShape",
    "Vocabulary",
    "generator",
    "load_dataset",
    "log_steps",
    "modular_addition",
    "scale_parameters",
    "train",
    "train_to_checkpoints",
]

__getattr__, __dir__ = attach(__name__, __file__)
