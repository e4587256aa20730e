"""``python -m paster``, for where the console script is not on the path."""

import sys

from paster.command import main

sys.exit(main())
