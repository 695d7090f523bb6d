import pytest

from survey.progress import closing_lines, hectares, time_left


@pytest.mark.parametrize(
    ("area_ha", "expected"),
    [(0.0, "0.00 ha"), (0.0012, "0.0012 ha"), (0.000056, "0.000056 ha"), (0.02, "0.02 ha"), (123.456, "123.46 ha")],
)
def test_small_areas_keep_digits_that_say_something(area_ha: float, expected: str) -> None:
    assert hectares(area_ha) == expected


@pytest.mark.parametrize(
    ("area_ha", "pace", "expected"), [(1.0, 0.0, "?"), (3.0, 0.001, "0:50:00"), (-1.0, 1.0, "0:00:00")]
)
def test_time_left(area_ha: float, pace: float, expected: str) -> None:
    assert time_left(area_ha, pace) == expected


def test_the_end_names_the_first_reasons_and_counts_the_rest() -> None:
    blocks = {"not_searched": 7, "reasons": ["a", "b", "c", "d", "e"]}
    assert closing_lines({"blocks": blocks}) == [
        "done",
        "7 blocks could not be searched: a; b; c; and 2 more reasons, see summary.json",
    ]


def test_a_run_that_searched_all_says_nothing_of_unsearched_blocks() -> None:
    assert closing_lines({"blocks": {"not_searched": 0, "reasons": []}}) == ["done"]
