"""Batch transform: objects of S3 cut into requests, sent to a job's model servers, and put together again."""
