"""`python -m sagemaker_loadtest` is the command `sagemaker-loadtest`."""

import sys

from sagemaker_loadtest.command.cli import main

sys.exit(main())
