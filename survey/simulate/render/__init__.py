"""Ordnance and clutter rendered with true light and shadow, for training."""

from survey.simulate.render.bank import BankSprite, load_bank
from survey.simulate.render.catalogue import KINDS
from survey.simulate.render.make import make_bank
from survey.simulate.render.sheet import write_sheet

__all__ = ["KINDS", "BankSprite", "load_bank", "make_bank", "write_sheet"]
