"""Many trainings that differ in numbers only, as one.

:func:`train_stacked` trains recipes, :func:`fit_stacked` anybody's models from the first epoch to the last, and
:class:`Stack` takes single steps of them.
"""

from unstuck.stacked.errors import CannotStackError
from unstuck.stacked.fit import fit_stacked
from unstuck.stacked.member import Member, MemberResult
from unstuck.stacked.recipes import train_stacked
from unstuck.stacked.stack import Stack

__all__ = ["CannotStackError", "Member", "MemberResult", "Stack", "fit_stacked", "train_stacked"]
