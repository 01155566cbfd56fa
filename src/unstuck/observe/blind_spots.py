"""What an observer cannot see, in the words in which the run says so."""

__all__ = ["COMPILED", "FLATTENED", "PARTS", "SHARDED", "SPREAD_LOSS", "UNREADABLE_LOSS"]

COMPILED = (
    "the program runs compiled code, into which hooks do not reach: inputs, targets, activations, attention and "
    "evaluations are not seen from here on; losses, gradients, weights and updates are"
)

SHARDED = (
    "parameters are sharded over several processes, and what these measured of their parts did not all arrive: norms "
    "of gradients, weights and updates are missing; start the processes with torchrun -m unstuck run SCRIPT"
)

FLATTENED = (
    "parameters are sharded by FullyShardedDataParallel: norms of gradients, weights and updates are missing; "
    "torch.distributed.fsdp.fully_shard, which replaces it, allows them to be measured"
)

PARTS = (
    "activations, inputs or losses are tensors spread over several processes: statistics of activations and inputs are "
    "of the part that rank 0 holds; what only all parts together would show, such as accuracy, or activations that are "
    "summed over the processes, is missing"
)

SPREAD_LOSS = (
    "the loss is a sum whose summands are on several processes (a DTensor of Partial placement), so its value is "
    "missing; loss.full_tensor().backward() shows it"
)

UNREADABLE_LOSS = (
    "the loss is a tensor of a kind that holds no numbers of its own, so its values are not seen; what follows from "
    "them is not judged"
)
