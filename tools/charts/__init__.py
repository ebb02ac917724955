"""What is made from a chart's own files; never shipped."""
