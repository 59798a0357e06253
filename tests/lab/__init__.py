"""Tests of `regime_lib.lab`."""
