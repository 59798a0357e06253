"""What trains the examples: data sets, networks and stacks of them, recipes, the loop, seeds."""

from regime_lib.lab.datasets import DATASETS, load_dataset
from regime_lib.lab.labelled import Dataset
from regime_lib.lab.models import MLP, StackedMLP
from regime_lib.lab.recipe import Recipe
from regime_lib.lab.seeding import generator, seed_everything
from regime_lib.lab.text import CharacterData, SentenceData, Vocabulary
from regime_lib.lab.training import History, train

__all__ = [
    "DATASETS",
    "MLP",
    "CharacterData",
    "Dataset",
    "History",
    "Recipe",
    "SentenceData",
    "StackedMLP",
    "Vocabulary",
    "generator",
    "load_dataset",
    "seed_everything",
    "train",
]
