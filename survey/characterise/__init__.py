"""What is stored with a trained model beside its recall: what imagery it knows, and what makes an item easy to find."""

from survey.characterise.config import CharacteriseConfig
from survey.characterise.run import characterise

__all__ = ["CharacteriseConfig", "characterise"]
