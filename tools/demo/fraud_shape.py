"""What is known of the models without training them: this imports nothing heavy."""

FEATURES = 58
ROWS = 1000
TREES = {"champion": 100, "challenger": 40}
