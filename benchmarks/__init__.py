"""Benchmarks of pyrpc beside its peers; run ``python -m benchmarks``, read README.md."""
