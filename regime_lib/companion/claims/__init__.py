"""The ledger: claims, criteria, measurements, verdicts."""
