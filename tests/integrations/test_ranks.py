"""Two processes that each look at a part of the probe, over gloo, merged on the first."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from regime_lib.instrument import Trace
from regime_lib.integrations.ranks import gather, is_first_rank
from tests.integrations.test_doors import by_hand
from tests.two_ranks import in_two_ranks, needs_fork

IMPORTS = """
from regime_lib.errors import RegimeError
from regime_lib.instrument import RegimeTracker
from regime_lib.integrations.loop import Loop
"""
STEPS = """
model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 2)).double()
model = nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
probe = torch.randn(20, 6, generator=torch.Generator().manual_seed(9)).double()
loop = Loop(probe[rank::2], every_rank=True, report=folder / "run.html", directions=True)
loop.start(model)
whole = RegimeTracker(model, probe, directions=True).start()
torch.manual_seed(100 + rank)
for step in range(1, 6):
    optimizer.zero_grad()
    model(torch.randn(8, 6).double()).pow(2).mean().backward()
    optimizer.step()
    loop.step(step)
    whole.update()
whole.stop()
loop.stop()
loop.stop()
assert (loop.trace.coverage.samples == 20) == (rank == 0)
if rank == 0:
    loop.trace.save(folder / "merged")
    whole.trace.save(folder / "whole")
"""


@needs_fork
def test_ranks_with_parts_of_the_probe_make_one_trace(tmp_path: Path) -> None:
    in_two_ranks(tmp_path, IMPORTS, STEPS)
    merged, whole = (Trace.load(tmp_path / name) for name in ("merged", "whole"))
    assert (tmp_path / "run.html").is_file()
    assert {"pattern_change", "weight_change", "gradient_norm"} <= set(merged.quantities)
    for series in merged.all_series:
        (own,) = (one for one in whole.all_series if one.quantity == series.quantity)
        assert np.allclose(own.values, series.values, rtol=1e-9, equal_nan=True), series.quantity
    assert merged.array("pattern_change")[1].max() > 0


def test_a_process_that_is_alone_has_its_own_trace() -> None:
    trace = by_hand(2)[1].trace
    assert is_first_rank()
    assert gather(trace) is trace
