"""Text sets: a stream of characters, and labelled sentences with a vocabulary of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regime_lib.errors import RegimeError, extra
from regime_lib.lab.data.dataset import Dataset, check_subset
from regime_lib.lab.data.files import Files
from regime_lib.lab.seeding import generator

PADDING, UNKNOWN = 0, 1

SHAKESPEARE = Files(
    "tinyshakespeare",
    {"input.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
    origin="github.com/karpathy/char-rnn, data/tinyshakespeare",
)
SST2 = Files(
    "sst2",
    {
        "train.tsv": "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920",
        "dev.tsv": "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359",
        "test.tsv": "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7",
    },
    origin="github.com/clairett/pytorch-sentiment-classification, data/SST2",
)


@dataclass(frozen=True, eq=False)
class CharacterData:
    """A text as numbers, in order, one per character: 90 % for training, the rest for testing."""

    name: str
    provenance: str
    alphabet: str  #: the distinct characters, sorted; a token is a position in it
    train_tokens: Int[Tensor, " train"]
    test_tokens: Int[Tensor, " test"]

    def subset(self, n_train: int, n_test: int) -> CharacterData:
        """Return the first characters of both parts."""
        check_subset(self.name, "characters", n_train, len(self.train_tokens))
        check_subset(self.name, "characters", n_test, len(self.test_tokens))
        train, test = self.train_tokens[:n_train].clone(), self.test_tokens[:n_test].clone()
        return replace(self, train_tokens=train, test_tokens=test)

    def as_windows(self, length: int) -> Dataset:
        """Return stretches of the text, each with the characters that follow, one further on.

        The stretches do not overlap; they are shuffled as the rows of other sets are.
        """
        parts: list[Tensor] = []
        for part, tokens in (("train", self.train_tokens), ("test", self.test_tokens)):
            count = (len(tokens) - 1) // length if length > 0 else 0
            if count < 1:
                raise RegimeError(
                    f"windows of {length} characters do not fit the {len(tokens)} {part} "
                    f"characters of {self.name}; choose a length from 1 to {len(tokens) - 1}"
                )
            order = torch.from_numpy(generator(0, f"{self.name} {part}").permutation(count))
            for start in (0, 1):  # inputs, labels
                parts.append(tokens[start : start + count * length].view(count, length)[order])
        return Dataset(self.name, self.provenance, tuple(self.alphabet), *parts)  # type: ignore[arg-type]

    def decode(self, tokens: Int[Tensor, " length"]) -> str:
        """Return the text of tokens."""
        return "".join(self.alphabet[token] for token in tokens.tolist())


@dataclass(frozen=True)
class Vocabulary:
    """Words with numbers: 0 pads, 1 stands for every word that is not in the list."""

    words: tuple[str, ...]  #: word number 2, 3, …

    def __len__(self) -> int:
        return len(self.words) + 2

    def encode(self, sentences: Sequence[str], length: int) -> Int[Tensor, "sentences length"]:
        """Return the first `length` words of every sentence as numbers, padded at the end."""
        number = {word: index for index, word in enumerate(self.words, start=2)}
        tokens = torch.full((len(sentences), length), PADDING, dtype=torch.int64)
        for row, sentence in enumerate(sentences):
            known = [number.get(word, UNKNOWN) for word in sentence.split()[:length]]
            tokens[row, : len(known)] = torch.tensor(known, dtype=torch.int64)
        return tokens


@dataclass(frozen=True, eq=False, repr=False)
class SentenceData:
    """Labelled sentences, their words separated by spaces; shuffled as in `Dataset`."""

    name: str
    provenance: str
    classes: tuple[str, ...]
    train_sentences: tuple[str, ...]
    train_labels: Int[Tensor, " train"]
    validation_sentences: tuple[str, ...]
    validation_labels: Int[Tensor, " validation"]
    test_sentences: tuple[str, ...]
    test_labels: Int[Tensor, " test"]

    def subset(self, n_train: int, n_test: int) -> SentenceData:
        """Return the first sentences of the training and the test part, and all for validation."""
        check_subset(self.name, "training sentences", n_train, len(self.train_sentences))
        check_subset(self.name, "test sentences", n_test, len(self.test_sentences))
        return replace(
            self,
            train_sentences=self.train_sentences[:n_train],
            train_labels=self.train_labels[:n_train],
            test_sentences=self.test_sentences[:n_test],
            test_labels=self.test_labels[:n_test],
        )

    def vocabulary(self, min_count: int = 1) -> Vocabulary:
        """Return the words that occur at least so often in training, the commonest first."""
        counts = Counter(word for sentence in self.train_sentences for word in sentence.split())
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return Vocabulary(tuple(word for word, count in ranked if count >= min_count))

    def as_tokens(self, vocabulary: Vocabulary, length: int) -> Dataset:
        """Return training and test part as word numbers of shape (sentences, length)."""
        train = vocabulary.encode(self.train_sentences, length), self.train_labels
        test = vocabulary.encode(self.test_sentences, length), self.test_labels
        return Dataset(self.name, self.provenance, self.classes, *train, *test)

    def __repr__(self) -> str:
        return (
            f"SentenceData({self.name!r}, {len(self.train_sentences)} training, "
            f"{len(self.validation_sentences)} validation and {len(self.test_sentences)} "
            "test sentences)"
        )


def load_characters(root: str | Path | None) -> CharacterData:
    """Return the Tiny Shakespeare text."""
    text = (_folder("tiny-shakespeare", SHAKESPEARE, root) / "input.txt").read_bytes()
    return _as_tokens("tiny-shakespeare", "Tiny Shakespeare", text.decode("ascii"))


def load_descriptions() -> CharacterData:
    """Return scikit-learn's descriptions of its data sets, whose wording follows its version."""
    with extra("lab"):
        import sklearn

    folder = resources.files("sklearn.datasets.descr")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".rst"))
    pages = [(folder / name).read_text(encoding="utf-8") for name in names]
    where = f"descriptions of the data sets in scikit-learn {sklearn.__version__}"
    return _as_tokens("descriptions", where, "".join(pages))


def _as_tokens(name: str, provenance: str, text: str) -> CharacterData:
    """Number the characters of a text in their order, and cut off its last tenth."""
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    alphabet, tokens = np.unique(points, return_inverse=True)
    stream = torch.from_numpy(tokens.astype(np.int64))
    cut = int(len(stream) * 0.9)
    letters = "".join(map(chr, alphabet.tolist()))
    return CharacterData(name, provenance, letters, stream[:cut], stream[cut:])


def load_sentences(root: str | Path | None) -> SentenceData:
    """Return the Stanford Sentiment Treebank with two classes."""
    folder = _folder("sst2", SST2, root)
    parts: list[tuple[str, ...] | Tensor] = []
    for part in ("train", "dev", "test"):
        lines = (folder / f"{part}.tsv").read_text(encoding="utf-8").splitlines()
        order = generator(0, f"sst2 {part}").permutation(len(lines))
        rows = [lines[index].rsplit("\t", 1) for index in order]
        parts += [tuple(text for text, _ in rows), torch.tensor([int(label) for _, label in rows])]
    return SentenceData("sst2", "SST-2", ("negative", "positive"), *parts)  # type: ignore[arg-type]


def _folder(name: str, files: Files, root: str | Path | None) -> Path:
    folder = files.find(root)
    if folder is None:
        raise RegimeError(f"the data set {name} is not on this machine: {files.how_to_get(root)}")
    return folder
