"""What a task calls: clients that measure every exchange and hand each one on as a `Sample`."""
