"""Attacks on graphs: orders planted wherever a stranger can write, read by a model that obeys every one of them."""

from .generating import Attack, Target, targets_of
from .obedient import ObedientModel
from .order import Order, Step
from .stage import Played, Stage
from .suite import attack_suite

__all__ = ["Attack", "ObedientModel", "Order", "Played", "Stage", "Step", "Target", "attack_suite", "targets_of"]
