"""What was asked, counted, read and proven, and who is at it now."""
