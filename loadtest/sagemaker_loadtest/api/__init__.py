"""What a test may ask for, and the words, units and errors that all of the load tester shares."""
