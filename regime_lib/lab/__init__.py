"""What trains the examples: data sets, networks and stacks of them, recipes, the loop, seeds."""

from regime_lib.lab.checkpoints import CheckpointedRun, log_steps, train_to_checkpoints
from regime_lib.lab.convolutional import CNN
from regime_lib.lab.datasets import DATASETS, load_dataset
from regime_lib.lab.initialisation import scale_parameters
from regime_lib.lab.labelled import Dataset
from regime_lib.lab.models import MLP, StackedMLP
from regime_lib.lab.modular import modular_addition
from regime_lib.lab.normalised import NormalisedMLP, StackedNormalisedMLP
from regime_lib.lab.recipe import Recipe
from regime_lib.lab.running_statistics import StatisticsRun, follow_statistics
from regime_lib.lab.seeding import generator, seed_everything
from regime_lib.lab.stack import Stack
from regime_lib.lab.text import CharacterData, SentenceData, Vocabulary
from regime_lib.lab.training import History, train
from regime_lib.lab.transformer import StackedTransformer, Transformer, TransformerShape

__all__ = [
    "CNN",
    "DATASETS",
    "MLP",
    "CharacterData",
    "CheckpointedRun",
    "Dataset",
    "History",
    "NormalisedMLP",
    "Recipe",
    "SentenceData",
    "Stack",
    "StackedMLP",
    "StackedNormalisedMLP",
    "StackedTransformer",
    "StatisticsRun",
    "Transformer",
    "TransformerShape",
    "Vocabulary",
    "follow_statistics",
    "generator",
    "load_dataset",
    "log_steps",
    "modular_addition",
    "scale_parameters",
    "seed_everything",
    "train",
    "train_to_checkpoints",
]
