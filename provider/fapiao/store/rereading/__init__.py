"""Stored answers read again by a newer plugin or under another policy: what differs, and the rows brought to it."""
