"""Memory access and sums as a vectorising compiler likes them, for the Numba kernels.

Weights, gradients and states are different tensors and never overlap. Numba cannot say so for addresses read from a
table, and LLVM will not vectorise a loop over five pointers that might; the loads and stores here carry that promise.
Sums may be taken in any order, which vectors need, while the update formula keeps the exact order in which it is
written; so only ``plus`` allows reordering. (Fusing a product with a sum, which rounds once less, is allowed in all.)
"""

# numba ships no type information, and an intrinsic's first argument is its typing context
# pyright: basic

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = [
    "ask_flag",
    "ask_integer",
    "ask_long",
    "call_one",
    "call_two",
    "from_magnitude",
    "larger",
    "load",
    "load_constant",
    "load_flag",
    "load_integer",
    "magnitude",
    "maximum",
    "next_item",
    "plus",
    "select",
    "sqrt",
    "store",
    "store_integer",
    "store_sum",
    "take_ticket",
    "tally",
]

SLOTS = 8  #: weight, gradient and up to six states
_LANES = ("reassoc", "nsz", "contract")


def _pointer(builder: Any, address: Any, index: Any, kind: Any) -> Any:
    return builder.gep(builder.inttoptr(address, kind.as_pointer()), [index])


def _scopes(builder: Any, slot: int) -> tuple[Any, Any]:
    """Metadata: this access belongs to ``slot`` and overlaps with no other slot."""
    module = builder.module
    domain = module.add_metadata(["unstuck.tensors"])
    scopes = [module.add_metadata([f"unstuck.slot{k}", domain]) for k in range(SLOTS)]
    return module.add_metadata([scopes[slot]]), module.add_metadata([s for k, s in enumerate(scopes) if k != slot])


def _mark(builder: Any, instruction: Any, slot: int) -> None:
    own, others = _scopes(builder, slot)
    instruction.set_metadata("alias.scope", own)
    instruction.set_metadata("noalias", others)


@intrinsic(prefer_literal=True)
def load(typingctx, address, index, like, slot):
    """Entry ``index`` of the tensor at ``address``, of the type of ``like``, which is the ``slot``-th of its row."""

    def codegen(context, builder, signature, args):
        value = builder.load(_pointer(builder, args[0], args[1], context.get_value_type(signature.return_type)))
        _mark(builder, value, slot.literal_value)
        return value

    return like(types.int64, types.int64, like, slot), codegen


@intrinsic(prefer_literal=True)
def store(typingctx, address, index, value, slot):
    """Write an entry of a tensor; see ``load``."""

    def codegen(context, builder, signature, args):
        kind = context.get_value_type(signature.args[2])
        written = builder.store(args[2], _pointer(builder, args[0], args[1], kind))
        _mark(builder, written, slot.literal_value)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, value, slot), codegen


def _reader(kind: Any) -> Any:
    def typed(typingctx, address, index):
        def codegen(context, builder, signature, args):
            return builder.load(_pointer(builder, args[0], args[1], context.get_value_type(kind)))

        return kind(types.int64, types.int64), codegen

    return typed


load_integer = intrinsic(_reader(types.int64))  #: an int64 of a table
load_constant = intrinsic(_reader(types.float64))  #: a float64 of a table
load_flag = intrinsic(_reader(types.uint8))  #: a bool of a table


def _writer(kind: Any) -> Any:
    def typed(typingctx, address, index, value):
        def codegen(context, builder, signature, args):
            builder.store(args[2], _pointer(builder, args[0], args[1], context.get_value_type(kind)))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, kind), codegen

    return typed


store_integer = intrinsic(_writer(types.int64))  #: write an int64 of a table
store_sum = intrinsic(_writer(types.float64))  #: write a float64 of the table of sums


def _caller(answer: int, count: int) -> Any:
    """Call a C function by its address with some words; its answer, of so many bits, as an int64."""

    def call(builder, args):
        word, kind = ir.IntType(64), ir.IntType(answer)
        function = builder.inttoptr(args[0], ir.FunctionType(kind, [word] * count).as_pointer())
        value = builder.call(function, list(args[1:]))
        return value if answer == 64 else builder.sext(value, word)

    return call


@intrinsic
def call_one(typingctx, function, x):
    """What the C function at an address returns for one word."""

    def codegen(context, builder, signature, args):
        return _caller(64, 1)(builder, args)

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def call_two(typingctx, function, x, y):
    """What the C function at an address returns for two words."""

    def codegen(context, builder, signature, args):
        return _caller(64, 2)(builder, args)

    return types.int64(types.int64, types.int64, types.int64), codegen


@intrinsic
def next_item(typingctx, function, mapping, place):
    """Call ``PyDict_Next``, which keeps its position, the key and the value in the three words at ``place``."""

    def codegen(context, builder, signature, args):
        key, value = (builder.add(args[2], ir.Constant(ir.IntType(64), offset)) for offset in (8, 16))
        return _caller(32, 4)(builder, (args[0], args[1], args[2], key, value))

    return types.int64(types.int64, types.int64, types.int64), codegen


def _asker(bits: int) -> Any:
    """Ask a C function that leaves its answer, of so many bits, at a place given to it; -1 where it fails."""

    def typed(typingctx, function, subject):
        def codegen(context, builder, signature, args):
            word = ir.IntType(64)
            with builder.goto_entry_block():
                place = builder.alloca(ir.IntType(bits))
            failed = _caller(32, 2)(builder, (*args, builder.ptrtoint(place, word)))
            answer = builder.load(place)
            answer = answer if bits == 64 else builder.sext(answer, word)
            return builder.select(
                builder.icmp_signed("==", failed, ir.Constant(word, 0)), answer, ir.Constant(word, -1)
            )

        return types.int64(types.int64, types.int64), codegen

    return typed


ask_flag = intrinsic(_asker(8))  #: the answer is a bool
ask_integer = intrinsic(_asker(32))  #: the answer is an int32
ask_long = intrinsic(_asker(64))  #: the answer is an int64 or a pointer


@intrinsic
def take_ticket(typingctx, address):
    """Return the int64 at ``address`` and add one to it, in one indivisible step: which chunk is mine?"""

    def codegen(context, builder, signature, args):
        # LLVM halves its vectors on processors that once slowed down for long ones; these kernels gain by them
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", pointer, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(types.int64), codegen


@intrinsic
def plus(typingctx, x, y):
    """``x + y`` where the order of a long sum does not matter."""

    def codegen(context, builder, signature, args):
        return builder.fadd(args[0], args[1], flags=_LANES)

    return x(x, x), codegen


@intrinsic
def magnitude(typingctx, x):
    r"""The bits of \\|x\\| as an integer: same order as \\|x\\|, with infinity and then NaN at the top."""
    integer, bits = (types.int32, 32) if x == types.float32 else (types.int64, 64)

    def codegen(context, builder, signature, args):
        kind = ir.IntType(bits)
        return builder.and_(builder.bitcast(args[0], kind), ir.Constant(kind, 2 ** (bits - 1) - 1))

    return integer(x), codegen


@intrinsic
def from_magnitude(typingctx, bits):
    """The inverse of ``magnitude``."""
    real = types.float32 if bits == types.int32 else types.float64

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(real))

    return real(bits), codegen


@intrinsic
def maximum(typingctx, x, y):
    """The larger of two; NaN where either is NaN."""

    def codegen(context, builder, signature, args):
        larger = builder.fcmp_ordered(">", args[0], args[1])
        return builder.select(builder.or_(larger, builder.fcmp_unordered("uno", args[0], args[0])), *args)

    return x(x, x), codegen


@intrinsic
def select(typingctx, condition, x, y):
    """``x`` where ``condition`` is not zero, else ``y``."""

    def codegen(context, builder, signature, args):
        return builder.select(builder.fcmp_ordered("!=", args[0], ir.Constant(args[0].type, 0.0)), args[1], args[2])

    return x(condition, x, x), codegen


@intrinsic
def sqrt(typingctx, x):
    """Square root as one machine instruction; NaN below zero."""

    def codegen(context, builder, signature, args):
        return builder.call(builder.module.declare_intrinsic("llvm.sqrt", [args[0].type]), args)

    return x(x), codegen


@intrinsic
def larger(typingctx, x, y):
    """The larger of two integers of one type."""

    def codegen(context, builder, signature, args):
        return builder.select(builder.icmp_signed(">", *args), *args)

    return x(x, x), codegen


@intrinsic
def tally(typingctx, total, condition):
    """One more in an integer ``total`` where ``condition`` holds."""

    def codegen(context, builder, signature, args):
        return builder.add(args[0], builder.zext(args[1], args[0].type))

    return total(total, condition), codegen
