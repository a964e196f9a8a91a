"""Signal processing: `windows`, as in ``torch.signal``."""

from . import windows as windows
