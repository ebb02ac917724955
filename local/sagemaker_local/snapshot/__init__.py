"""The state of the control plane in a file below ``--state-dir``, and its way back after a start."""
