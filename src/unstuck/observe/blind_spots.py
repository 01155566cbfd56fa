"""What an observer cannot see, in the words in which the run says so."""

__all__ = ["COMPILED", "SHARDED"]

COMPILED = (
    "the program runs compiled code, into which hooks do not reach: inputs, targets, activations and evaluations are "
    "not seen from here on; losses, gradients, weights and updates are"
)

SHARDED = (
    "parameters are sharded over several processes, and what these measured of their parts did not all arrive: norms "
    "of gradients, weights and updates are missing; start the processes with torchrun -m unstuck run SCRIPT"
)
