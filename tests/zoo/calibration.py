"""What the confidences of rules should be, by how often their findings were right: printed for the authors of rules.

Confidences are mapped to probabilities by models that are fitted without one origin and scored on it, for each origin
in turn, since scripts of one author resemble each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.preprocessing import OneHotEncoder

from tests.zoo.answers import Answer
from tests.zoo.tables import aligned

__all__ = ["METHODS", "Claim", "calibration", "claims", "cross_validated", "suggestions"]

FAR = 0.1
"""Distance of a typed confidence from the suggested one from which it is marked."""

FEW = 5
"""Findings below which nothing is marked."""

CERTAIN = 0.01
"""Distance from 0 and 1 at which confidences are cut, so that one error does not cost infinitely much."""


class Claim(NamedTuple):
    """A finding, a note too, on a script whose diagnosis is known."""

    code: str
    confidence: float
    right: bool
    origin: str


Predict = Callable[[Sequence[Claim]], NDArray[np.float64]]


def claims(answers: Iterable[Answer]) -> list[Claim]:
    """All findings of all answers."""
    return [
        Claim(said.code, said.confidence, said.cause in answer.case.causes, answer.case.origin)
        for answer in answers
        for said in answer.said
    ]


def _as_typed(_: Sequence[Claim]) -> Predict:
    return _confidences


def _isotonic(known: Sequence[Claim]) -> Predict:
    model = IsotonicRegression(y_min=CERTAIN, y_max=1 - CERTAIN, out_of_bounds="clip")
    model.fit(_confidences(known), _right(known))
    return lambda asked: model.predict(_confidences(asked))


def _platt(known: Sequence[Claim]) -> Predict:
    model = LogisticRegression(C=np.inf).fit(_log_odds(known), _right(known))
    return lambda asked: model.predict_proba(_log_odds(asked))[:, 1]


def _platt_by_rule(known: Sequence[Claim]) -> Predict:
    """A slope for all, and for each rule an offset that a Gaussian prior of unit variance draws towards none."""
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(_codes(known))

    def features(asked: Sequence[Claim]) -> NDArray[np.float64]:
        return np.hstack([_log_odds(asked), encoder.transform(_codes(asked))])

    model = LogisticRegression(C=1.0).fit(features(known), _right(known))
    return lambda asked: model.predict_proba(features(asked))[:, 1]


METHODS: dict[str, Callable[[Sequence[Claim]], Predict]] = {
    "as typed": _as_typed,
    "isotonic": _isotonic,
    "Platt": _platt,
    "Platt by rule": _platt_by_rule,
}


def cross_validated(all_claims: Sequence[Claim], method: str) -> NDArray[np.float64]:
    """The probability of each claim by a model that saw no claim on scripts of its origin."""
    predicted = np.empty(len(all_claims))
    splits = LeaveOneGroupOut().split(all_claims, groups=[claim.origin for claim in all_claims])
    for known, asked in splits:
        predict = METHODS[method]([all_claims[place] for place in known])
        predicted[asked] = predict([all_claims[place] for place in asked])
    return predicted


def suggestions(all_claims: Sequence[Claim]) -> list[tuple[str, int, float, float, float]]:
    """For each rule and confidence: findings, share right, confidence typed and suggested."""
    predict = METHODS["Platt by rule"](all_claims)
    ordered = sorted(all_claims, key=_level)
    groups = [list(group) for _, group in groupby(ordered, key=_level)]
    return [
        (
            group[0].code,
            len(group),
            float(_right(group).mean()),
            float(np.mean([claim.confidence for claim in group])),
            float(predict(group).mean()),
        )
        for group in groups
    ]


def calibration(answers: Sequence[Answer]) -> str:
    """Both tables: how well each method predicts what is right, and what the best of them makes of each rule."""
    all_claims = claims(answers)
    if not all_claims or not all(
        _has_both(all_claims, without=origin) for origin in {claim.origin for claim in all_claims}
    ):
        return "Calibration needs findings on scripts of several origins, right ones and wrong ones."
    right = _right(all_claims)
    scores = []
    for method in METHODS:
        predicted = cross_validated(all_claims, method)
        scores.append((method, f"{brier_score_loss(right, predicted):.3f}", f"{log_loss(right, predicted):.3f}"))
    rows = [
        (code, str(count), f"{share:.2f}", f"{typed:.2f}", f"{suggested:.2f}", _mark(count, typed, suggested))
        for code, count, share, typed, suggested in suggestions(all_claims)
    ]
    return "\n\n".join(
        (
            f"{len(all_claims)} findings and notes, scored on the origin that was left out",
            aligned(("method", "Brier", "log loss"), scores),
            aligned(("rule", "findings", "right", "typed", "by Platt", ""), rows),
        )
    )


def _has_both(some: Sequence[Claim], *, without: str) -> bool:
    return len({claim.right for claim in some if claim.origin != without}) == 2


def _level(claim: Claim) -> tuple[str, float]:
    return claim.code, round(20 * claim.confidence) / 20


def _mark(count: int, typed: float, suggested: float) -> str:
    return "" if count < FEW or abs(typed - suggested) < FAR else "too sure" if typed > suggested else "too modest"


def _confidences(some: Sequence[Claim]) -> NDArray[np.float64]:
    return np.clip([claim.confidence for claim in some], CERTAIN, 1 - CERTAIN)


def _log_odds(some: Sequence[Claim]) -> NDArray[np.float64]:
    confidences = _confidences(some)
    return np.log(confidences / (1 - confidences))[:, None]


def _codes(some: Sequence[Claim]) -> NDArray[np.str_]:
    return np.array([claim.code for claim in some])[:, None]


def _right(some: Sequence[Claim]) -> NDArray[np.int64]:
    return np.array([claim.right for claim in some], dtype=np.int64)
