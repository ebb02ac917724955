"""``python -m sagemaker_local`` is ``sagemaker-local``."""

import sys

from sagemaker_local.cli import main

sys.exit(main())
