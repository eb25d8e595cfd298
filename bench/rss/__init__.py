"""What bench/rss/run is made of."""
