"""Ordnance and clutter rendered with true light and shadow, for training."""

from survey.simulate.render.bank import BankSprite, load_bank

__all__ = ["BankSprite", "load_bank"]
