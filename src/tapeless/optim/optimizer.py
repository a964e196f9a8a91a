"""``torch.optim.optimizer`` under its name: the base class, the hooks of all optimizers, the mark of what is required.

>>> from tapeless.optim.optimizer import Optimizer, register_optimizer_step_post_hook
>>> import tapeless as tl
>>> p = tl.nn.Parameter(tl.zeros(1))
>>> with register_optimizer_step_post_hook(lambda optimizer, args, kwargs: print(type(optimizer).__name__)):
...     tl.optim.SGD([p]).step()
SGD
"""

from ._hooks import (
    register_optimizer_step_post_hook as register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook as register_optimizer_step_pre_hook,
)
from ._optimizer import Optimizer as Optimizer, Params as ParamsT, required as required

__all__ = ["Optimizer", "ParamsT", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook", "required"]
