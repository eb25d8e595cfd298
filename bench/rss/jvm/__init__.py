"""Native memory of a real JVM."""
