"""One vector at a time: loops that LLVM vectorises without unrolling them.

LLVM processes several vectors at once where a loop adds up sums, for the sake of sums that wait for one another. The
kernels here wait for memory instead: with two vectors of each of five arrays in flight, a step whose tensors are larger
than the caches takes a fifth longer, and one whose tensors fit takes as long as without. The loops of a kernel
therefore carry LLVM's own hint, ``llvm.loop.interleave.count`` of 1.
"""

# numba ships no type information
# pyright: basic

from typing import Any

from llvmlite import ir
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

__all__ = ["OneVectorAtATime"]


class _HintedLowering(Lower):
    def post_lower(self) -> None:
        super().post_lower()
        order = {block: k for k, block in enumerate(self.function.blocks)}
        for block, position in order.items():
            branch = block.terminator
            if isinstance(branch, ir.Branch) and any(order[target] <= position for target in _targets(branch)):
                branch.set_metadata("llvm.loop", _one_vector(self.module))


def _targets(branch: Any) -> list[Any]:
    return [operand for operand in branch.operands if isinstance(operand, ir.Block)]


def _one_vector(module: Any) -> Any:
    """A loop's own node of metadata, which by LLVM's rule begins with itself."""
    count = module.add_metadata(["llvm.loop.interleave.count", ir.Constant(ir.IntType(32), 1)])
    node = ir.MDValue(module, (count,), name=str(len(module.metadata)))
    node.operands = (node, count)
    return node


@register_pass(mutates_CFG=True, analysis_only=False)
class _HintedNativeLowering(NativeLowering):
    _name = "native_lowering_one_vector_at_a_time"

    @property
    def lowering_class(self) -> Any:
        return _HintedLowering


class OneVectorAtATime(CompilerBase):
    """Numba's usual pipeline, with the hint; for ``njit(pipeline_class=...)``."""

    def define_pipelines(self) -> list[Any]:
        """The usual passes, the one that writes LLVM's code replaced."""
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.passes = [
            (_HintedNativeLowering if step is NativeLowering else step, reason) for step, reason in pipeline.passes
        ]
        pipeline.finalize()
        return [pipeline]
