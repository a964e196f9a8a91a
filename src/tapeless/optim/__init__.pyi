"""Where the public names of `tapeless.optim` come from: for type checkers, and for the generated ``_index.py``."""

from . import (
    lr_scheduler as lr_scheduler,
    optimizer as optimizer,
    swa_utils as swa_utils,
)
from ._adadelta import Adadelta as Adadelta
from ._adafactor import Adafactor as Adafactor
from ._adagrad import Adagrad as Adagrad
from ._adam import Adam as Adam, AdamW as AdamW
from ._adamax import Adamax as Adamax
from ._asgd import ASGD as ASGD
from ._lbfgs import LBFGS as LBFGS
from ._muon import Muon as Muon
from ._nadam import NAdam as NAdam
from ._optimizer import Optimizer as Optimizer
from ._radam import RAdam as RAdam
from ._rmsprop import RMSprop as RMSprop
from ._rprop import Rprop as Rprop
from ._sgd import SGD as SGD
from ._sparse_adam import SparseAdam as SparseAdam
