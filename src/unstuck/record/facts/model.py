"""Facts about the model: its layers and parameters, which of them ran, and in which mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unstuck.record.facts.fact import Fact

__all__ = [
    "Adapter",
    "BatchStatistics",
    "Layer",
    "Model",
    "Modes",
    "Parameter",
    "Ran",
    "Role",
    "Router",
    "StaleCopy",
    "UncalledModule",
    "UncalledModules",
    "WeightsLeftOut",
]

Role = Literal["weight", "bias", "norm", "embedding", "other"]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A leaf module of a model.

    Attributes:
        path: Its path, ``"features.3"``.
        type: Its class name, ``"Conv2d"``.
        description: Its ``repr``, shortened.
    """

    path: str
    type: str
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter tensor.

    Attributes:
        name: Its name, ``"features.3.weight"``.
        shape: Its shape.
        role: weight, bias, norm (scale or shift of a normalisation), embedding, or other.
        trainable: Whether it asks for a gradient.
        optimized: Whether an optimizer holds it.
        fresh: Whether its values look as an initialiser draws them, not learnt; None where that cannot be told.
        type: The type of its numbers, ``"float32"``; empty where it was not recorded.
        zero: Whether it is a matrix of zeros that asks for no gradient.
    """

    name: str
    shape: tuple[int, ...]
    role: Role = "other"
    trainable: bool = True
    optimized: bool = True
    fresh: bool | None = None
    type: str = ""
    zero: bool = False


@dataclass(frozen=True, kw_only=True)
class Model(Fact):
    """The model, as it stood when training began.

    Attributes:
        type: Class of the module that is trained, of several joined by " + "; empty of a program without modules.
        variable: What the user's code calls it; of several joined by " + "; empty where that is not known.
        layers: Its leaf modules.
        parameters: Its parameters.
    """

    kind = "model"
    missing = "no model was seen"
    type: str
    variable: str = ""
    layers: tuple[Layer, ...] = ()
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ran(Fact):
    """The layers that ran in a forward pass that a backward pass followed.

    Attributes:
        step: Updates made.
        layers: Paths of the leaf modules with parameters, in the order in which they first ran.
        without_gradient: Those of them that ran while gradients were switched off.
    """

    kind = "ran"
    step: int
    layers: tuple[str, ...] = ()
    without_gradient: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Modes(Fact):
    """How many modules that behave differently in training and evaluation are in which mode; stated when it changes.

    Attributes:
        step: Updates made.
        phase: training: a forward pass that a backward pass followed; evaluation: one without gradients.
        norms_training: Batch norms (with running statistics) in training mode.
        norms_evaluating: Batch norms in evaluation mode.
        dropouts_training: Dropouts (p > 0) in training mode.
        dropouts_evaluating: Dropouts in evaluation mode.
        frozen_norms: Batch norms in evaluation mode whose own parameters are frozen too, as in a frozen backbone.
        unmoved_norms: Batch norms in evaluation mode whose running statistics are those they were made with.
        half_loaded_norms: Frozen batch norms in evaluation mode that have the bias of a training, and the running
            statistics that they were made with.
        model_training: Whether the model itself is in training mode.
    """

    kind = "modes"
    missing = "the model has neither batch norm nor dropout"
    step: int
    phase: Literal["training", "evaluation"]
    norms_training: int = 0
    norms_evaluating: int = 0
    dropouts_training: int = 0
    dropouts_evaluating: int = 0
    frozen_norms: int = 0
    unmoved_norms: int = 0
    half_loaded_norms: int = 0
    model_training: bool = True


@dataclass(frozen=True, kw_only=True)
class StaleCopy(Fact):
    """A copy of the model that is evaluated, whose batch norms have new weights and the running statistics of old.

    Attributes:
        step: Updates made.
        as_made: Whether the statistics are the mean 0 and variance 1 that they were made with.
        norms: Batch norms of the copy.
        file: The user's file that evaluates it.
        line: The line of that.
    """

    kind = "stale_copy"
    missing = "no copy of the model was evaluated by running statistics that had been left behind"
    special = True
    step: int
    as_made: bool
    norms: int
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class UncalledModule:
    """A module with parameters that no forward pass called, nor any module within it.

    Attributes:
        path: Its path.
        type: Its class name.
        parameters: Names of its parameters.
        place: Where it was registered: between modules that are called, in a list of which others are called, or
            elsewhere, before or behind all of them.
        mentioned: Whether a method of the module that holds it names it, other than the constructor.
        users: Whether the class of the module that holds it is the user's own.
        copied: Whether it has parts, and another module of its class and shapes is called.
    """

    path: str
    type: str
    parameters: tuple[str, ...] = ()
    place: Literal["between", "list", "elsewhere"] = "elsewhere"
    mentioned: bool = False
    users: bool = False
    copied: bool = False


@dataclass(frozen=True, kw_only=True)
class UncalledModules(Fact):
    """Modules that were called at none of the sampled steps so far.

    Attributes:
        steps: How many steps those are.
        modules: The outermost such modules.
    """

    kind = "uncalled_modules"
    missing = "no forward pass of a module was seen"
    steps: int
    modules: tuple[UncalledModule, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Router(Fact):
    """A choice among experts.

    Attributes:
        where: Path of the module that holds the experts.
        experts: How many there are.
        chosen: How many are chosen for each token; 0 where all are mixed by weights.
        tokens: Tokens of a batch.
    """

    kind = "router"
    missing = "no router was seen"
    where: str
    experts: int
    chosen: int
    tokens: int


@dataclass(frozen=True, kw_only=True)
class WeightsLeftOut(Fact):
    """Weights that ``load_state_dict`` did not load, though the file has them under another name.

    Attributes:
        parameters: Names of the parameters.
        keys: The name of each in the file, a tensor of the same shape; empty where entries of the file were chosen by
            their names, and none was.
        own: Whether the call was handed the model's own tensors for them; otherwise nothing, with ``strict=False``.
        file: The user's file that loads.
        line: The line of that call.
    """

    kind = "weights_left_out"
    missing = "no load of weights left any out"
    parameters: tuple[str, ...]
    keys: tuple[str, ...]
    own: bool = False
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Adapter(Fact):
    """A low-rank adapter: two trained factors whose product is added to a frozen weight.

    Attributes:
        zero: Name of the factor that begins at zero; of the left one where none does.
        other: Name of the other one.
        frozen: Name of the weight.
        begins: Size of the product before the first update, in that of the weight: 0 where one factor is zero.
    """

    kind = "adapter"
    missing = "no low-rank adapter was seen"
    special = True
    zero: str
    other: str
    frozen: str
    begins: float = 0.0


@dataclass(frozen=True, kw_only=True)
class BatchStatistics(Fact):
    """What a batch norm normalised by in one step.

    Attributes:
        step: Updates made.
        where: Path of the norm.
        examples: Examples of the batch.
        noise: Squared distance of the means of the batch from the running means, over the running variances, each at
            most 1; mean over channels. Of independent values it is one over their number.
        values: Values of each channel; 0 where that is not known.
    """

    kind = "batch_statistics"
    missing = "no batch norm was trained"
    special = True
    step: int
    where: str
    examples: int
    noise: float
    values: int = 0
