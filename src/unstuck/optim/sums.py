"""The sums that a step leaves behind, for each parameter tensor: their names and their order in memory."""

from enum import IntEnum

__all__ = ["Sum"]


class Sum(IntEnum):
    """Columns of a table of sums; ``w`` and ``m`` are the values before the step, ``dw`` is the change of ``w``."""

    WEIGHT_SQ = 0  #: w . w
    GRADIENT_SQ = 1  #: g . g
    UPDATE_SQ = 2  #: dw . dw
    GRADIENT_UPDATE = 3  #: g . dw
    GRADIENT_AVERAGE = 4  #: g . m, m being the method's running average of gradients
    AVERAGE_SQ = 5  #: m . m
    GRADIENT_MAX = 6  #: largest \|g\|; infinite or NaN where g holds such a value
    NON_FINITE = 7  #: entries of g that are infinite or NaN
    ZEROS = 8  #: entries of g that are exactly zero
