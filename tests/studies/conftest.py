"""Settings of the studies' tests: one thread, since small tensors are slower on several."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
