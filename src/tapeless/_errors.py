"""Exceptions, and the long messages of errors raised in more than one place.

PyTorch's first line comes first and verbatim, so that what people have learned (and searched for) still
holds; what to do about it follows.
"""

from __future__ import annotations

SECOND_BACKWARD = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
    "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or if "
    "you need to access saved tensors after calling backward.\n"
    "The values that {node} had kept are gone. Write loss.backward(retain_graph=True) for the first of the two "
    "calls, or compute the loss again."
)

MODIFIED_IN_PLACE = (
    "one of the variables needed for gradient computation has been modified by an inplace operation: "
    "[{dtype} {shape}], which {node} kept as its `{name}`, was written to after that operation ran.\n"
    "Hint: use the out-of-place form of the write (x = x + 1 instead of x += 1), or write to x.clone(); "
    "enable anomaly detection with autograd.set_detect_anomaly(True) to see the line of the operation."
)

LEAF_IN_PLACE = (
    "a leaf Variable that requires grad is being used in an in-place operation.\n"
    "Its gradient would have no place to go. To update a parameter, write inside `with no_grad():`; to build "
    "on it, use the out-of-place form, or x.clone() first."
)

VIEW_OF_LEAF_IN_PLACE = (
    "a view of a leaf Variable that requires grad is being used in an in-place operation.\n"
    "To update a parameter, write inside `with no_grad():`; to build on it, take the view of x.clone()."
)

MULTI_VIEW_IN_PLACE = (
    "Output {index} of {node} is a view and {what}. This view is the output of a function that returns "
    "multiple views. Such functions do not allow the output views to be modified inplace. You should replace "
    "the inplace operation by an out-of-place one."
)

NO_GRAD_VIEW_IN_PLACE = (
    "A view was created in {mode} mode and {what} with grad mode enabled. Given that this use case is "
    "ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the "
    "inplace either both inside the no_grad block (if you don't want the inplace to be tracked) or both "
    "outside (if you want the inplace to be tracked)."
)

WRITTEN_ITSELF = "is being modified inplace"
WRITTEN_ELSEWHERE = "its base or another view of its base has been modified inplace"

INFERENCE_SAVED = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
    "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and "
    "use it in autograd, or use `tapeless.no_grad()` instead of `tapeless.inference_mode()`."
)

INFERENCE_IN_PLACE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a "
    "normal tensor before doing inplace update."
)

OVERLAPPING_WRITE = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory "
    "location. Please clone() the tensor before performing the operation."
)

PARTIAL_OVERLAP = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single "
    "memory location. Please clone() the tensor before performing the operation."
)

NO_GRAPH = (
    "element {index} of tensors does not require grad and does not have a grad_fn\n"
    "Nothing that it was computed from requires grad, so there is no gradient to compute. Usual reasons: the "
    "parameters were made without requires_grad=True, the forward pass ran under no_grad(), or .detach(), "
    ".item(), .numpy() or an integer step (argmax, round to int) cut the graph."
)

NOT_SCALAR = (
    "grad can be implicitly created only for scalar outputs\n"
    "This output has shape {shape}. Reduce it first (loss.mean().backward()) or pass the gradient of each "
    "element: loss.backward(gradient=ones_like(loss))."
)

NOT_REAL = (
    "grad can be implicitly created only for real scalar outputs but got {dtype}\n"
    "Make it real first (z.abs() or z.real), or pass a gradient: z.backward(gradient=...)."
)


class TapelessError(RuntimeError):
    """Root of the errors that have no counterpart in PyTorch; everything else raises PyTorch's own kinds."""


class MissingDependencyError(TapelessError, ImportError):
    """An optional package is needed and not installed; the message names the extra to install."""


def device_error(device: object) -> str:
    """Return the sentence that refuses every device but the CPU."""
    return (
        f"tapeless runs on the CPU only: expected device 'cpu', got {str(device)!r}. Leave the device out, or "
        "choose it with: device = 'cuda' if torch.cuda.is_available() else 'cpu'."
    )


NO_ACCELERATOR = (
    "Cannot access accelerator device when none is available.\n"
    "A number names a GPU, and tapeless runs on the CPU only: leave it out, or write 'cpu'."
)

PLANNED = "module '{module}' has no attribute '{name}': it is no part of Tapeless yet"
