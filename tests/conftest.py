"""For every test: threads that wait must not take the cores from those that work; read when torch is imported."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
