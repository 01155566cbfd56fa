"""Search for the learning rate by three methods, and leave everything as it was.

Examples:
    >>> import unstuck
    >>> unstuck.find_learning_rate.__name__
    'find_learning_rate'
"""

from unstuck.find_lr.find import find_in_function, find_in_recipe, find_learning_rate
from unstuck.find_lr.in_script import InScript
from unstuck.find_lr.picture import write_pictures
from unstuck.find_lr.result import FoundRate
from unstuck.find_lr.search import Effort, search
from unstuck.find_lr.text import FoundText

__all__ = [
    "Effort",
    "FoundRate",
    "FoundText",
    "InScript",
    "find_in_function",
    "find_in_recipe",
    "find_learning_rate",
    "search",
    "write_pictures",
]
