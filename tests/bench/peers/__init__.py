"""What the benchmarks compare with. Run by .venv-bench: nothing here imports the product."""
