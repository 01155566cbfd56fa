"""A member trained by itself, as the others are that can be trained as one."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor

from unstuck.stacked.fit import AfterEpoch
from unstuck.stacked.member import Member, MemberResult
from unstuck.train.fit import Epoch, fit
from unstuck.train.losses import LossFunction

__all__ = ["fit_alone"]


def fit_alone(
    member: Member, loss: LossFunction, number: int, after_epoch: AfterEpoch | None, alone: str
) -> MemberResult:
    """Train one member by :func:`unstuck.train.fit`.

    Args:
        member: What to train.
        loss: Of outputs and targets.
        number: Its number, for ``after_epoch``.
        after_epoch: As in :func:`fit_stacked`.
        alone: Why it is trained by itself.
    """
    seen: list[Tensor] = []
    said: list[str] = []

    def noted(outputs: Tensor, targets: Tensor) -> Tensor:
        value = loss(outputs, targets)
        if torch.is_grad_enabled():
            seen.append(value.detach())
        return value

    def asked(epoch: Epoch) -> bool:
        why = after_epoch(number, epoch) if after_epoch else None
        said.extend([] if why is None else [why])
        return why is not None

    with torch.random.fork_rng(devices=[]) if member.state is not None else nullcontext():
        if member.state is not None:
            torch.set_rng_state(member.state)
        fitted = fit(
            member.model,
            noted,
            member.data,
            member.optimizer,
            validation=member.validation,
            epochs=member.epochs,
            patience=member.patience,
            schedule=member.schedules,
            penalty=member.penalty,
            after_epoch=asked,
        )
    return MemberResult(
        reason=fitted.reason,
        why=said[-1] if fitted.reason == "stopped" else "",
        epochs=fitted.epochs,
        best=fitted.best,
        losses=torch.stack(seen).double().numpy() if seen else np.zeros(0),
        model=member.model,
        alone=alone,
    )
