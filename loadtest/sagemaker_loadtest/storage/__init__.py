"""Where results go beside the terminal: the folder, S3, a ConfigMap; at the end and while the run goes on."""
