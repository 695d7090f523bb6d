"""Labelled pictures: data lists, where pictures and labels lie, and what they hold, decoded."""

from survey.datasets.datalist import DataList, load_data_list, reviewed_runs
from survey.datasets.picture import Picture
from survey.datasets.sources import Sources, load_sources

__all__ = ["DataList", "Picture", "Sources", "load_data_list", "load_sources", "reviewed_runs"]
