"""What CloudWatch computes: statistics over values, and the states of alarms. Pure; no I/O, no clock."""
