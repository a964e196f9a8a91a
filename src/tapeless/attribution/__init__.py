"""Which parts of an input made a model say what it says: attributions, as large as the input.

Five methods, each a function of a model and its inputs:

- `saliency`: how steeply the output changes with each element of the input.
- `smoothgrad`: the same, averaged over noisy copies of the input.
- `input_x_gradient`: the gradient times the input, what a linear model adds up.
- `integrated_gradients`: the gradient along the way from a baseline; the attributions sum up to how much the output
  has changed on it.
- `occlusion`: how much the output falls as a window of the input is covered; needs no gradients.

All take the same first arguments:

- `model`: any callable that takes the inputs and returns a Tensor with a row for each sample. A module's mode is left
  as it is, so call ``model.eval()`` first if it has dropout or batch normalization.
- `inputs`: a Tensor, the batch's dim first, or a tuple of Tensors where the model takes several. The result is of
  the same form.
- `target`: which number of the output to explain. An int, the class, for outputs of shape (N, C); a tuple of ints for
  outputs of more dims; a Tensor of ints of shape (N,) or (N, dims), for one of each sample's own; None if the model
  returns one number for each sample.

and these by name: `args`, more arguments of the model that get no attributions (where one is a Tensor with a row for
each sample, rows are repeated as those of the inputs), and, in methods that evaluate the model at many points,
`internal_batch_size`, the largest number of rows in one pass; by default as many as there are samples, at least 256.

Nothing but the result remains: gradients are computed for the inputs only and no ``.grad``, mode, random state or
``requires_grad`` changes. Grad mode does not matter.

Those who come from Captum find its names and, to rounding, its numbers, with two differences: the weights of
"riemann_trapezoid" sum up to 1 here, and the last windows of `occlusion` are whole ones.

>>> import tapeless as tl
>>> from tapeless.attribution import integrated_gradients
>>> model = lambda x: x[:, :1] * x[:, 1:]
>>> integrated_gradients(model, tl.tensor([[2.0, 3.0]]), target=0)
tensor([[3.0000, 3.0000]])
"""

from ._gradient import input_x_gradient as input_x_gradient, saliency as saliency, smoothgrad as smoothgrad
from ._integrated import integrated_gradients as integrated_gradients
from ._occlusion import occlusion as occlusion

__all__ = ["saliency", "smoothgrad", "input_x_gradient", "integrated_gradients", "occlusion"]
