"""What a multi-model server's fork server imports first: from then on it ends with the server.

By itself it ends when nobody holds the pipe from the server any more, and the models that it forks hold that pipe too.
"""

import os

from sagemaker_local.servers.serve import end_with_parent

end_with_parent(os.getppid())
