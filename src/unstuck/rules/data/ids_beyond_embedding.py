"""D105: a sequence holds ids that an embedding has no vector for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import FailedLookup
from unstuck.rules.rule import Rule

__all__ = ["IdsBeyondEmbedding"]


@dataclass(frozen=True, kw_only=True)
class IdsBeyondEmbedding(Rule):
    """The training crashed because an id is beyond the rows of an embedding.

    Detects:
        Ids of a tokenizer with more tokens than the table has rows, also those that were added to it later; positions
        of sequences that are longer than the table of positions; negative ids, as labels of -100 that are given to a
        decoder as its input.

    Why it matters:
        A table of n rows holds vectors for the ids 0 to n - 1. On a CPU any other id ends the program by an IndexError
        that names neither; on a GPU the whole process is lost.

    Evidence:
        The ids that the call was given which raised the error, and the rows of its table.

    Known false positives:
        None is known: the program has ended for this reason.

    Try:
        ``nn.Embedding(len(vocabulary), ...)``, with padding and unknown tokens counted; in transformers
        ``model.resize_token_embeddings(len(tokenizer))``; a longer table of positions, or shorter sequences.

    References:
        PyTorch documentation, nn.Embedding (num_embeddings).
    """

    code = "D105"
    name = "ids beyond embedding"
    cause = "does-not-run"
    needs = (FailedLookup,)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        fact = run.fact(FailedLookup)
        if fact is None:
            return
        table = f"the embedding {fact.where}" if fact.where else "an embedding"
        if fact.lowest < 0:
            what = f"{table} was given the id {fact.lowest}: ids begin at 0"
            advice = "Replace negative ids by that of padding where they are inputs; -100 is for labels alone."
        elif fact.counting:
            what = f"a sequence has positions up to {fact.highest}, but {table} has {fact.rows} rows"
            advice = f"Make the table of positions longer than {fact.highest}, or cut sequences to {fact.rows}."
        else:
            what = f"ids run up to {fact.highest}, but {table} has {fact.rows} rows: 0 to {fact.rows - 1} are accepted"
            advice = (
                f"Give it {fact.highest + 1} rows or more, as many as the tokenizer has tokens "
                "(model.resize_token_embeddings(len(tokenizer))), or map rare tokens to the id of an unknown one."
            )
        yield self.about(
            fact,
            what,
            advice,
            value=float(fact.lowest if fact.lowest < 0 else fact.highest),
            threshold=float(0 if fact.lowest < 0 else fact.rows - 1),
            note=f"{fact.beyond:,} of {fact.ids:,} ids of the batch have no vector",
            severity="error",
            confidence=0.97,
        )
