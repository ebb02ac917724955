"""`python -m sagemaker_operator`."""

import sys

from sagemaker_operator.main import main

if __name__ == "__main__":
    sys.exit(main())
