"""What is sent and when: payloads, their choice, the schedule of starts."""
