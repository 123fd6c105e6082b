"""For every test: one thread a process, so that tests that start processes do not wait for each other's threads."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported
