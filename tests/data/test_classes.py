"""Classes joined and left out."""

from __future__ import annotations

import numpy as np
import pytest

from boundcheck.data import load_dataset, parse_labels
from boundcheck.data.classes import parse_groups, split_spec
from boundcheck.errors import InputError
from boundcheck.runs.samples import describe, find_data, make_samples


def test_groups_become_classes_and_keep_every_row() -> None:
    whole, halves = load_dataset("digits"), load_dataset("digits:0-4/5-9")
    assert (halves.name, halves.classes) == ("digits:0-4/5-9", 2)
    np.testing.assert_array_equal(halves.labels("train"), whole.labels("train") > 4)
    np.testing.assert_array_equal(halves.labels("test"), whole.labels("test") > 4)
    np.testing.assert_array_equal(halves.inputs("train"), whole.inputs("train"))
    assert (halves.low, halves.high, halves.norm_bound) == (whole.low, whole.high, whole.norm_bound)
    assert halves.sha256 != whole.sha256


def test_classes_in_no_group_are_left_out() -> None:
    whole, pair = load_dataset("digits"), load_dataset("digits:4/9,0")
    named = np.isin(whole.labels("train"), [4, 9, 0])
    np.testing.assert_array_equal(pair.inputs("train"), whole.inputs("train")[named])
    np.testing.assert_array_equal(pair.labels("train"), (whole.labels("train")[named] != 4).astype(int))


def test_a_checkpoint_names_the_groups_and_finds_the_data_again() -> None:
    dataset, law = load_dataset("digits:0-4/5-9"), parse_labels("true")
    train, _ = make_samples(dataset, law, 0, 100)
    description = describe(dataset, law, 0, 100, train)
    assert find_data(description, None, None).sha256 == dataset.sha256
    with pytest.raises(InputError, match="SHA-256"):
        find_data(description, "digits:0-3/4-9", None)


@pytest.mark.parametrize("spec", ["mnist", "synthetic:majority", "a:b.npz", "data.npz", "digits:3", "C:/x/y.npz"])
def test_other_specifications_have_no_groups(spec: str) -> None:
    assert split_spec(spec) == (spec, None)


def test_groups_of_a_file_are_read_off_its_end() -> None:
    assert split_spec("my/data.npz:0/1-3") == ("my/data.npz", "0/1-3")


@pytest.mark.parametrize("text", ["0-4/4-9", "0/10", "5-3/1", "0,/1", "-/1", "0--2/3", "1-/2"])
def test_groups_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected"):
        parse_groups(text, 10)
