"""What trains the examples: data sets, networks and stacks of them, recipes, the loop, seeds."""

from regime_lib.lab.convolutional import CNN
from regime_lib.lab.datasets import DATASETS, load_dataset
from regime_lib.lab.labelled import Dataset
from regime_lib.lab.models import MLP, StackedMLP
from regime_lib.lab.recipe import Recipe
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
    "Dataset",
    "History",
    "Recipe",
    "SentenceData",
    "Stack",
    "StackedMLP",
    "StackedTransformer",
    "Transformer",
    "TransformerShape",
    "Vocabulary",
    "generator",
    "load_dataset",
    "seed_everything",
    "train",
]
