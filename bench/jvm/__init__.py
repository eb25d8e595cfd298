"""Real programs on a JVM, on every allocator."""
