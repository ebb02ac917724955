"""The gateway to AWS: the only place with boto3."""
