"""Make the tries of a sweep on a Ray cluster, by Ray Tune, each in a process of its own.

What is tried, what came of it, going on after a crash and the pages stay as they are without Ray: Tune is given the
tries that are due, places them on the machines, and stops those that need not go on.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from unstuck.errors import StudyError
from unstuck.optional import require
from unstuck.sweep.alone import Ticks, point, train_alone
from unstuck.sweep.attempt import Outcome, Try
from unstuck.sweep.judge import Reason
from unstuck.sweep.space import Space
from unstuck.train import Epoch, Means

__all__ = ["LOCAL", "OnRay"]

LOCAL = "local"
"""The address of a cluster that is started on this machine."""

ROUNDS = 4
"""Tries that are given to Tune at once, for each processor of the cluster: few are waited for at the end of a round."""


class OnRay:
    """Train on a Ray cluster.

    Args:
        address: ``"local"``, ``"auto"`` for the cluster that this machine belongs to, ``"ray://host:10001"``.

    Raises:
        MissingPackageError: Ray is not installed.
        StudyError: There is no such cluster.
    """

    def __init__(self, address: str) -> None:
        self._ray = require("ray", extra="search-ray", purpose="--ray")
        self._tune = require("ray.tune", extra="search-ray", purpose="--ray")
        os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # whose boxes verbose=0 does not silence
        os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # their files have nothing that ours lack
        where = {} if address == LOCAL else {"address": address}
        try:
            self._ray.init(
                **where, ignore_reinit_error=True, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
            )
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise StudyError(
                f"--ray {address}: no Ray cluster can be reached there ({error}); start one by `ray start "
                "--head`, or give local"
            ) from error

    def together(self, space: Space, waiting: list[Try]) -> int:
        """As many as keep all processors of the cluster busy for a while."""
        return ROUNDS * max(int(self._ray.cluster_resources().get("CPU", 1)), 1)

    def train(
        self, space: Space, tries: list[Try], after_epoch: Ticks, say: Callable[[str], None]
    ) -> Iterator[tuple[Try, Outcome]]:
        """Make tries, and give their outcomes once all are over."""
        followed = _Followed(tries, after_epoch)
        given = {"space": space.to_dict(), "try": self._tune.grid_search([attempt.to_dict() for attempt in tries])}
        with tempfile.TemporaryDirectory() as folder:
            run = self._tune.RunConfig(storage_path=folder, verbose=0, stop=followed.stopper(self._tune))
            results = self._tune.Tuner(_trainable, param_space=given, run_config=run).fit()
            for result in results:
                attempt = Try.of(result.config["try"])
                yield attempt, followed.outcome(attempt, result)


def _trainable(config: dict[str, Any]) -> None:
    """What a worker does: train one setting, and report each epoch and the outcome."""
    report = require("ray.tune", extra="search-ray", purpose="--ray").report
    space, attempt = Space.of(config["space"]), Try.of(config["try"])
    outcome = train_alone(space, attempt, after_epoch=lambda _, epoch: report(_said(attempt, epoch)))
    report({"key": attempt.key, "outcome": outcome.to_dict()})


def _said(attempt: Try, epoch: Epoch) -> dict[str, Any]:
    means = epoch.validation
    return {
        "key": attempt.key,
        "epoch": epoch.number,
        "train": [epoch.train.loss, epoch.train.accuracy, epoch.train.examples],
        "validation": None if means is None else [means.loss, means.accuracy, means.examples],
    }


class _Followed:
    """The tries of a round as they are reported to the process that has given them."""

    def __init__(self, tries: list[Try], after_epoch: Ticks) -> None:
        self._tries = {attempt.key: attempt for attempt in tries}
        self._after_epoch = after_epoch
        self._epochs: dict[str, list[tuple[float, Epoch]]] = {key: [] for key in self._tries}
        self._reasons: dict[str, Reason] = {}

    def stopper(self, tune: Any) -> Any:
        """What Tune asks after each report whether a try need not go on."""
        follow = self._follow

        class Stopper(tune.Stopper):  # pyright: ignore[reportUntypedBaseClass]
            def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
                return follow(result)

            def stop_all(self) -> bool:
                return False

        return Stopper()

    def _follow(self, result: dict[str, Any]) -> bool:
        if "epoch" not in result:
            return False
        key, held_out = result["key"], result["validation"]
        epoch = Epoch(
            number=result["epoch"],
            train=_means(result["train"]),
            validation=None if held_out is None else _means(held_out),
        )
        self._epochs[key].append((float(result.get("time_total_s", math.nan)), epoch))
        reason = self._after_epoch(self._tries[key], epoch)
        if reason is not None:
            self._reasons[key] = reason
        return reason is not None

    def outcome(self, attempt: Try, result: Any) -> Outcome:
        """What came of a try: what its worker said last, or what is known of one that was stopped, or has failed."""
        said = (result.metrics or {}).get("outcome")
        if said is not None:
            return Outcome.of(said)
        curve = tuple(point(seconds, epoch) for seconds, epoch in self._epochs[attempt.key])
        reason = self._reasons.get(attempt.key)
        if reason is None:
            lines = str(result.error).strip().splitlines() or ["its worker died"]
            return Outcome(reason="failed", said=lines[-1], epochs=len(curve), curve=curve)
        last = self._epochs[attempt.key][-1][1]
        means = last.validation or last.train
        return Outcome(
            reason="pruned",
            accuracy=means.accuracy,
            loss=means.loss,
            epochs=len(curve),
            seconds=curve[-1][0],
            curve=curve,
            said=reason.said,
            code=reason.code,
        )


def _means(said: list[Any]) -> Means:
    loss, accuracy, examples = said
    return Means(loss=loss, accuracy=accuracy, examples=examples)
