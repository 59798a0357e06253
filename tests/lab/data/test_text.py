"""Text sets."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.lab import CharacterData, SentenceData, Vocabulary, load_dataset
from regime_lib.lab.data import text
from regime_lib.lab.data.files import Files
from tests.sentences import refusal

VERSE = "To be, or not to be:\nthat is the question.\n"
REVIEWS = {
    "train.tsv": "a fine film\t1\na dull dull film\t0\nfine , fine\t1\n",
    "dev.tsv": "so so\t0\n",
    "test.tsv": "fine\t1\nunseen words\t0\n",
}


def write(root: Path, folder: str, contents: dict[str, str]) -> Files:
    (root / folder).mkdir()
    for name, content in contents.items():
        (root / folder / name).write_text(content, encoding="utf-8")
    digests = {name: hashlib.sha256(it.encode()).hexdigest() for name, it in contents.items()}
    return Files(folder, digests, origin="their publisher")


@pytest.fixture
def verse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CharacterData:
    files = write(tmp_path, "tinyshakespeare", {"input.txt": VERSE})
    monkeypatch.setattr(text, "SHAKESPEARE", files)
    return load_dataset("tiny-shakespeare", root=tmp_path)


@pytest.fixture
def reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SentenceData:
    monkeypatch.setattr(text, "SST2", write(tmp_path, "sst2", REVIEWS))
    return load_dataset("sst2", root=tmp_path)


def test_a_text_becomes_tokens_in_order_and_back(verse: CharacterData) -> None:
    assert verse.alphabet == "".join(sorted(set(VERSE)))
    assert len(verse.train_tokens) == int(len(VERSE) * 0.9)
    assert verse.train_tokens.dtype == torch.int64
    assert verse.decode(torch.cat([verse.train_tokens, verse.test_tokens])) == VERSE


def test_a_subset_of_a_text_is_its_beginning(verse: CharacterData) -> None:
    part = verse.subset(5, 2)
    assert verse.decode(part.train_tokens) == VERSE[:5]
    assert torch.equal(part.test_tokens, verse.test_tokens[:2])
    refusal("expected 1 to", lambda: verse.subset(1000, 1))
    refusal("expected 1 to", lambda: verse.subset(1, 0))


def test_sentences_keep_their_labels(reviews: SentenceData) -> None:
    train = zip(reviews.train_sentences, reviews.train_labels.tolist(), strict=True)
    assert sorted(train) == [("a dull dull film", 0), ("a fine film", 1), ("fine , fine", 1)]
    assert reviews.validation_sentences == ("so so",)
    assert reviews.validation_labels.tolist() == [0]
    assert reviews.classes == ("negative", "positive")


def test_the_vocabulary_counts_training_words_only(reviews: SentenceData) -> None:
    assert reviews.vocabulary().words == ("fine", "a", "dull", "film", ",")
    assert reviews.vocabulary(min_count=2).words == ("fine", "a", "dull", "film")
    assert len(reviews.vocabulary()) == 7


def test_words_become_numbers_padded_cut_and_unknown() -> None:
    vocabulary = Vocabulary(("fine", "film"))
    tokens = vocabulary.encode(["fine film", "no", "", "film film fine no"], 3)
    assert tokens.tolist() == [[2, 3, 0], [1, 0, 0], [0, 0, 0], [3, 3, 2]]


@given(sentences=st.lists(st.lists(st.sampled_from("abcdef"), max_size=8)))
def test_encoding_can_be_undone_up_to_length_and_unknown_words(sentences: list[list[str]]) -> None:
    vocabulary = Vocabulary(("a", "b", "c"))
    names = ["", "?", *vocabulary.words]
    tokens = vocabulary.encode([" ".join(words) for words in sentences], 5)
    assert tokens.shape == (len(sentences), 5)
    for row, words in zip(tokens.tolist(), sentences, strict=True):
        expected = [word if word in "abc" else "?" for word in words[:5]]
        assert [names[number] for number in row] == expected + [""] * (5 - len(expected))


def test_sentences_become_a_data_set_of_tokens(reviews: SentenceData) -> None:
    data = reviews.as_tokens(reviews.vocabulary(), length=4)
    assert data.train_inputs.shape == (3, 4)
    assert data.train_inputs.dtype == torch.int64
    assert torch.equal(data.test_labels, reviews.test_labels)
    assert data.provenance == "SST-2"


def test_a_subset_of_sentences_is_the_first_ones(reviews: SentenceData) -> None:
    part = reviews.subset(2, 1)
    assert part.train_sentences == reviews.train_sentences[:2]
    assert torch.equal(part.train_labels, reviews.train_labels[:2])
    assert part.validation_sentences == reviews.validation_sentences
    assert repr(part) == "SentenceData('sst2', 2 training, 1 validation and 1 test sentences)"
    refusal("expected 1 to 3", lambda: reviews.subset(4, 1))
    refusal("expected 1 to 2", lambda: reviews.subset(1, 3))


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize(
    ("name", "files"), [("tiny-shakespeare", ["input.txt"]), ("sst2", ["train.tsv", "dev.tsv"])]
)
def test_a_missing_set_tells_how_to_get_it(name: str, files: list[str]) -> None:
    message = refusal("REGIME_DATA", lambda: load_dataset(name))
    assert all(file in message for file in files)
    assert "github.com" in message
