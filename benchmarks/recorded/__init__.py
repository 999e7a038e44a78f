"""What benchmarks keep of what they measured, row by row."""
