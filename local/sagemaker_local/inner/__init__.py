"""The rest of AWS that SageMaker leans on (S3, STS, IAM, CloudWatch Logs): moto, in a process of its own."""
