"""A second, slow planner, written from thrift/PLANNER.md: it imports nothing of pyrpc."""
