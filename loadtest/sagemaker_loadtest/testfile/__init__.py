"""The test file (YAML or JSON), section by section."""
