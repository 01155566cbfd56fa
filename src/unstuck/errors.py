"""Every exception that unstuck raises on purpose.

::

    UnstuckError
    ├── ArgumentError (also ValueError)   a value passed to a function, or set in a recipe, is not accepted
    │   └── RecipeError                   ... in a recipe: carries the key
    ├── DataError (also ValueError)       a data set is empty, not finite, or does not fit its task
    ├── MissingPackageError               an optional package is not installed: carries the command that does it
    │     (also ImportError)
    ├── WeightsError (also ValueError)    a file of weights is damaged, unsafe, or of another network
    ├── StudyError                        what a sweep has found out cannot be read or written, or is of another sweep
    └── RunError                          a run cannot be read or written
        ├── NotARunError                  the path holds no run of ours
        ├── NewerSchemaError              the run was written by a newer release
        ├── DamagedRunError               the run's file is damaged, and what it says cannot be relied on
        └── RunWriteError (also OSError)  the disk is full, or the folder may not be written

A message names the argument, the value received, what is accepted, and what to do.
"""

__all__ = [
    "ArgumentError",
    "DamagedRunError",
    "DataError",
    "MissingPackageError",
    "NewerSchemaError",
    "NotARunError",
    "RecipeError",
    "RunError",
    "RunWriteError",
    "StudyError",
    "UnstuckError",
    "WeightsError",
]


class UnstuckError(Exception):
    """Base of all errors that unstuck raises on purpose; its text is fit to be shown to a user."""


class ArgumentError(UnstuckError, ValueError):
    """A value is not accepted: the message names it and says what is."""


class RecipeError(ArgumentError):
    """A recipe holds an unknown key, a wrong type or an impossible value."""


class DataError(UnstuckError, ValueError):
    """A data set cannot be trained on."""


class MissingPackageError(UnstuckError, ImportError):
    """An optional package is needed for what was asked: the message names it and the command that installs it."""


class WeightsError(UnstuckError, ValueError):
    """A file of weights cannot be used."""


class StudyError(UnstuckError):
    """The study of a sweep cannot be read or written, or is one of another sweep."""


class RunError(UnstuckError):
    """A run cannot be read or written."""


class NotARunError(RunError):
    """The path given holds no run."""


class NewerSchemaError(RunError):
    """The run was written by a newer release, whose format this one does not know."""


class DamagedRunError(RunError):
    """The run's file is damaged: it was cut off, overwritten, or copied while it was being written."""


class RunWriteError(RunError, OSError):
    """The run cannot be written; what was written before stays readable."""
