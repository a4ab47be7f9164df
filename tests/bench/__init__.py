"""Benchmarks: ratios between things run in the same minute, never a verdict. `make bench` writes docs/benchmarks.md."""
