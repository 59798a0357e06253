"""Settings of the chapters' tests: one thread, for networks this small are slower with two."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
