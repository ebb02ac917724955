"""How an endpoint gets from one status to the next, and the fleets and routes that go with it."""
